"""Neighbour statistics of the training frames: the descriptor's ``sel``, the shortest distance.

DeePMD-kit does this with TensorFlow in seconds per member; a cell list does it in milliseconds
per frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from matscipy.neighbours import neighbour_list

from al_loop.errors import DatasetError

HEADROOM = 1.2
"""``sel`` in units of the largest number of neighbours that was seen."""


@dataclass(frozen=True)
class NeighbourStatistics:
    """Of a set of frames, within a cutoff.

    ``most`` is the largest number of neighbours of each element (in the order of the elements)
    around any atom; ``shortest`` the smallest distance between two atoms, Å.
    """

    most: tuple[int, ...]
    shortest: float


def neighbour_statistics(
    frames: Iterable[Atoms], *, elements: Sequence[str], rcut: float
) -> NeighbourStatistics:
    """Count neighbours (periodic images too) and find the shortest distance.

    Raises DatasetError when no two atoms are within the cutoff, or two are at one place.
    """
    most = np.zeros(len(elements), dtype=np.int64)
    shortest = np.inf
    for atoms in frames:
        types = np.array([elements.index(symbol) for symbol in atoms.symbols])
        i, j, r = neighbour_list("ijd", atoms, rcut)
        if not len(r):
            continue
        shortest = min(shortest, float(r.min()))
        for element in range(len(elements)):
            around = np.bincount(i[types[j] == element], minlength=len(atoms))
            most[element] = max(most[element], int(around.max()))
    if not 0.0 < shortest < np.inf:
        what = "two atoms are at the same place" if shortest == 0.0 else "no atom has a neighbour"
        raise DatasetError(f"training frames: {what} (cutoff {rcut} Å)")
    return NeighbourStatistics(tuple(int(n) for n in most), shortest)


def roomy(most: Sequence[int]) -> tuple[int, ...]:
    """``sel`` for a cold start: the largest numbers seen, with head-room, in fours.

    Later iterations bring denser frames; as long as ``sel`` suffices, a model can be
    continued. Beyond it the farthest neighbours are left out.
    """
    return tuple(max(4, 4 * int(np.ceil(n * HEADROOM / 4))) for n in most)


def suffices(sel: Sequence[int], most: Sequence[int]) -> bool:
    """Whether no neighbour would be left out."""
    return len(sel) == len(most) and all(s >= n for s, n in zip(sel, most, strict=True))
