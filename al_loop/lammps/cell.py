"""LAMMPS' restricted cell: a along x, b in the xy plane, right-handed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_loop.units import Array


@dataclass(frozen=True)
class RestrictedCell:
    """A cell as LAMMPS wants it, and the way back.

    ``lower`` (3, 3) has the cell's vectors as rows, lower triangular with a positive diagonal;
    ``rotation`` (3, 3) is orthogonal with ``lower @ rotation`` the cell that was given (a
    left-handed cell is mirrored as well).
    """

    lower: Array
    rotation: Array

    @classmethod
    def of(cls, cell: Array) -> RestrictedCell:
        """Restricted form of a cell whose rows are its vectors, Å."""
        q, r = np.linalg.qr(cell.T)
        signs = np.where(np.diag(r) < 0, -1.0, 1.0)
        lower = np.tril(r.T * signs)
        return cls(lower=lower, rotation=(q * signs).T)


def wrapped(positions: Array, cell: Array) -> Array:
    """Positions (atoms, 3) moved into the cell by whole cell vectors."""
    fractions = np.linalg.solve(cell.T, positions.T).T
    inside: Array = positions - np.floor(fractions) @ cell
    return inside


def off_the_faces(positions: Array, cell: Array) -> Array:
    """Positions (atoms, 3) moved as a whole, so that none is on a face of the cell.

    Atoms of a crystal often are; LAMMPS may then not find them again in its own restart file,
    since rounding puts them on either side.
    """
    fractions = np.linalg.solve(cell.T, positions.T).T % 1.0
    shift = np.empty(3)
    for axis in range(3):
        places = np.sort(fractions[:, axis])
        gaps = np.diff(places, append=places[0] + 1.0)
        widest = int(np.argmax(gaps))
        shift[axis] = -(places[widest] + gaps[widest] / 2) % 1.0
    moved: Array = positions + shift @ cell
    return moved
