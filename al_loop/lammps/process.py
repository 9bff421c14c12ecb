"""A LAMMPS process, and one that runs one script.

LAMMPS writes unbuffered into a pipe: each line is seen when it is written, and a LAMMPS whose
driver was killed ends at its next line (SIGPIPE).
"""

from __future__ import annotations

import subprocess
from collections import deque
from collections.abc import Callable
from pathlib import Path

from al_loop import stopping
from al_loop.errors import EngineCrashed
from al_loop.jobfolder import Clock, held_locks
from al_loop.lammps.executable import Program, read_program
from al_loop.lammps.faults import Fault, classify, last_words

OUTPUT = "lmp.out"
SIGNAL_SECONDS = 2.0
"""Between the signals of a queue to LAMMPS and to the process that drives it."""
_PATIENCE = 5.0
"""Seconds that LAMMPS has to end on SIGTERM."""
_HEAD = 1 << 16
"""Characters of its output in which LAMMPS has said what it is."""


def run_script(
    script: str,
    *,
    folder: Path,
    program: Program,
    clock: Clock,
    is_done: Callable[[], bool],
    listen: Callable[[str], None] | None = None,
) -> Fault | None:
    """Run a script of ``folder`` in a LAMMPS of its own; why it gave up, or None.

    ``is_done`` tells afterwards whether the script has left what it should. ``listen`` gets every
    line that LAMMPS prints; all go to ``lmp.out``.

    Raises
    ------
    EngineCrashed
        LAMMPS failed in a way that is not the physics' fault.
    JobStopped
        The job was asked to stop; LAMMPS is ended.
    """
    command = [*program.command, "-in", script, "-log", "none", "-nonbuf"]
    tail: deque[str] = deque(maxlen=60)
    integrating, drained = False, False
    with clock.span(), start_lammps(command, folder=folder, program=program) as process:
        try:
            with (folder / OUTPUT).open("a") as transcript:
                for line in process.stdout or ():
                    transcript.write(line)
                    tail.append(line)
                    integrating = integrating or line.startswith("Setting up Verlet run")
                    if listen is not None:
                        listen(line)
                    stopping.stop_if_requested(folder)
            drained = True
        finally:
            if not drained:
                end_lammps(process)
        code = process.wait()
    if code == 0 and is_done():
        return None
    if code < 0:  # by a signal from outside, perhaps
        stopping.expected(SIGNAL_SECONDS)
    stopping.stop_if_requested(folder)
    fault = classify(tail, code=code, integrating=integrating) if code else None
    if fault is None:
        raise EngineCrashed(
            f"LAMMPS ended with code {code}:\n{last_words(tail)}",
            where=folder / OUTPUT,
            remedy=f"run {script} in this folder by hand",
        )
    return fault


def program_in(folder: Path) -> str:
    """LAMMPS and DeePMD-kit's plug-in by what they printed in a folder; empty without it."""
    try:
        with (folder / OUTPUT).open(errors="replace") as stream:
            return read_program(stream.read(_HEAD))
    except OSError:
        return ""


def end_lammps(process: subprocess.Popen[str]) -> None:
    """End LAMMPS, and what a launcher (srun, mpirun) has started for it."""
    process.terminate()
    try:
        process.wait(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


def start_lammps(command: list[str], *, folder: Path, program: Program) -> subprocess.Popen[str]:
    """Start LAMMPS with its output in a pipe; EngineCrashed when it cannot be started."""
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=program.environment,
            pass_fds=held_locks(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise EngineCrashed(f"LAMMPS cannot be started: {error}", where=command[0]) from error
