"""What every structure must be before anything is computed with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from al_loop.distances import closest_contact
from al_loop.errors import StructureError

FLOOR = 0.5
"""Atoms closer than this fraction of the sum of their covalent radii are a mistake."""


def smallest_distances(elements: Sequence[str], wanted: Mapping[str, float]) -> dict[str, float]:
    """Å per pair: what is wanted, and :data:`FLOOR` for the pairs that nothing is said about."""
    radii = {symbol: float(covalent_radii[atomic_numbers[symbol]]) for symbol in elements}
    return {
        f"{a}-{b}": wanted.get(f"{a}-{b}", FLOOR * (radii[a] + radii[b]))
        for a, b in combinations_with_replacement(sorted(elements), 2)
    }


def check_structure(
    atoms: Atoms, *, elements: Sequence[str], min_distance: Mapping[str, float], where: str
) -> None:
    """Raise StructureError unless ``atoms`` can be labelled and explored.

    It must have atoms, all of the campaign's elements, in a cell with a volume that is periodic
    in all directions, at finite places that are not too close to each other.
    """
    if len(atoms) == 0:
        raise StructureError("there are no atoms", where=where)
    if strange := set(atoms.get_chemical_symbols()) - set(elements):
        raise StructureError(
            f"{', '.join(sorted(strange))} is not among the campaign's elements "
            f"({', '.join(elements)})",
            where=where,
            remedy="add it to `elements`, or take another structure",
        )
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise StructureError("positions and cell must be finite numbers", where=where)
    if not atoms.pbc.all() or abs(np.linalg.det(atoms.cell.array)) < 1e-3:
        raise StructureError(
            "it is not periodic in three directions, or its cell has no volume",
            where=where,
            remedy="give a file with a cell (extxyz: Lattice=... and pbc, CIF, POSCAR, ...)",
        )
    if contact := closest_contact(atoms, min_distance):
        raise StructureError(
            f"{contact.pair} atoms {contact.distance:.2f} Å apart; "
            f"at least {contact.minimum:.2f} Å is asked for",
            where=where,
            remedy="separate them; or lower select.min_distance if it is what refuses them",
        )
