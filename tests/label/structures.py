"""Small silica cells for the tests of labellers."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk


def cristobalite(*, cubic: bool, seed: int, rattle: float = 0.06, strain: float = 0.02) -> Atoms:
    """Ideal beta-cristobalite (silicon as in diamond, oxygen half-way), disturbed.

    24 atoms in the cubic cell, 6 in the primitive one (angles near 60 degrees).
    """
    silicon = bulk("Si", "diamond", a=7.13, cubic=True)
    half = silicon.positions[1] - silicon.positions[0]
    if not cubic:
        silicon = bulk("Si", "diamond", a=7.13)
    signs = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    first = silicon.positions[::2]  # one sublattice; each oxygen hangs on one of its atoms
    oxygens = np.concatenate([site + signs * np.abs(half) / 2 for site in first])
    atoms = Atoms(
        symbols=["Si"] * len(silicon) + ["O"] * len(oxygens),
        positions=np.concatenate([silicon.positions, oxygens]),
        cell=silicon.cell,
        pbc=True,
    )
    random = np.random.default_rng(seed)
    noise = random.normal(0.0, strain, (3, 3))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + (noise + noise.T) / 2), scale_atoms=True)
    atoms.positions += random.normal(0.0, rattle, atoms.positions.shape)
    return atoms


def foreign_atom(symbol: str) -> Atoms:
    """Two atoms of an element in a box."""
    return Atoms([symbol] * 2, positions=[(0, 0, 0), (2.5, 0.1, 0.2)], cell=[6, 6, 6], pbc=True)
