"""What a move changes in the energy: by a table of a pair potential, which is cheap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from al_loop.pair_potentials import PairPotential
from al_loop.pair_sums import coulomb_of
from al_loop.units import Array

_POINTS = 40_001
_CLOSEST = 0.7
"""Å. Closer atoms have the energy of this distance and of the way there."""


@dataclass(frozen=True)
class PairTable:
    """Energies (pairs, points) in eV over r², from 0 to ``reach``² (Å²)."""

    energies: Array
    reach: float

    def images(self, box: Array) -> Array:
        """Shifts (n, 3) of nearest images that can be within reach, in box lengths."""
        most = np.floor(self.reach / box + 0.5).astype(int)
        ranges = [np.arange(-n, n + 1) for n in most]
        return np.stack(np.meshgrid(*ranges, indexing="ij"), -1).reshape(-1, 3).astype(float)


NOTHING = PairTable(np.zeros((1, 1)), 0.0)
"""No energy."""


def tabulated(
    potential: PairPotential, pairs: Sequence[str], counts: Mapping[str, int]
) -> PairTable:
    """The potential of each pair of elements, with the electrostatics that it was made with.

    ``counts``: the composition, on which boron's parameters depend. Terms that no move changes
    (those of an atom with itself and its images) are not in it.
    """
    coulomb = coulomb_of(potential)
    reach = max(coulomb.cutoff, potential.cutoff)
    r = np.sqrt(np.linspace(0, reach**2, _POINTS))
    x = np.maximum(r, _CLOSEST)
    charges = potential.charges_of(counts)
    short = {frozenset(one): one for one in potential.pairs(counts)}
    rows = []
    for pair in pairs:
        a, b = pair.split("-")
        energy = charges[a] * charges[b] * coulomb(x)[0]
        energy[x >= coulomb.cutoff] = 0.0
        if found := short.get(frozenset((a, b))):
            near = x < potential.cutoff
            energy[near] += potential.short_range(found[0], counts, found[1])(x[near])[0]
        rows.append(energy)
    return PairTable(np.array(rows), reach)
