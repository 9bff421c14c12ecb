"""Closest approaches: atoms that overlap are a failure of the potential."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from al_loop.errors import DatasetError
from al_loop.glass.trajectory import Trajectory

CLOSEST = 0.7
"""Atoms closer than this fraction of the sum of their covalent radii overlap."""

SMALLEST: Mapping[str, float] = {"O-O": 1.8}
"""Å, where the radii say too little: oxygens are bonded to each other in no glass."""


@dataclass(frozen=True)
class Approach:
    """The two atoms of a pair that come closest: ``distance`` in Å, in which frame, which atoms.

    ``smallest``: Å, what is allowed.
    """

    pair: str
    distance: float
    frame: int
    atoms: tuple[int, int]
    smallest: float

    @property
    def overlap(self) -> bool:
        """Whether they are closer than atoms of this kind can be."""
        return self.distance < self.smallest


def smallest_distances(
    elements: tuple[str, ...], given: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Å per pair of elements below which atoms overlap: given, or from their covalent radii."""
    known = {**SMALLEST, **{"-".join(sorted(k.split("-"))): v for k, v in (given or {}).items()}}
    radii = {one: float(covalent_radii[atomic_numbers[one]]) for one in elements}
    return {
        f"{a}-{b}": known.get(f"{a}-{b}", CLOSEST * (radii[a] + radii[b]))
        for a, b in combinations_with_replacement(sorted(elements), 2)
    }


def closest_approaches(
    trajectory: Trajectory, *, smallest: Mapping[str, float] | None = None, within: float = 3.5
) -> dict[str, Approach]:
    """The closest approach of each pair of elements in all frames.

    Pairs that never come closer than ``within`` (Å) are absent. ``smallest``: Å per pair, where
    the defaults (0.7 of the sum of the covalent radii; O-O 1.8 Å) do not suit.
    """
    from matscipy.neighbours import neighbour_list

    limits = smallest_distances(trajectory.elements, smallest)
    if within <= max(limits.values()):
        raise DatasetError(f"within: {within:g} Å is not above every smallest distance")
    found: dict[str, Approach] = {}
    for k, atoms in enumerate(trajectory.frames):
        first, second, lengths = neighbour_list("ijd", atoms, within)
        kinds = np.searchsorted(trajectory.elements, np.array(atoms.get_chemical_symbols()))
        one, other = np.sort([kinds[first], kinds[second]], axis=0)
        for a, b in combinations_with_replacement(range(len(trajectory.elements)), 2):
            mine = np.flatnonzero((one == a) & (other == b))
            if not len(mine):
                continue
            at = mine[np.argmin(lengths[mine])]
            pair = f"{trajectory.elements[a]}-{trajectory.elements[b]}"
            if pair not in found or lengths[at] < found[pair].distance:
                who = (int(first[at]), int(second[at]))
                found[pair] = Approach(pair, float(lengths[at]), k, who, limits[pair])
    return found


def check_contacts(
    trajectory: Trajectory, *, smallest: Mapping[str, float] | None = None
) -> list[Approach]:
    """The pairs of elements that overlap anywhere in the trajectory, worst first."""
    approaches = closest_approaches(trajectory, smallest=smallest)
    overlaps = [one for one in approaches.values() if one.overlap]
    return sorted(overlaps, key=lambda one: one.distance / one.smallest)
