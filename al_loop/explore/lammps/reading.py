"""From the raw output of a walker's folder to its Walk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from al_loop.distances import closest_contact
from al_loop.explore.interface import KeepRule, Limits, Walk, Walker
from al_loop.explore.lammps.cell import RestrictedCell, wrapped
from al_loop.explore.lammps.inputs import DEVIATION, DUMP, LOG, STOP
from al_loop.explore.lammps.parse import Snapshot, parse_deviation, parse_thermo, read_dump
from al_loop.explore.reduce import Ending, Samples, reduce_samples, reduced_walk
from al_loop.units import Array


@dataclass(frozen=True)
class _Checks:
    finite: bool
    whole: bool
    apart: bool


def read_walk(
    folder: Path,
    walker: Walker,
    start: Atoms,
    *,
    limits: Limits,
    keep: KeepRule,
    ending: Ending,
) -> Walk:
    """Reduce the output in a walker's folder and remove what is large.

    The dump is read twice and never held as a whole: once to check each sample, once to take
    the configurations that are kept. Frames are turned back to the orientation of ``start``.
    """
    samples = _samples(folder, start, limits=limits)
    reduction = reduce_samples(samples, walker=walker, limits=limits, keep=keep, ending=ending)
    wanted = {int(step) for step in samples.step[reduction.kept]}
    frames: list[Atoms] = []
    forces: list[Array] = []
    rotation = RestrictedCell.of(start.cell.array).rotation
    for snapshot in _snapshots(folder):
        if snapshot.step in wanted:
            frames.append(_frame(snapshot, start, rotation))
            forces.append(snapshot.forces @ rotation)
        if len(frames) == len(wanted):
            break
    remove_raw(folder)
    return reduced_walk(walker, samples, reduction, frames=frames, forces=forces)


def remove_raw(folder: Path) -> None:
    """Remove a walker's raw output; its input and its log stay."""
    for name in (DUMP, DEVIATION, STOP):
        (folder / name).unlink(missing_ok=True)


def _samples(folder: Path, start: Atoms, *, limits: Limits) -> Samples:
    """All samples of which LAMMPS wrote the deviation, the thermodynamics and the snapshot."""
    deviations = parse_deviation(_text(folder / DEVIATION))
    thermo = parse_thermo(_text(folder / LOG))
    checks = {s.step: _check(s, start, limits.min_distance) for s in _snapshots(folder)}
    steps = sorted(deviations.keys() & thermo.keys() & checks.keys())
    temperatures = np.array([thermo[step].temperature for step in steps])
    return Samples(
        step=np.array(steps, dtype=np.int64),
        max_force_deviation=np.array([deviations[step].max_force for step in steps]),
        mean_force_deviation=np.array([deviations[step].mean_force for step in steps]),
        max_virial_deviation=np.array([deviations[step].max_virial for step in steps]),
        temperature=temperatures,
        pressure=np.array([thermo[step].pressure for step in steps]),
        finite=np.array([checks[step].finite for step in steps], dtype=np.bool_)
        & np.isfinite(temperatures),
        whole=np.array([checks[step].whole for step in steps], dtype=np.bool_),
        apart=np.array([checks[step].apart for step in steps], dtype=np.bool_),
    )


def _snapshots(folder: Path) -> Iterator[Snapshot]:
    if (folder / DUMP).is_file():
        with (folder / DUMP).open() as stream:
            yield from read_dump(stream)


def _check(snapshot: Snapshot, start: Atoms, min_distance: Mapping[str, float]) -> _Checks:
    values = (snapshot.positions, snapshot.forces, snapshot.cell)
    finite = all(bool(np.isfinite(value).all()) for value in values)
    whole = len(snapshot.positions) == len(start)
    if not (finite and whole):
        return _Checks(finite, whole, True)
    frame = _frame(snapshot, start, np.eye(3))
    return _Checks(True, True, closest_contact(frame, min_distance) is None)


def _frame(snapshot: Snapshot, start: Atoms, rotation: Array) -> Atoms:
    positions = wrapped(snapshot.positions, snapshot.cell)
    return Atoms(
        numbers=start.numbers,
        positions=positions @ rotation,
        cell=snapshot.cell @ rotation,
        pbc=True,
    )


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""
