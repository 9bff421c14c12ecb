"""Which atoms of a periodic configuration are closer than they may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from matscipy.neighbours import neighbour_list


@dataclass(frozen=True)
class Contact:
    """Two atoms (or an atom and a periodic image) that are too close; distances in Å."""

    pair: str
    distance: float
    minimum: float


def closest_contact(atoms: Atoms, min_distance: Mapping[str, float]) -> Contact | None:
    """The worst pair (distance over minimum) below its minimum, or None when all are apart.

    ``min_distance``: Å per pair of elements, keys like ``O-Si``; pairs that are not listed are
    not looked at. Positions and cell must be finite and the cell must have a volume.
    """
    present = set(atoms.get_chemical_symbols())
    limits: dict[tuple[str, str], float] = {}
    for pair, limit in min_distance.items():
        first, second = pair.split("-")
        if {first, second} <= present:
            limits[first, second] = limit
    if not limits:
        return None
    i, j, distances = neighbour_list("ijd", atoms, limits)
    if len(i) == 0:
        return None
    symbols = np.array(atoms.get_chemical_symbols())
    by_pair = {frozenset(pair): limit for pair, limit in limits.items()}
    minima = np.array(
        [by_pair[frozenset(pair)] for pair in zip(symbols[i], symbols[j], strict=True)]
    )
    worst = int(np.argmin(distances / minima))
    name = "-".join(sorted((str(symbols[i[worst]]), str(symbols[j[worst]]))))
    return Contact(name, float(distances[worst]), float(minima[worst]))
