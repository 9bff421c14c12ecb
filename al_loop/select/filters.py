"""Reasons not to label a frame that is a candidate."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from ase import Atoms
from matscipy.neighbours import neighbour_list

from al_loop.campaign.spec import pair_key
from al_loop.units import density as density_of

Filter = Callable[[Atoms], str | None]
"""None for a frame that may be labelled, else why not (a short stable text)."""


def make_filter(
    *, min_distance: Mapping[str, float], density: tuple[float, float] | None
) -> Filter:
    """Filter on the smallest distance per pair of elements (Å) and on the density (g/cm3)."""

    def accept(atoms: Atoms) -> str | None:
        if density is not None and not density[0] <= density_of(atoms) <= density[1]:
            return "density"
        if pair := too_close(atoms, min_distance):
            return f"distance {pair}"
        return None

    return accept


def too_close(atoms: Atoms, min_distance: Mapping[str, float]) -> str | None:
    """A pair of elements (``O-Si``) with two atoms closer than its limit, if there is one."""
    if not min_distance:
        return None
    reach = max(min_distance.values())
    first, second, distance = neighbour_list("ijd", atoms, reach)
    numbers = atoms.numbers
    for pair, limit in min_distance.items():
        a, b = pair.split("-")
        za, zb = _numbers(a, b)
        here = (numbers[first] == za) & (numbers[second] == zb)
        if np.any(distance[here] < limit):
            return pair_key(a, b)
    return None


def _numbers(a: str, b: str) -> tuple[int, int]:
    one, two = Atoms([a, b]).numbers
    return int(one), int(two)
