"""One LAMMPS process that runs walkers in turn, and the watch over it.

LAMMPS writes unbuffered into a pipe: each line is seen when it is written, and a LAMMPS whose
driver was killed ends at its next line (SIGPIPE).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from al_loop import stopping
from al_loop.errors import EngineCrashed
from al_loop.explore.lammps.inputs import BEGIN, DEVIATION, END, STOP, joint_script
from al_loop.explore.lammps.parse import parse_deviation, parse_thermo_row
from al_loop.explore.lammps.restart import forget
from al_loop.explore.reduce import COMPLETED, Ending
from al_loop.jobfolder import Clock
from al_loop.lammps.executable import Program
from al_loop.lammps.faults import classify, last_words
from al_loop.lammps.process import OUTPUT, SIGNAL_SECONDS, end_lammps, start_lammps

JOINT_SCRIPT = "in.walkers"


class DeviationWatch:
    """Asks LAMMPS to stop (by a file) once a deviation is beyond its limit or not a number."""

    def __init__(self, folder: Path, limit: float) -> None:
        self._file = folder / DEVIATION
        self._stop = folder / STOP
        self._limit = limit
        self._offset = 0
        self._rest = ""

    def look(self) -> None:
        """Read the rows that were written since the last look."""
        if self._stop.exists() or not self._file.exists():
            return
        with self._file.open("rb") as stream:
            stream.seek(self._offset)
            fresh = stream.read()
        self._offset += len(fresh)
        text = self._rest + fresh.decode("ascii", errors="replace")
        whole = text.rfind("\n") + 1
        self._rest = text[whole:]
        rows = parse_deviation(text[:whole]).values()
        if any(not row.max_force <= self._limit for row in rows):
            self._stop.touch()


@dataclass
class _Progress:
    """Where in its script LAMMPS is, from the lines that it prints."""

    folder: Path
    limit: float
    clock: Clock
    walker: str | None = None
    setting_up: bool = False
    first_row: float | None = None
    watch: DeviationWatch | None = None
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=60))

    def read(self, line: str) -> str | None:
        """Take in a line; name of the walker that it ends, if it does."""
        self.tail.append(line)
        if line.startswith(BEGIN):
            self.walker = line[len(BEGIN) :].strip()
            self.watch = DeviationWatch(self.folder / self.walker, self.limit)
            self.setting_up, self.first_row = False, None
        elif line.startswith(END):
            ended, self.walker = self.walker, None
            return ended
        elif line.startswith("Setting up Verlet run"):
            self.setting_up = True
        elif self.setting_up and line.startswith("Loop time of"):
            self._integrated(float(line.split()[3]))
        elif self.setting_up and parse_thermo_row(line) is not None and self.watch:
            self.first_row = self.first_row or time.time()
            self.watch.look()
        return None

    def ended_early(self) -> None:
        """The process is gone: what it integrated until now counts."""
        if self.walker is not None and self.first_row is not None:
            self._integrated(time.time() - self.first_row)

    def _integrated(self, seconds: float) -> None:
        if self.first_row is not None:
            self.clock.add(self.first_row, self.first_row + seconds)
            self.first_row = None


def run_in_turn(
    names: Sequence[str],
    *,
    continued: Collection[str],
    folder: Path,
    program: Program,
    limit: float,
    clock: Clock,
) -> Iterator[tuple[str, Ending]]:
    """Run staged walkers in one process; yield each when it has ended.

    Where LAMMPS gives up on a walker, that walker's ending is the last one yielded: the rest
    needs a new process. Time in which LAMMPS integrates goes to ``clock``.

    Raises
    ------
    JobStopped
        The job was asked to stop. LAMMPS is ended; when Slurm has ended it by the same signal,
        this is no crash.
    EngineCrashed
        LAMMPS failed and no walker is to blame.
    """
    stopping.stop_if_requested(folder)
    (folder / JOINT_SCRIPT).write_text(joint_script(names, continued=continued))
    command = [*program.command, "-in", JOINT_SCRIPT, "-log", "none", "-nonbuf"]
    progress = _Progress(folder=folder, limit=limit, clock=clock)
    left = list(names)
    with start_lammps(command, folder=folder, program=program) as process:
        drained = False
        try:
            with (folder / OUTPUT).open("a") as transcript:
                for line in process.stdout or ():
                    transcript.write(line)
                    ended = progress.read(line)
                    if ended is not None:
                        left.remove(ended)
                        yield ended, COMPLETED
                    elif left:
                        stopping.stop_if_requested(folder)
            drained = True
        finally:
            if not drained:
                end_lammps(process)
        code = process.wait()
    progress.ended_early()
    if not left:
        return
    if code < 0:  # by a signal from outside, perhaps
        stopping.expected(SIGNAL_SECONDS)
    stopping.stop_if_requested(folder)
    fault = classify(progress.tail, code=code, integrating=progress.setting_up)
    ending = Ending(fault.stop, fault.detail) if fault else None
    if progress.walker and progress.walker in continued and not progress.setting_up:
        ending = None
        if 0 < code < 128:  # not by a signal: it may be the restart file, so start anew
            forget(folder / progress.walker)
    if ending is None or progress.walker is None:
        raise EngineCrashed(
            f"LAMMPS ended with code {code}:\n{last_words(progress.tail)}",
            where=folder / OUTPUT,
            remedy="try `al-loop check`; run in.lammps of a walker by hand",
        )
    yield progress.walker, ending
