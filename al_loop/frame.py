"""A frame: one periodic configuration, its identity, and frames in files.

``ase.Atoms`` is the currency. Identity is a hash of the canonical structure, and the
split into train, valid and test follows from the hash alone, for ever.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io.trajectory import Trajectory
from numpy.typing import NDArray

from al_loop.errors import DatasetError
from al_loop.units import Array, stress_from_virial, virial_from_stress

Split = Literal["train", "valid", "test"]

_CELL_RESOLUTION = 1.0e-6  # Å
_FRACTION_STEPS = 10_000_000  # 1e-6 Å in a cell of 10 Å

# Values are rounded up from the golden ratio on, not from one half: coordinates with few
# decimals often lie exactly on a half, where the last bit would decide on the identity.
_ROUNDING = (3.0 - 5.0**0.5) / 2.0


def frame_hash(atoms: Atoms) -> str:
    """Identity of a configuration: 64 hexadecimal digits.

    Two configurations have the same identity when they have the same cell and the same
    atoms at the same places (to about 1e-6 Å), whatever the order of the atoms and
    whichever periodic image of an atom is given. Rotated copies differ.

    Raises
    ------
    DatasetError
        Positions or cell are not finite, or the cell has no volume.
    """
    cell, rows, order = _canonical(atoms)
    state = hashlib.sha256(b"al_loop frame 1")
    state.update(np.ascontiguousarray(cell, dtype="<i8").tobytes())
    state.update(np.ascontiguousarray(rows[order], dtype="<i8").tobytes())
    return state.hexdigest()


def in_order_of(values: Array, *, given: Atoms, wanted: Atoms) -> Array:
    """Values of the atoms of ``given`` (one row each), in the order of ``wanted``.

    Both are the same frame: they have the same hash.
    """
    moved = np.empty_like(values)
    moved[_canonical(wanted)[2]] = values[_canonical(given)[2]]
    return moved


def _canonical(atoms: Atoms) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.intp]]:
    """Cell and atoms in whole steps of the resolution, and the order of the atoms by their rows."""
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise DatasetError("a frame must have finite positions and a finite cell")
    try:
        fractions = np.linalg.solve(atoms.cell.array.T, atoms.positions.T).T
    except np.linalg.LinAlgError:
        raise DatasetError("a frame must be periodic, in a cell with a volume") from None
    cell = _whole(atoms.cell.array / _CELL_RESOLUTION)
    places = _whole(fractions * _FRACTION_STEPS) % _FRACTION_STEPS
    rows = np.column_stack([atoms.numbers.astype(np.int64), places])
    return cell, rows, np.lexsort(rows.T[::-1])


def _whole(values: Array) -> NDArray[np.int64]:
    return np.floor(values + _ROUNDING).astype(np.int64)


def split_of(frame: str, *, valid: float, test: float) -> Split:
    """Split of a frame from its hash and the fractions of the campaign."""
    draw = int(frame[:13], 16) / 16**13
    if draw < test:
        return "test"
    return "valid" if draw < test + valid else "train"


@dataclass(frozen=True)
class Labelled:
    """A frame with its label.

    ``forces`` has shape (atoms, 3) in eV/Å, ``virial`` (3, 3) in eV or None, ``energy`` is eV.
    """

    atoms: Atoms
    energy: float
    forces: Array
    virial: Array | None


def check_labelled(frame: Labelled, *, where: str | Path) -> None:
    """Raise DatasetError when a label has the wrong shape or is not finite."""
    n = len(frame.atoms)
    if frame.forces.shape != (n, 3):
        raise DatasetError(
            f"{n} atoms but forces of shape {frame.forces.shape}; ({n}, 3) is needed", where=where
        )
    if frame.virial is not None and frame.virial.shape != (3, 3):
        raise DatasetError(f"virial of shape {frame.virial.shape}; (3, 3) is needed", where=where)
    values = [np.asarray(frame.energy), frame.forces, frame.atoms.positions, frame.atoms.cell.array]
    if frame.virial is not None:
        values.append(frame.virial)
    if not all(np.isfinite(v).all() for v in values):
        raise DatasetError("energy, forces, virial, positions and cell must be finite", where=where)


def write_frames(path: Path, frames: Iterable[Atoms]) -> None:
    """Write configurations to an ASE trajectory (binary, float64), atomically."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with Trajectory(str(scratch), "w") as trajectory:
            for atoms in frames:
                trajectory.write(atoms)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def read_frames(path: Path) -> list[Atoms]:
    """Read the configurations of an ASE trajectory, without calculators."""
    frames: list[Atoms] = []
    with Trajectory(str(path)) as trajectory:
        for atoms in trajectory:
            atoms.calc = None
            frames.append(atoms)
    return frames


def write_labelled(path: Path, frames: Sequence[Labelled]) -> None:
    """Write labelled frames to an ASE trajectory; ``ase gui`` and ``ase.io.read`` open it."""

    def with_results(frame: Labelled) -> Atoms:
        atoms = frame.atoms.copy()
        results = {"energy": frame.energy, "forces": frame.forces}
        if frame.virial is not None:
            results["stress"] = stress_from_virial(frame.virial, atoms.get_volume())
        atoms.calc = SinglePointCalculator(atoms, **results)
        return cast(Atoms, atoms)

    write_frames(path, (with_results(frame) for frame in frames))


def read_labelled(path: Path) -> list[Labelled]:
    """Read labelled frames written by :func:`write_labelled`.

    Raises
    ------
    DatasetError
        A frame has no energy or no forces.
    """
    frames: list[Labelled] = []
    with Trajectory(str(path)) as trajectory:
        for i, atoms in enumerate(trajectory):
            results = {} if atoms.calc is None else atoms.calc.results
            if not {"energy", "forces"} <= results.keys():
                raise DatasetError(f"frame {i} has no energy or no forces", where=path)
            stress = results.get("stress")
            virial = None if stress is None else virial_from_stress(stress, atoms.get_volume())
            atoms.calc = None
            frames.append(Labelled(atoms, float(results["energy"]), results["forces"], virial))
    return frames
