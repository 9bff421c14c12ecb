"""Crystals agree with what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from matscipy.neighbours import neighbour_list

from al_loop.errors import StructureError
from al_loop.structures import CRYSTALS, crystal
from al_loop.units import density

# Atoms in the cell, published density (g/cm3), cation, its coordination and that of oxygen,
# published range of cation-oxygen distances (Å) with a tolerance of 0.01 Å.
KNOWN = {
    "alpha-quartz": (9, 2.646, "Si", 4, 2, (1.605, 1.614)),
    "beta-quartz": (9, 2.537, "Si", 4, 2, (1.588, 1.589)),
    "alpha-cristobalite": (12, 2.33, "Si", 4, 2, (1.603, 1.603)),
    "beta-cristobalite": (24, 2.17, "Si", 4, 2, (7.16 * 3**0.5 / 8, 7.16 * 3**0.5 / 8)),
    "beta-tridymite": (12, 2.18, "Si", 4, 2, (1.54, 1.56)),
    "coesite": (48, 2.921, "Si", 4, 2, (1.595, 1.621)),
    "stishovite": (6, 4.281, "Si", 6, 3, (1.757, 1.810)),
    "lithium-oxide": (12, 2.01, "Li", 4, 8, (2.000, 2.000)),
    "sodium-oxide": (12, 2.41, "Na", 4, 8, (2.403, 2.403)),
}


def bonds(atoms: Atoms, cation: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """i, j, d, D of all cation-oxygen bonds."""
    return neighbour_list("ijdD", atoms, {(cation, "O"): 2.1 if cation == "Si" else 2.6})


def test_every_crystal_is_compared() -> None:
    assert KNOWN.keys() == CRYSTALS.keys()
    assert all(entry.source for entry in CRYSTALS.values())


@pytest.mark.parametrize("name", KNOWN)
def test_crystal_has_its_density_bonds_and_coordination(name: str) -> None:
    count, rho, cation, around_cation, around_oxygen, (shortest, longest) = KNOWN[name]
    atoms = crystal(name)
    assert len(atoms) == count
    assert atoms.pbc.all()
    assert density(atoms) == pytest.approx(rho, rel=3e-3)
    i, _, d, _ = bonds(atoms, cation)
    numbers = np.bincount(i, minlength=count)
    symbols = np.array(atoms.get_chemical_symbols())
    assert set(numbers[symbols == cation]) == {around_cation}
    assert set(numbers[symbols == "O"]) == {around_oxygen}
    assert d.min() == pytest.approx(shortest, abs=0.01)
    assert d.max() == pytest.approx(longest, abs=0.01)


@pytest.mark.parametrize(
    ("name", "published"),
    [("alpha-quartz", 143.7), ("alpha-cristobalite", 146.5), ("beta-cristobalite", 180.0)],
)
def test_bridging_angle_is_the_published_one(name: str, published: float) -> None:
    atoms = crystal(name)
    i, _, _, vectors = bonds(atoms, "Si")
    for oxygen in np.flatnonzero(atoms.numbers == 8):
        a, b = vectors[i == oxygen]
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert np.degrees(np.arccos(np.clip(cosine, -1, 1))) == pytest.approx(published, abs=0.3)


def test_supercell_repeats_along_each_axis() -> None:
    small, large = crystal("alpha-quartz"), crystal("alpha-quartz", supercell=(2, 1, 3))
    assert len(large) == 6 * len(small)
    assert large.cell.lengths() == pytest.approx(small.cell.lengths() * [2, 1, 3])


def test_crystal_carries_nothing_but_atoms_and_cell() -> None:
    atoms = crystal("coesite")
    assert atoms.info == {}
    assert set(atoms.arrays) == {"numbers", "positions"}


def test_unknown_name_is_answered_with_what_was_meant() -> None:
    with pytest.raises(StructureError, match="did you mean 'alpha-quartz'"):
        crystal("alfa-quartz")
    with pytest.raises(StructureError, match="known: alpha-quartz"):
        crystal("zzz")
