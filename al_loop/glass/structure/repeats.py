"""Whether the network of a frame is the one that was seen before: then so are its rings."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from ase import Atoms

from al_loop.glass.structure.bonds import Bonds, Integers
from al_loop.units import Array


class Repeats:
    """Remembers the bonds between formers and oxygens of one frame.

    In a glass at room temperature they hardly ever change. Atoms may be written in other
    periodic images: to add n_i cells to atom i turns a bond's cell S into S + n_j - n_i and changes
    no path and no ring, whatever n.
    """

    def __init__(self, formers: Collection[str]) -> None:
        self._formers = formers
        self._kept: tuple[Array, Integers] | None = None

    def seen(self, atoms: Atoms, bonds: Bonds) -> bool:
        """Whether the frame has the bonds that are remembered; else its own are, from now on.

        ``bonds``: of this frame and its positions as they are, as ``find_bonds`` gives them.
        """
        former, oxygen = bonds.are(self._formers), bonds.are(["O"])
        first, second = bonds.first, bonds.second
        network = bonds.only((former[first] & oxygen[second]) | (oxygen[first] & former[second]))
        places = np.asarray(atoms.cell.scaled_positions(atoms.positions))
        if self._kept is not None:
            before, kept = self._kept
            turns = np.rint(places - before).astype(np.int64)
            if np.array_equal(_sorted(network, turns), kept):
                return True
        self._kept = places, _sorted(network, np.zeros(places.shape, dtype=np.int64))
        return False


def _sorted(bonds: Bonds, turns: Integers) -> Integers:
    """(bonds, 5): atoms and cell of each, in one order; ``turns`` (atoms, 3) are taken back."""
    shifts = bonds.shifts + turns[bonds.second] - turns[bonds.first]
    rows = np.column_stack([bonds.first, bonds.second, shifts])
    return np.asarray(rows[np.lexsort(rows.T[::-1])])
