"""Random boxes have the density and the distances that were asked for."""

from __future__ import annotations

import time
from itertools import product

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from al_loop.errors import StructureError
from al_loop.structures import pack
from al_loop.units import density

SILICA = {"O-Si": 1.5, "O-O": 2.2, "Si-Si": 2.6}
BOROSILICATE = {
    "B-B": 2.2, "B-Li": 2.2, "B-O": 1.25, "B-Si": 2.4, "Li-Li": 2.2, "Li-O": 1.7, "Li-Si": 2.4,
    "O-O": 2.2, "O-Si": 1.5, "Si-Si": 2.6,
}  # fmt: skip


def smallest(atoms: Atoms) -> dict[str, float]:
    """Smallest distance per pair by a plain loop over the 27 nearest images."""
    shifts = np.array(list(product((-1, 0, 1), repeat=3))) @ atoms.cell.array
    symbols, found = atoms.get_chemical_symbols(), {}
    for i, j in product(range(len(atoms)), repeat=2):
        distances = np.linalg.norm(atoms.positions[j] + shifts - atoms.positions[i], axis=1)
        if i == j:
            distances = distances[distances > 1e-9]
        pair = "-".join(sorted((symbols[i], symbols[j])))
        found[pair] = min(found.get(pair, np.inf), float(distances.min()))
    return found


@settings(max_examples=25, deadline=None)
@given(
    units=st.integers(8, 16),
    rho=st.floats(1.8, 3.0),
    seed=st.integers(1, 2**31 - 1),
)
def test_silica_box_is_packed_as_asked(units: int, rho: float, seed: int) -> None:
    box = pack("SiO2", atoms=3 * units, density=rho, min_distance=SILICA, seed=seed)
    assert box.get_chemical_formula(mode="hill") == f"O{2 * units}Si{units}"
    assert box.pbc.all()
    assert box.cell.lengths() == pytest.approx(box.cell.lengths()[0])
    assert box.cell.angles() == pytest.approx(90.0)
    assert density(box) == pytest.approx(rho)
    assert all(distance >= SILICA[pair] for pair, distance in smallest(box).items())


def test_box_has_the_volume_of_its_mass() -> None:
    # 8 SiO2 units weigh 480.67 g/mol; at 2.2 g/cm3 they fill 362.8 cubic angstroms.
    box = pack("SiO2", atoms=24, density=2.2, min_distance=SILICA, seed=1)
    assert box.get_volume() == pytest.approx(480.67 / 6.02214 / 2.2 * 10, rel=1e-4)


def test_multicomponent_glass_is_packed() -> None:
    # 40 Li2O 20 B2O3 40 SiO2, 2.34 g/cm3 (a real glass's density)
    box = pack("Li4B2Si2O9", atoms=68, density=2.34, min_distance=BOROSILICATE, seed=3)
    assert all(distance >= BOROSILICATE[pair] for pair, distance in smallest(box).items())


def test_same_seed_same_box() -> None:
    boxes = [
        pack("SiO2", atoms=48, density=2.2, min_distance=SILICA, seed=s).positions
        for s in (5, 5, 6)
    ]
    assert np.array_equal(boxes[0], boxes[1])
    assert not np.allclose(boxes[0], boxes[2])


@pytest.mark.parametrize("rho", [6.5, 12.0, 60.0])
@pytest.mark.parametrize("atoms", [24, 300])
def test_density_that_cannot_be_packed_is_refused_soon(rho: float, atoms: int) -> None:
    start = time.process_time()
    with pytest.raises(StructureError) as caught:
        pack("SiO2", atoms=atoms, density=rho, min_distance=SILICA, seed=1, key="structures.melt")
    assert time.process_time() - start < 20
    assert caught.value.where == "structures.melt.density"
    assert "structures.melt.min_distance" in caught.value.remedy


def test_impossible_density_is_seen_before_trying() -> None:
    start = time.process_time()
    with pytest.raises(StructureError, match="no packing fills more than 74%"):
        pack("SiO2", atoms=4998, density=12.0, min_distance=SILICA, seed=1)
    assert time.process_time() - start < 1


def test_atom_closer_to_its_own_image_than_allowed_is_refused() -> None:
    with pytest.raises(StructureError, match=r"box of 2\.5"):
        pack("Si", atoms=2, density=5.5, min_distance={"Si-Si": 2.6}, seed=1)


@pytest.mark.parametrize(
    ("atoms", "remedy"), [(25, "take 24 or 27"), (2, "take 3"), (47, "take 45 or 48")]
)
def test_atoms_must_be_whole_formula_units(atoms: int, remedy: str) -> None:
    with pytest.raises(StructureError) as caught:
        pack("SiO2", atoms=atoms, density=2.2, min_distance=SILICA, seed=1, key="structures.melt")
    assert caught.value.where == "structures.melt.atoms"
    assert caught.value.remedy == remedy


def test_every_pair_needs_a_distance() -> None:
    with pytest.raises(StructureError, match=r"no smallest distance is given for O-O, O-Si"):
        pack("SiO2", atoms=24, density=2.2, min_distance={"Si-Si": 2.6}, seed=1)


@pytest.mark.parametrize("formula", ["", "Si(O2", "SiQ2", "2.5"])
def test_formula_must_be_one(formula: str) -> None:
    with pytest.raises(StructureError, match="is not a formula"):
        pack(formula, atoms=24, density=2.2, min_distance=SILICA, seed=1)
