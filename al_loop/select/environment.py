"""Which atom a committee is unsure of, and what surrounds it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.neighborlist import natural_cutoffs
from matscipy.neighbours import neighbour_list

from al_loop.units import Array

REACH = 1.3
"""Neighbours are within this multiple of the sum of the covalent radii (ase.data)."""


@dataclass(frozen=True)
class Environment:
    """The atom of the largest deviation (its index, element, eV/Å), and its bonded neighbours.

    ``neighbours``: number by element; ``nearest``: distance of the closest one, Å, or None
    where there is none.
    """

    atom: int
    element: str
    deviation: float
    neighbours: dict[str, int]
    nearest: float | None

    def __str__(self) -> str:
        around = " ".join(f"{n} {symbol}" for symbol, n in self.neighbours.items()) or "nothing"
        near = "" if self.nearest is None else f", the nearest at {self.nearest:.2f} Å"
        return f"{self.element} (atom {self.atom}) among {around}{near}"

    def to_document(self) -> dict[str, Any]:
        """For the store."""
        return asdict(self)


def uncertain_environment(atoms: Atoms, deviations: Array) -> Environment:
    """Environment of the atom with the largest of ``deviations`` (atoms,), eV/Å."""
    atom = int(np.argmax(deviations))
    symbols = atoms.get_chemical_symbols()
    reach = natural_cutoffs(atoms, mult=REACH)
    i, j, distances = neighbour_list("ijd", atoms, reach)
    own = i == atom
    counts = Counter(symbols[k] for k in j[own])
    return Environment(
        atom=atom,
        element=symbols[atom],
        deviation=float(deviations[atom]),
        neighbours=dict(sorted(counts.items())),
        nearest=float(distances[own].min()) if own.any() else None,
    )
