"""Frames of one simulation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from al_loop.errors import DatasetError
from al_loop.units import Array, density

_SAME_CELL = 1.0e-6  # Å


@dataclass(frozen=True)
class Trajectory:
    """Frames of constant composition, periodic in three directions.

    ``interval`` is the time between frames, ps, or None where it is not known (structure does
    not need it). Positions are as in the file. ``energies`` (frames,) in eV are those that the file
    has, None unless every frame has one. ``unwrapped`` says that positions are known to be paths
    through the faces of the cell; else they may be wrapped into it.
    """

    frames: tuple[Atoms, ...]
    interval: float | None = None
    source: str = "these frames"
    energies: Array | None = None
    unwrapped: bool = False

    def __post_init__(self) -> None:
        if not self.frames:
            raise DatasetError("there are no frames", where=self.source)
        if self.interval is not None and not 0.0 < self.interval < np.inf:
            raise DatasetError(
                f"interval: {self.interval} ps between frames",
                where=self.source,
                remedy="give a time above zero, in ps",
            )
        first = np.sort(self.frames[0].numbers)
        for i, atoms in enumerate(self.frames):
            where = f"{self.source}: frame {i}"
            _check_frame(atoms, where)
            if not np.array_equal(np.sort(atoms.numbers), first):
                raise DatasetError(
                    f"{atoms.get_chemical_formula()}, but frame 0 is "
                    f"{self.frames[0].get_chemical_formula()}",
                    where=where,
                    remedy="a trajectory has one composition; measure each composition by itself",
                )

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def counts(self) -> dict[str, int]:
        """Atoms per element, in alphabetical order."""
        return dict(sorted(Counter(self.frames[0].get_chemical_symbols()).items()))

    @property
    def elements(self) -> tuple[str, ...]:
        """The elements, in alphabetical order."""
        return tuple(self.counts)

    @property
    def number_density(self) -> float:
        """Atoms per Å3: atoms over the mean volume."""
        return float(len(self.frames[0]) / np.mean([atoms.get_volume() for atoms in self.frames]))

    @property
    def fixed_cell(self) -> bool:
        """Whether the cell is the same in all frames, within 1e-6 Å."""
        cells = np.array([atoms.cell.array for atoms in self.frames])
        return float(np.ptp(cells, axis=0).max()) <= _SAME_CELL

    @property
    def densities(self) -> Array:
        """Mass density of each frame (frames,), g/cm3."""
        return np.array([density(atoms) for atoms in self.frames])

    def ordered_symbols(self) -> NDArray[np.str_]:
        """Element of each atom (atoms,); every frame lists the atoms in the same order.

        Raises
        ------
        DatasetError
            The order of the elements differs between frames, so atoms cannot be followed.
        """
        for i, atoms in enumerate(self.frames):
            if not np.array_equal(atoms.numbers, self.frames[0].numbers):
                raise DatasetError(
                    "the atoms stand in another order than in frame 0",
                    where=f"{self.source}: frame {i}",
                    remedy="write the atoms sorted (LAMMPS: `dump_modify ID sort id`)",
                )
        return np.array(self.frames[0].get_chemical_symbols())

    def time_step(self) -> float:
        """Time between frames, ps.

        Raises
        ------
        DatasetError
            It is not known.
        """
        if self.interval is None:
            raise DatasetError(
                "the time between frames is not known",
                where=self.source,
                remedy="give `interval` (ps between frames); or, for a LAMMPS dump, `timestep` "
                "(fs per MD step)",
            )
        return self.interval


def _check_frame(atoms: Atoms, where: str) -> None:
    if len(atoms) == 0:
        raise DatasetError("there are no atoms", where=where)
    if (atoms.numbers < 1).any():
        raise DatasetError("atoms of no element (X)", where=where)
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise DatasetError("positions and cell must be finite numbers", where=where)
    if not atoms.pbc.all() or atoms.get_volume() < 1e-3:
        raise DatasetError(
            "it is not periodic in three directions, or its cell has no volume",
            where=where,
            remedy="give files with a cell (extxyz: Lattice=... and pbc); a cluster is no glass",
        )
