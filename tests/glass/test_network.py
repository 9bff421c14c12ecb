"""Coordination, Qn, angles and contacts of networks that are known."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from al_loop.errors import DatasetError
from al_loop.glass import Trajectory
from al_loop.glass.structure import (
    bond_angles,
    bond_cutoffs,
    check_contacts,
    closest_approaches,
    coordination,
    qn,
)
from al_loop.structures import crystal
from tests.glass.networks import boroxol, chain, rattled


def of(atoms: Atoms) -> Trajectory:
    return Trajectory((atoms,))


def test_ideal_cristobalite_is_a_perfect_network() -> None:
    run = of(crystal("beta-cristobalite", supercell=(2, 2, 2)))
    found = coordination(run)
    assert {name: part.value for name, part in found.species.items()} == {"Si-4": 100, "O-2": 100}
    assert (found.means["Si-O"].value, found.means["O-T"].value) == (4.0, 2.0)
    assert found.lengths["O-Si"].value == pytest.approx(1.5502, abs=1e-4)
    assert found.bridging is not None
    assert found.bridging.value == 100.0
    assert found.edge_sharing is not None
    assert found.edge_sharing.value == 0.0
    assert {n: part.value for n, part in qn(run).parts.items()} == {4: 100.0}
    inside, between = bond_angles(run, "O-Si-O"), bond_angles(run, "Si-O-Si")
    assert inside.mean.value == pytest.approx(109.4712, abs=1e-4)
    assert inside.spread.value == pytest.approx(0.0, abs=1e-4)
    assert (inside.n, between.n) == (6 * 64, 128)
    assert between.mean.value == pytest.approx(180.0, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "silicon", "oxygen", "edges"),
    [
        ("alpha-quartz", 4, 2, 0.0),
        ("coesite", 4, 2, 0.0),
        ("beta-tridymite", 4, 2, 0.0),
        ("stishovite", 6, 3, 20.0),  # two edges and eight corners to other octahedra
    ],
)
def test_polymorphs_of_silica_in_their_unit_cells(
    name: str, silicon: int, oxygen: int, edges: float
) -> None:
    """Cells so small that atoms meet their own images."""
    found = coordination(of(crystal(name)))
    assert found.species.keys() == {f"Si-{silicon}", f"O-{oxygen}"}
    assert found.edge_sharing is not None
    assert found.edge_sharing.value == pytest.approx(edges)
    again = coordination(of(crystal(name, supercell=(3, 2, 3))))
    assert again.edge_sharing == found.edge_sharing
    assert again.lengths["O-Si"].value == pytest.approx(found.lengths["O-Si"].value)


def test_tetrahedra_of_a_chain_share_all_their_edges() -> None:
    run = of(chain())
    found = coordination(run)
    assert found.species.keys() == {"Si-4", "O-2"}
    assert found.edge_sharing is not None
    assert found.edge_sharing.value == 100.0
    angles = bond_angles(run, "Si-O-Si")
    assert angles.mean.value == pytest.approx(2 * np.degrees(np.arctan(1.3 / 1.1)))
    assert angles.below_100.value == 100.0


def test_a_missing_silicon_leaves_four_broken_bridges() -> None:
    atoms = crystal("beta-cristobalite", supercell=(2, 2, 2))
    del atoms[int(np.flatnonzero(atoms.numbers == 14)[10])]
    found = coordination(of(atoms))
    assert found.non_bridging is not None
    assert found.non_bridging.value == pytest.approx(100 * 4 / 128)
    assert found.species["O-1"].value == pytest.approx(100 * 4 / 128)
    parts = qn(of(atoms)).parts
    assert {n: part.value for n, part in parts.items()} == pytest.approx(
        {3: 100 * 4 / 63, 4: 100 * 59 / 63}
    )
    assert qn(of(atoms)).connectivity.value == pytest.approx((4 * 3 + 59 * 4) / 63)


def test_three_and_four_fold_boron_are_told_apart() -> None:
    both = Trajectory((boroxol(four_fold=True),))
    found = coordination(both)
    assert found.species["B-3"].value == pytest.approx(200 / 3)
    assert found.species["B-4"].value == pytest.approx(100 / 3)
    assert {n: part.value for n, part in qn(both, "B").parts.items()} == {2: 100.0}
    assert bond_angles(of(boroxol()), "O-B-O").mean.value == pytest.approx(120.0, abs=0.5)


def test_modifiers_are_no_formers_unless_they_are_named() -> None:
    atoms = crystal("lithium-oxide", supercell=(2, 2, 2))
    found = coordination(of(atoms))
    assert found.species["Li-4"].value == 100.0
    assert found.species["O-0"].value == 100.0
    assert found.edge_sharing is None
    assert coordination(of(atoms), formers=["Li"]).species["O-8"].value == 100.0
    with pytest.raises(DatasetError, match="'Li' is not among the network formers"):
        qn(of(atoms), "Li")


def test_errors_come_from_the_frames() -> None:
    run = rattled("beta-cristobalite", size=2, amplitude=0.05, frames=12)
    length = coordination(run).lengths["O-Si"]
    assert length.n == 12
    assert length.error is not None
    # The steps of the atoms along the bonds cancel in the mean (to first order, the bonds of an
    # atom pull in opposite directions); what is left are d^2/2L of 256 bonds, d across the bond.
    across = 2 * 0.05**2 / 1.55 / np.sqrt(256 * 12)
    assert across / 3 < length.error < 3 * across
    angles = bond_angles(run, "Si-O-Si")
    assert angles.histogram.error is not None
    assert angles.histogram.y.sum() == pytest.approx(1.0)
    assert angles.maximum.error is not None


def test_neighbours_without_order_have_isotropic_angles() -> None:
    generator = np.random.default_rng(8)
    frames = tuple(
        Atoms("SiO2" * 300, generator.random((900, 3)) * 20, cell=[20] * 3, pbc=True)
        for _ in range(4)
    )
    found = bond_angles(Trajectory(frames), "O-Si-O", cutoffs={"Si-O": 4.0}, width=10.0)
    assert found.per_solid_angle().y == pytest.approx(1.0, abs=0.15)
    assert found.mean.value == pytest.approx(90.0, abs=0.5)
    assert found.spread.value == pytest.approx(39.17, abs=0.4)  # sqrt(pi^2/4 - 2) rad
    mixed = bond_angles(
        Trajectory(frames), "O-Si-Si", cutoffs={"Si-O": 3.0, "Si-Si": 3.0}, width=10.0
    )
    expected = 300 * (600 * 300) * (4 / 3 * np.pi * 27 / 8000) ** 2
    assert mixed.n == pytest.approx(expected, rel=0.05)


def test_atoms_that_overlap_are_found_with_their_frame_and_names() -> None:
    run = rattled("beta-cristobalite", size=1, amplitude=0.02, frames=3)
    approaches = closest_approaches(run)
    assert approaches["O-Si"].distance == pytest.approx(1.47, abs=0.05)
    assert check_contacts(run) == []
    near = run.frames[1].get_distances(0, range(8, 24), mic=True).argmin() + 8
    towards = run.frames[1].get_distance(0, near, mic=True, vector=True)
    run.frames[1].positions[near] -= 0.4 * towards
    (worst,) = check_contacts(run)
    assert (worst.pair, worst.frame) == ("O-Si", 1)
    assert set(worst.atoms) == {0, near}
    assert worst.distance == pytest.approx(0.6 * np.linalg.norm(towards))
    assert check_contacts(run, smallest={"Si-O": 0.8, "O-O": 1.0}) == []


def test_cutoffs_say_what_is_wrong_with_them() -> None:
    assert bond_cutoffs(["Si", "O", "Na"], {"O-Na": 3.0}) == {"Na-O": 3.0, "O-Si": 2.2}
    with pytest.raises(DatasetError, match="'SiO' is no pair"):
        bond_cutoffs(["Si", "O"], {"SiO": 2.0})
    with pytest.raises(DatasetError, match="Si-O: -1 Å"):
        bond_cutoffs(["Si", "O"], {"Si-O": -1})
    with pytest.raises(DatasetError, match="no cutoff for any pair of Si, Xe"):
        bond_cutoffs(["Si", "Xe"])
    quartz = of(crystal("alpha-quartz"))
    with pytest.raises(DatasetError, match="no bond Si-Si is known"):
        bond_angles(quartz, "Si-Si-Si")
    with pytest.raises(DatasetError, match="no angle"):
        bond_angles(quartz, "SiOSi")
    with pytest.raises(DatasetError, match="frame 0 has no angle"):
        bond_angles(quartz, "O-Si-O", cutoffs={"Si-O": 0.5})
