"""Crystals agree with what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.formula import Formula
from matscipy.neighbours import neighbour_list

from al_loop.errors import StructureError
from al_loop.glass.structure import coordination, qn
from al_loop.glass.trajectory import Trajectory
from al_loop.structures import crystal, known_crystals
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

# Formula, published density (g/cm3), formers by their oxygens and by Qn in %, ranges (Å) in which
# bonds of that kind lie in crystals. Chains of Li2SiO3 are Q2, layers of the disilicates Q3;
# Li2B4O7 has as many triangles as tetrahedra; B2O3 and LiBO2 made under pressure have one kind.
NETWORKS = {
    "silicalite": ("SiO2", 1.80, {"Si-4": 100.0}, {4: 100.0}, {"Si": (1.55, 1.65)}),
    "boron-oxide": ("B2O3", 2.55, {"B-3": 100.0}, {3: 100.0}, {"B": (1.33, 1.41)}),
    "lithium-metasilicate": (
        "Li2SiO3", 2.54, {"Si-4": 100.0}, {2: 100.0}, {"Si": (1.57, 1.70), "Li": (1.88, 2.20)},
    ),
    "lithium-disilicate": (
        "Li2Si2O5", 2.47, {"Si-4": 100.0}, {3: 100.0}, {"Si": (1.55, 1.70), "Li": (1.88, 2.20)},
    ),
    "lithium-tetraborate": (
        "Li2B4O7", 2.44, {"B-3": 50.0, "B-4": 50.0}, {3: 50.0, 4: 50.0},
        {"B": (1.33, 1.50), "Li": (1.80, 2.30)},
    ),
    "gamma-lithium-metaborate": (
        "LiBO2", 2.88, {"B-4": 100.0}, {4: 100.0}, {"B": (1.44, 1.50), "Li": (1.88, 2.05)},
    ),
    "beta-sodium-disilicate": (
        "Na2Si2O5", 2.57, {"Si-4": 100.0}, {3: 100.0}, {"Si": (1.56, 1.66), "Na": (2.25, 2.60)},
    ),
}  # fmt: skip


def bonds(atoms: Atoms, cation: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """i, j, d, D of all cation-oxygen bonds."""
    return neighbour_list("ijdD", atoms, {(cation, "O"): 2.1 if cation == "Si" else 2.6})


def test_every_crystal_is_compared() -> None:
    assert {*KNOWN, *NETWORKS} == known_crystals().keys()


@pytest.mark.filterwarnings("ignore:.*OLD_ERROR_HANDLING:DeprecationWarning")
@pytest.mark.parametrize("name", known_crystals())
def test_crystal_has_the_symmetry_that_is_stated(name: str) -> None:
    """No more and no less: a wrong coordinate or origin shows as another group."""
    atoms = crystal(name)
    data = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    assert f"({known_crystals()[name].spacegroup})" in spglib.get_spacegroup(data, symprec=1e-3)


@pytest.mark.parametrize("name", NETWORKS)
def test_network_of_a_crystal_is_the_known_one(name: str) -> None:
    formula, rho, species, degrees, lengths = NETWORKS[name]
    atoms = crystal(name)
    assert atoms.symbols.formula.reduce()[0] == Formula(formula).reduce()[0]
    assert density(atoms) == pytest.approx(rho, rel=5e-3)
    run = Trajectory((atoms,))
    found = coordination(run)
    former = next(iter(species)).split("-")[0]
    formers = {one: share.value for one, share in found.species.items() if one.startswith(former)}
    assert formers == pytest.approx(species)
    shares = {n: one.value for n, one in qn(run, former).parts.items() if one.value}
    assert shares == pytest.approx(degrees)
    for cation, (shortest, longest) in lengths.items():
        d = neighbour_list("d", atoms, {(cation, "O"): longest})
        assert shortest <= d.min()
        assert len(d) >= 3 * sum(atoms.symbols == cation)
    closest = neighbour_list("d", atoms, {("O", "O"): 2.6}).min(initial=2.6)
    assert closest > 2.2


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
