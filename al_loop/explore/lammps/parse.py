"""What LAMMPS wrote, as arrays. Pure text in; a last line that is cut short is left out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from al_loop.units import Array

_THERMO_ROW = re.compile(r"^\s*(\d+)\s+(\S+)\s+(\S+)\s+(\d+)\s*$")
_GPA_PER_BAR = 1.0e-4


@dataclass(frozen=True)
class ThermoRow:
    """One line of the thermodynamic output: K, GPa, number of atoms."""

    step: int
    temperature: float
    pressure: float
    atoms: int


@dataclass(frozen=True)
class DeviationRow:
    """One line of DeePMD-kit's out_file: eV per atom and eV/Å; without the atoms."""

    step: int
    max_virial: float
    max_force: float
    mean_force: float


@dataclass(frozen=True)
class Snapshot:
    """One sample of a dump, in LAMMPS' restricted cell.

    ``kinds`` (atoms,) are atom types from 1; ``positions`` (atoms, 3) are relative to the
    cell's corner; ``cell`` (3, 3) is lower triangular. Lost atoms are absent.
    """

    step: int
    kinds: NDArray[np.int64]
    positions: Array
    forces: Array
    cell: Array


def parse_thermo_row(line: str) -> ThermoRow | None:
    """A line ``step temp press atoms``, or None for any other line."""
    found = _THERMO_ROW.match(line)
    if found is None:
        return None
    step, temperature, pressure, atoms = found.groups()
    try:
        return ThermoRow(int(step), float(temperature), float(pressure) * _GPA_PER_BAR, int(atoms))
    except ValueError:
        return None


def parse_thermo(text: str) -> dict[int, ThermoRow]:
    """Rows of the thermodynamic output in a log, by step."""
    rows = (parse_thermo_row(line) for line in _whole_lines(text))
    return {row.step: row for row in rows if row is not None}


def parse_deviation(text: str) -> dict[int, DeviationRow]:
    """Rows of DeePMD-kit's out_file, by step.

    Columns: step, max, min and mean virial deviation, max, min and mean force deviation, and
    the deviation of each atom (``atomic``).
    """
    rows: dict[int, DeviationRow] = {}
    for line in _whole_lines(text):
        words = line.split(maxsplit=7)
        if len(words) < 7 or line.lstrip().startswith("#"):
            continue
        step = int(words[0])
        rows[step] = DeviationRow(step, float(words[1]), float(words[4]), float(words[6]))
    return rows


def parse_atomic_deviation(text: str, steps: Collection[int]) -> dict[int, Array]:
    """Deviation of each atom (atoms,), eV/Å, by id, of the rows of these steps."""
    found: dict[int, Array] = {}
    for line in _whole_lines(text):
        head = line.split(maxsplit=1)
        if len(head) == 2 and head[0].isdigit() and int(head[0]) in steps:
            found[int(head[0])] = np.array(line.split()[7:], dtype=np.float64)
    return found


def read_dump(lines: Iterable[str]) -> Iterator[Snapshot]:
    """Snapshots of a custom dump (id type x y z fx fy fz), in a triclinic box, sorted by id.

    One snapshot is held at a time; an incomplete last one is left out.
    """
    stream = iter(lines)
    for line in stream:
        if line.strip() != "ITEM: TIMESTEP":
            continue
        try:
            head = [next(stream) for _ in range(8)]
            step, count = int(head[0]), int(head[2])
            bounds = np.array([row.split() for row in head[4:7]], dtype=np.float64)
            table = [next(stream) for _ in range(count)]
            if table and not table[-1].endswith("\n"):
                return
            rows = np.array([row.split() for row in table], dtype=np.float64).reshape(count, 8)
        except (StopIteration, ValueError, IndexError):
            return
        if bounds.shape != (3, 3):
            return
        corner, cell = box(bounds)
        yield Snapshot(
            step=step,
            kinds=rows[:, 1].astype(np.int64),
            positions=rows[:, 2:5] - corner,
            forces=rows[:, 5:8],
            cell=cell,
        )


def box(bounds: Array) -> tuple[Array, Array]:
    """Corner (3,) and cell (3, 3) from the BOX BOUNDS of a triclinic dump.

    The bounds are those of the orthogonal box around the cell (LAMMPS manual, Howto_triclinic).
    """
    xy, xz, yz = bounds[:, 2]
    xlo = bounds[0, 0] - min(0.0, xy, xz, xy + xz)
    xhi = bounds[0, 1] - max(0.0, xy, xz, xy + xz)
    ylo = bounds[1, 0] - min(0.0, yz)
    yhi = bounds[1, 1] - max(0.0, yz)
    zlo, zhi = bounds[2, 0], bounds[2, 1]
    cell = np.array([[xhi - xlo, 0.0, 0.0], [xy, yhi - ylo, 0.0], [xz, yz, zhi - zlo]])
    return np.array([xlo, ylo, zlo]), cell


def _whole_lines(text: str) -> list[str]:
    return text[: text.rfind("\n") + 1].splitlines()
