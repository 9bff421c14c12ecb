from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from ase import Atoms

from al_loop.errors import DatasetError
from al_loop.glass import Trajectory
from al_loop.glass.structure import bond_cutoffs
from al_loop.glass.structure.boron_rings import boron_rings
from al_loop.glass.structure.rings import CRITERIA, Criterion, rings, rings_of_frame
from al_loop.structures import crystal
from tests.glass.networks import boroxol, chain, rattled

CUTOFFS = bond_cutoffs(["B", "O", "Si"])


def sizes(atoms: Atoms, criterion: Criterion, largest: int = 12) -> dict[int, int]:
    found = rings_of_frame(atoms, criterion, cutoffs=CUTOFFS, largest=largest)
    return dict(sorted(Counter(found.sizes.tolist()).items()))


@pytest.mark.parametrize("criterion", CRITERIA)
def test_ideal_cristobalite_has_two_six_membered_rings_a_silicon(criterion: Criterion) -> None:
    for cells in (1, 3):  # 24 atoms, whose rings meet their own images, and 648
        atoms = crystal("beta-cristobalite", supercell=(cells, cells, cells))
        found = rings(Trajectory((atoms,)), criterion)
        assert found.per_former.keys() == {6}
        assert found.per_former[6].value == 2.0
        assert found.at[6].value == found.largest[6].value == found.smallest[6].value == 100.0
        assert found.mean_size is not None
        assert found.mean_size.value == 6.0


@pytest.mark.parametrize("criterion", CRITERIA)
def test_two_tetrahedra_that_share_an_edge_are_a_ring_of_two(criterion: Criterion) -> None:
    assert sizes(chain(8), criterion) == {2: 8}
    # The chain closes on itself through the boundary: that is no ring of eight.
    assert sizes(chain(2), criterion) == {2: 2}


def test_quartz_has_the_rings_of_its_vertex_symbol() -> None:
    """6.6.6_2.6_2.8_7.8_7 (O'Keeffe and Hyde, Zeolites 19, 370 (1997)): of the six angles of a
    silicon two close one ring of six, two two, and two seven rings of eight."""
    for cells in (1, 2):
        atoms = crystal("alpha-quartz", supercell=(cells, cells, cells))
        silicons = 3 * cells**3
        found = rings_of_frame(atoms, "king", cutoffs=CUTOFFS, largest=8)
        six = found.atoms[found.sizes == 6]
        # Every ring of six is the shortest at each of its six angles: 6 angles a silicon.
        assert len(six) == silicons
        visits = np.bincount(six[six >= 0], minlength=len(atoms))
        assert (visits[atoms.numbers == 14] == 6).all()
        eight = Counter(found.sizes.tolist())[8]
        # Of the eight angles of a ring of eight, it is shortest at two: 14 / 2 a silicon.
        assert eight == 7 * silicons
        assert found.at[:, [6, 8]].all()
    tridymite = sizes(crystal("beta-tridymite", supercell=(2, 2, 2)), "king")
    assert tridymite == {6: 2 * 32}  # vertex symbol 6_2 six times


def test_rings_of_three_fold_oxygen_are_those_that_sovapy_counts() -> None:
    """sovapy 0.8.3, stishovite of 576 atoms: the same 2688 rings of King, atom for atom."""
    found = rings(Trajectory((crystal("stishovite", supercell=(3, 3, 4)),)), "king", largest=4)
    assert {n: one.value for n, one in found.per_former.items()} == {2: 1.0, 3: 4.0, 4: 9.0}


def test_the_same_rings_wherever_the_atoms_are_written() -> None:
    """Unwrapped positions, another order and another cell of the same lattice change nothing."""
    atoms = rattled("beta-cristobalite", size=2, amplitude=0.2).frames[0]
    generator = np.random.default_rng(1)
    moved = atoms[generator.permutation(len(atoms))]
    moved.positions += generator.integers(-3, 4, (len(atoms), 3)) @ atoms.cell.array
    moved.set_cell(np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]]) @ atoms.cell.array)
    for criterion in CRITERIA:
        expected = sizes(atoms, criterion, 9)
        assert sizes(moved, criterion, 9) == expected
        twice = sizes(atoms.repeat((2, 1, 1)), criterion, 9)
        assert twice == {n: 2 * count for n, count in expected.items()}


def test_every_ring_that_is_found_is_a_closed_chain_of_bonds() -> None:
    atoms = rattled("beta-cristobalite", size=2, amplitude=0.2).frames[0]
    for criterion in CRITERIA:
        found = rings_of_frame(atoms, criterion, cutoffs=CUTOFFS, largest=8)
        for ring, size in zip(found.atoms, found.sizes, strict=True):
            around = ring[: 2 * size]
            assert len(set(around.tolist())) == 2 * size
            steps = [
                atoms.get_distance(a, b, mic=True, vector=True)
                for a, b in zip(around, np.roll(around, -1), strict=True)
            ]
            assert np.abs(np.sum(steps, axis=0)).max() < 1e-9
            assert max(map(np.linalg.norm, steps)) < CUTOFFS["O-Si"]


def test_dead_ends_and_modifiers_belong_to_no_ring() -> None:
    atoms = boroxol()
    assert sizes(atoms, "king") == {3: 1}
    salted = atoms + Atoms("Na4", np.array([0, 0, 2.5]) + atoms.positions[:4])
    limits = bond_cutoffs(["B", "O", "Na"])
    assert rings_of_frame(salted, "king", cutoffs=limits).sizes.tolist() == [3]
    open_ring = atoms.copy()
    del open_ring[3]
    assert sizes(open_ring, "primitive") == {}
    found = rings(Trajectory((open_ring,)))
    assert (found.per_former, found.mean_size) == ({}, None)


def test_boroxol_rings_are_told_from_those_with_four_fold_boron() -> None:
    pure = boron_rings(Trajectory((boroxol(),)))
    assert (pure.rings.value, pure.in_rings.value, pure.in_boroxol.value) == (1.0, 100.0, 100.0)
    triborate = boron_rings(Trajectory((boroxol(four_fold=True),)))
    assert triborate.in_boroxol.value == 0.0
    assert triborate.in_rings.value == 100.0
    assert {n: one.value for n, one in triborate.by_four_fold.items()} == {0: 0, 1: 1, 2: 0, 3: 0}
    mixed = boroxol()
    mixed.symbols[0] = "Si"  # a ring of three, but not of boron
    assert boron_rings(Trajectory((mixed,)), cutoffs={"Si-O": 1.95}).rings.value == 0.0
    assert sizes(mixed, "king") == {3: 1}
    with pytest.raises(DatasetError, match="no boron"):
        boron_rings(Trajectory((crystal("alpha-quartz"),)))


def test_what_cannot_be_searched_is_said() -> None:
    run = Trajectory((crystal("alpha-quartz"),))
    with pytest.raises(DatasetError, match="there are king, guttman, primitive"):
        rings(run, "kings")  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="largest: 1"):
        rings(run, largest=1)
    with pytest.raises(DatasetError, match="no network former"):
        rings(Trajectory((crystal("lithium-oxide"),)))
