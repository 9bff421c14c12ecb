"""Known answers: perfect crystals, and one atom pulled out of its place."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from al_loop.select import uncertain_environment
from al_loop.structures import crystal


def test_atoms_of_cristobalite_have_the_neighbours_of_the_crystal() -> None:
    atoms = crystal("beta-cristobalite")
    for symbol, neighbours in (("Si", {"O": 4}), ("O", {"Si": 2})):
        which = atoms.get_chemical_symbols().index(symbol)
        deviations = np.zeros(len(atoms))
        deviations[which] = 0.7
        found = uncertain_environment(atoms, deviations)
        assert (found.atom, found.element, found.deviation) == (which, symbol, 0.7)
        assert found.neighbours == neighbours
        assert found.nearest == pytest.approx(7.16 * np.sqrt(3) / 8, abs=1e-9)


def test_a_defect_is_seen_through_the_cell_walls() -> None:
    atoms = Atoms("SiO", [[0.1, 5, 5], [9.5, 5, 5]], cell=[10, 10, 10], pbc=True)
    found = uncertain_environment(atoms, np.array([0.1, 0.9]))
    assert found.neighbours == {"Si": 1}
    assert found.nearest == pytest.approx(0.6)
    assert str(found) == "O (atom 1) among 1 Si, the nearest at 0.60 Å"


def test_an_atom_alone_has_no_neighbour() -> None:
    atoms = Atoms("Na", [[0, 0, 0]], cell=[10, 10, 10], pbc=True)
    found = uncertain_environment(atoms, np.array([0.2]))
    assert (found.neighbours, found.nearest) == ({}, None)
