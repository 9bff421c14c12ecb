"""The samples of a walker, joined from the raw output of all its runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from ase import Atoms

from al_loop.distances import closest_contact
from al_loop.explore.interface import Limits
from al_loop.explore.lammps.inputs import DEVIATION, DUMP, LOG
from al_loop.explore.lammps.parse import DeviationRow, ThermoRow, parse_deviation, parse_thermo
from al_loop.lammps.dump import Snapshot, frame_of, read_dump


@dataclass(frozen=True)
class Part:
    """Raw output of one LAMMPS run of a walker; any of the files may be missing."""

    dump: Path
    deviation: Path
    log: Path


@dataclass(frozen=True)
class RawSample:
    """What LAMMPS wrote of one sample, and whether its snapshot is in order."""

    deviation: DeviationRow
    thermo: ThermoRow
    finite: bool
    whole: bool
    apart: bool


def numbered(name: str, number: int) -> str:
    """Name of the raw output of an earlier run: ``samples.000.dump``."""
    stem, _, suffix = name.partition(".")
    return f"{stem}.{number:03d}.{suffix}"


def parts(folder: Path) -> list[Part]:
    """The runs of a walker in order of time; the last is the one that is running or has run."""
    names = (DUMP, DEVIATION, LOG)
    found = []
    for number in count():
        files = [folder / numbered(name, number) for name in names]
        if not any(file.exists() for file in files):
            break
        found.append(Part(*files))
    return [*found, Part(*(folder / name for name in names))]


def joined(
    folder: Path, start: Atoms, *, limits: Limits
) -> list[tuple[Part, dict[int, RawSample]]]:
    """Samples of each part, by step: each step once, of the last run that has it.

    A part ends before the step at which a later one begins. Only samples of which LAMMPS wrote
    the deviation, the thermodynamics and the snapshot are there.
    """
    found: list[tuple[Part, dict[int, RawSample]]] = []
    end: float = float("inf")
    for part in reversed(parts(folder)):
        samples = _samples(part, start, limits.min_distance)
        found.insert(0, (part, {step: one for step, one in samples.items() if step < end}))
        end = min([end, *samples])
    return found


def snapshots(part: Part) -> Iterator[Snapshot]:
    """Snapshots of a part, one at a time."""
    if part.dump.is_file():
        with part.dump.open() as stream:
            yield from read_dump(stream)


def _samples(part: Part, start: Atoms, min_distance: Mapping[str, float]) -> dict[int, RawSample]:
    deviations = parse_deviation(text_of(part.deviation))
    thermo = parse_thermo(text_of(part.log))
    found = {}
    for snapshot in snapshots(part):
        step = snapshot.step
        if step in deviations and step in thermo:
            finite, whole, apart = _check(snapshot, start, min_distance)
            found[step] = RawSample(deviations[step], thermo[step], finite, whole, apart)
    return dict(sorted(found.items()))


def _check(
    snapshot: Snapshot, start: Atoms, min_distance: Mapping[str, float]
) -> tuple[bool, bool, bool]:
    """Whether it is made of finite numbers, of all atoms, and of atoms far enough apart."""
    values = (snapshot.positions, snapshot.forces, snapshot.cell)
    finite = all(bool(np.isfinite(value).all()) for value in values)
    whole = len(snapshot.positions) == len(start)
    if not (finite and whole):
        return finite, whole, True
    frame = frame_of(snapshot, start, np.eye(3))
    return True, True, closest_contact(frame, min_distance) is None


def text_of(path: Path) -> str:
    """What is in a file; nothing when there is none."""
    return path.read_text(errors="replace") if path.is_file() else ""
