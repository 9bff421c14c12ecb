"""One single point: input written, CP2K run, its protocol read."""

from __future__ import annotations

import gzip
import os
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from ase import Atoms

from al_loop import stopping
from al_loop.errors import EngineCrashed, EngineMissing, JobStopped
from al_loop.jobfolder import held_locks
from al_loop.label.cp2k.faults import abort_message, fault_of, reason_of
from al_loop.label.cp2k.inputs import PROJECT
from al_loop.label.cp2k.options import Cp2kOptions
from al_loop.label.cp2k.parse import SinglePoint, read_output
from al_loop.label.interface import Label
from al_loop.units import virial_from_stress

_INPUT, _OUTPUT, _ERRORS = "cp2k.inp", "cp2k.out", "cp2k.err"
ORBITALS = f"{PROJECT}-RESTART.wfn"
_POLL_SECONDS = 0.1
_PATIENCE = 20.0
"""Seconds that CP2K and its launcher have to end on SIGTERM."""


@dataclass(frozen=True)
class Answer:
    """A label, and the file of the orbitals that belong to it, if CP2K wrote one."""

    label: Label
    steps: int
    orbitals: Path | None


def single_point(
    atoms: Atoms, options: Cp2kOptions, text: str, folder: Path, *, version: str, data: Path
) -> Answer:
    """Energy, forces and virial of a frame by CP2K, run in ``folder``, which stays.

    ``text`` is its input, ``data`` the folder of CP2K's data.

    Raises
    ------
    PhysicsFault
        No answer for this frame.
    EngineCrashed, EngineMissing, JobStopped
        CP2K failed, is not here, or was stopped.
    """
    (folder / _INPUT).write_text(text)
    code = _run(options, folder, data)
    output = _words(folder / _OUTPUT)
    found = read_output(output)
    if not found.converged or not found.ended or found.energy is None:
        _explain(found, output, code, folder)
    if found.version and found.version != version:
        raise EngineMissing(
            f"CP2K {version} is not what ran here: {found.version} is",
            remedy="use one version on all nodes (another one is another method)",
        )
    label = _label(found, atoms)
    orbitals = folder / ORBITALS
    return Answer(label, found.steps, orbitals if orbitals.is_file() else None)


def keep(folder: Path, kept: Path) -> None:
    """Compressed copies of what CP2K read and wrote."""
    kept.mkdir(exist_ok=True)
    for name in (_INPUT, _OUTPUT):
        with (folder / name).open("rb") as source, gzip.open(kept / f"{name}.gz", "wb") as target:
            shutil.copyfileobj(source, target)


def _run(options: Cp2kOptions, folder: Path, data: Path) -> int:
    """Run CP2K to its end; its exit code.

    It is in our process group: who kills the job kills CP2K too.
    """
    command = [*shlex.split(options.command), "-i", _INPUT, "-o", _OUTPUT]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(options.threads),
        "CP2K_DATA_DIR": str(data),
    }
    try:
        with (folder / _ERRORS).open("wb") as errors:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                pass_fds=held_locks(folder),
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=subprocess.STDOUT,
            )
    except OSError as error:
        raise EngineMissing(
            f"CP2K is not installed here: {error}",
            where=command[0],
            remedy="correct label.options.command, or load CP2K's module in the job",
        ) from None
    try:
        _wait(process, options, folder)
    finally:
        _end(process)
    return process.returncode


def _wait(process: subprocess.Popen[bytes], options: Cp2kOptions, folder: Path) -> None:
    """Wait for CP2K; JobStopped on request, EngineCrashed when it is silent for too long."""
    size, since = -1, time.monotonic()
    while process.poll() is None:
        if stopping.requested():
            raise JobStopped("CP2K was stopped on request; its frame begins anew", where=folder)
        now = time.monotonic()
        written = sum(file.stat().st_size for file in folder.glob("cp2k.*"))
        if written != size:
            size, since = written, now
        elif now - since > options.frozen_after:
            raise EngineCrashed(
                f"CP2K was silent for {options.frozen_after:g} s and was ended",
                where=folder,
                remedy="if its SCF steps take so long: raise label.options.frozen_after",
            )
        time.sleep(_POLL_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End CP2K, and what a launcher has started for it."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _explain(found: SinglePoint, output: str, code: int, folder: Path) -> None:
    """Raise what a run without an answer means: a fault of the frame, or of the machine."""
    if code != 0 and stopping.expected(1.0):  # a queue signals all processes of a job at once
        raise JobStopped("CP2K was stopped on request; its frame begins anew", where=folder)
    reason = reason_of(output)
    if reason is not None:
        said = abort_message(output) or "SCF run NOT converged"
        raise fault_of(reason, f"CP2K: {said}")
    if found.ended and not found.converged:
        raise fault_of("scf-not-converged", "CP2K: the SCF did not converge")
    how = f"signal {-code} ({Signals(-code).name})" if code < 0 else f"code {code}"
    words = "\n".join([*output.splitlines()[-12:], *_words(folder / _ERRORS).splitlines()[-12:]])
    raise EngineCrashed(
        f"CP2K ended with {how} and without an answer\n{words}",
        where=folder,
        remedy="read cp2k.out and cp2k.err there",
    )


def _label(found: SinglePoint, atoms: Atoms) -> Label:
    assert found.energy is not None  # looked at before
    if found.forces is None or len(found.forces) != len(atoms):
        number = 0 if found.forces is None else len(found.forces)
        raise fault_of("other-frame", f"CP2K printed {number} forces for {len(atoms)} atoms")
    if found.stress is None:
        raise fault_of("stress-missing", "CP2K printed no stress")
    virial = virial_from_stress(found.stress, abs(atoms.get_volume()))
    note = f"CP2K {found.version}, {found.steps} SCF steps"
    return Label(found.energy, found.forces, virial, note=note)


def _words(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""
