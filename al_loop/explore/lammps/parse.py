"""What LAMMPS wrote, as arrays. Pure text in; a last line that is cut short is left out."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

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


def _whole_lines(text: str) -> list[str]:
    return text[: text.rfind("\n") + 1].splitlines()
