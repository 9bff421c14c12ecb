"""Where a walker that was stopped or killed goes on: LAMMPS' restart files, and what was sampled.

LAMMPS writes two restart files in turn, so that one is whole whatever happens. The raw output of
each run of a walker is a part of its own (``samples.000.dump``, ..., at last ``samples.dump``); a
part counts up to the step at which the next one begins.

A restart file holds positions, velocities, cell and the state of Nosé-Hoover's thermostat and
barostat to the last bit, but LAMMPS turns positions into fractions of a tilted cell and back when
it begins to run: the continued trajectory is the undisturbed one up to rounding. The two go apart
as any two trajectories do whose atoms differ by 1e-15 Å, in some thousand steps. Nothing random is
drawn after the start, so no seed is used twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from al_loop.explore.interface import Limits, Walker
from al_loop.explore.lammps.inputs import CONTINUE, DEVIATION, DUMP, LOG, RESTARTS, STOP
from al_loop.explore.lammps.samples import joined, numbered, parts
from al_loop.lammps.restart_file import restart_step


@dataclass(frozen=True)
class Restart:
    """A whole restart file (its name) and its step."""

    file: str
    step: int

    @property
    def order(self) -> tuple[str, str]:
        """Restart files as LAMMPS is to write them from here: this one last."""
        first, second = RESTARTS
        return (second, first) if self.file == first else (first, second)


def prepare(
    folder: Path, walker: Walker, atoms: Atoms, *, inputs: Mapping[str, str]
) -> Restart | None:
    """Make a walker's folder ready to run; from where it goes on, or None from the start.

    It goes on where the input files are these, a restart file is whole, and every sample up to
    its step is there; else what was left is removed.
    """
    restart = _usable(folder, walker, atoms, inputs=inputs)
    if restart is not None:
        number = len(parts(folder)) - 1
        for name in (DUMP, DEVIATION, LOG):
            if (folder / name).exists():
                (folder / name).rename(folder / numbered(name, number))
        return restart
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in inputs.items():
        (folder / name).write_text(text)
    return None


def forget(folder: Path) -> None:
    """Remove a walker's restart files: LAMMPS cannot go on from them."""
    for name in RESTARTS:
        (folder / name).unlink(missing_ok=True)


def remove_raw(folder: Path) -> None:
    """Remove a walker's raw output; its input stays, and its log (of all parts) as one file."""
    found = parts(folder)
    logs = [part.log.read_text(errors="replace") for part in found if part.log.is_file()]
    if len(found) > 1:
        (folder / LOG).write_text("".join(logs))
    for part in found:
        part.dump.unlink(missing_ok=True)
        part.deviation.unlink(missing_ok=True)
        if part.log != folder / LOG:
            part.log.unlink(missing_ok=True)
    for name in (STOP, CONTINUE, *RESTARTS):
        (folder / name).unlink(missing_ok=True)


def _usable(
    folder: Path, walker: Walker, atoms: Atoms, *, inputs: Mapping[str, str]
) -> Restart | None:
    for name, text in inputs.items():
        file = folder / name
        if not file.is_file() or file.read_text() != text:
            return None
    steps = {name: restart_step(folder / name) for name in RESTARTS}
    found = [Restart(name, step) for name, step in steps.items() if step is not None]
    if not found:
        return None
    sampled = {
        step
        for _, samples in joined(folder, atoms, limits=Limits(deviation=float("inf")))
        for step in samples
    }
    for restart in sorted(found, key=lambda one: one.step, reverse=True):
        whole = set(range(0, restart.step, walker.sample_every)) <= sampled
        if whole and restart.step % walker.sample_every == 0 and restart.step <= walker.steps:
            return restart
    return None
