"""Labelled frames as extended XYZ, with every digit.

ASE writes eight decimals; a data set that is taken out and brought in again would have changed.
ASE and others read this all the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from al_loop.frame import Labelled
from al_loop.units import Array, stress_from_virial

_COLUMNS = "species:S:1:pos:R:3:forces:R:3"


def write_extxyz(path: Path, frames: Iterable[Labelled]) -> None:
    """Write frames, atomically.

    ``energy`` eV, ``stress`` eV/Å3 with ASE's sign; ``virial`` eV, from which the import takes it
    to the last bit.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with scratch.open("w", encoding="utf-8") as file:
            for frame in frames:
                file.write(_text(frame))
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _text(frame: Labelled) -> str:
    atoms = frame.atoms
    words = [
        f'Lattice="{_numbers(atoms.cell.array)}"',
        f"Properties={_COLUMNS}",
        f"energy={float(frame.energy)!r}",
    ]
    if frame.virial is not None:  # ASE takes nine numbers column by column
        stress = stress_from_virial(frame.virial, atoms.get_volume())
        words += [f'virial="{_numbers(frame.virial.T)}"', f'stress="{_numbers(stress.T)}"']
    words.append('pbc="' + " ".join("T" if periodic else "F" for periodic in atoms.pbc) + '"')
    rows = np.hstack([atoms.positions, frame.forces]).tolist()
    lines = [
        f"{symbol} {' '.join(map(repr, row))}"
        for symbol, row in zip(atoms.get_chemical_symbols(), rows, strict=True)
    ]
    return "\n".join([str(len(atoms)), " ".join(words), *lines]) + "\n"


def _numbers(array: Array) -> str:
    """Shortest decimal form of each number that reads back as the same one, row by row."""
    return " ".join(map(repr, np.ravel(array).tolist()))
