from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from pydantic import ValidationError

from al_loop.glass import Trajectory
from al_loop.glass.structure import (
    StructureOptions,
    check_contacts,
    combine_structures,
    coordination,
    first_sharp_peak,
    measure_structure,
    pair_distributions,
    rings,
    structure_factors,
    wave_vectors,
)
from al_loop.glass.structure import measure as measuring
from al_loop.glass.structure.bonds import find_bonds
from al_loop.glass.structure.fsdp import REACH
from al_loop.glass.structure.repeats import Repeats
from al_loop.glass.structure.rings import CRITERIA, FrameRings, rings_of_frame
from tests.glass.networks import boroxol, chain, rattled, silica_glass


def test_all_at_once_is_the_same_as_one_by_one() -> None:
    run = rattled("beta-cristobalite", size=2, amplitude=0.15, frames=3)
    seen = []
    found = measure_structure(
        run, StructureOptions(r_width=0.05, q_step=0.05), advance=lambda: seen.append(1)
    )
    assert len(seen) == 3
    assert found.values["density"].value == pytest.approx(2.17446, abs=1e-4)
    network = coordination(run)
    assert found.values["species/Si-4"] == network.species["Si-4"]
    assert found.values["length/O-Si"] == network.lengths["O-Si"]
    assert found.values["rings/king/6"] == rings(run, "king").per_former[6]
    pairs = pair_distributions(run, width=0.05)
    assert found.curves["g/O-Si"].y == pytest.approx(pairs.partial("O-Si").y)
    factors = structure_factors(pairs, q=found.curves["S/neutron"].x)
    assert found.curves["S/neutron"].y == pytest.approx(factors.neutron().y)
    peak, curve = first_sharp_peak(wave_vectors(run, q_max=2.2 + REACH))
    assert found.values["fsdp/position"] == peak.position
    assert found.curves["S/neutron/wave_vectors"].y == pytest.approx(curve.y)
    assert found.curves["angle/Si-O-Si"].y.sum() == pytest.approx(1.0)
    assert found.overlaps == tuple(check_contacts(run))
    assert found.overlaps[0].pair == "O-Si"


def test_options_reach_what_they_name() -> None:
    run = rattled("beta-cristobalite", size=2, amplitude=0.05, frames=2)
    few = StructureOptions(cutoffs={"O-Si": 0.5}, rings=(), r_max=6.0, q_max=10.0, angle_width=5.0)
    found = measure_structure(run, few)
    assert found.values["species/Si-0"].value == 100.0
    assert not any(name.startswith(("rings", "angle")) for name in found.values)
    assert found.curves["g"].x[-1] < 6.0
    assert found.curves["S/xray"].x[-1] == pytest.approx(10.0, abs=0.02)
    every = measure_structure(run, StructureOptions(rings=("king",), rings_every=2))
    assert every.values["rings/king/6"].n == 1
    with pytest.raises(ValidationError, match="r_mac"):
        StructureOptions.model_validate({"r_mac": 3.0})


def folded(run: Trajectory) -> Trajectory:
    """The same with every atom in the cell, as LAMMPS writes x y z."""
    frames = [atoms.copy() for atoms in run.frames]
    for atoms in frames:
        atoms.wrap()
    return Trajectory(tuple(frames))


@pytest.mark.parametrize("seed", range(4))
def test_rings_of_a_network_that_lasts_are_looked_for_once(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Atoms go through faces of the cell, bonds break and heal: rings are as frame by frame."""
    run = rattled("beta-cristobalite", size=2, amplitude=0.05, frames=6, seed=seed)
    for atoms in run.frames:
        atoms.set_cell(atoms.cell * (1 + 0.001 * seed), scale_atoms=True)
    oxygen = int(np.flatnonzero(run.frames[0].numbers == 8)[seed])
    run.frames[3].positions[oxygen] += 1.5
    run = folded(run)
    looked = []
    search = rings_of_frame

    def counted(*arguments: Any, **options: Any) -> FrameRings:
        looked.append(arguments[1])
        return search(*arguments, **options)

    monkeypatch.setattr(measuring, "rings_of_frame", counted)
    values = measure_structure(run, StructureOptions(largest_ring=6)).values
    assert looked == 3 * ["king", "guttman", "primitive"]  # whole, broken, whole again
    for criterion in CRITERIA:
        for n, one in rings(run, criterion, largest=6).per_former.items():
            assert values[f"rings/{criterion}/{n}"] == one


def test_the_same_pairs_of_atoms_may_be_a_ring_or_a_chain() -> None:
    """Two silicon and two oxygen: both oxygens between them, or one beyond the face of the cell."""
    repeats = Repeats(["Si"])
    found = []
    for x, cells in ((2.5, 0), (2.5, 1), (2.5, -3), (7.5, 0), (7.5, 2), (2.5, 0)):
        places = [[0, 0, 0], [5, 0, 0], [2.5, 1, 0], [x + 10 * cells, -1, 0]]
        atoms = Atoms("Si2O2", places, cell=[10, 10, 10], pbc=True)
        found.append(repeats.seen(atoms, find_bonds(atoms, {"O-Si": 3.0})))
    assert found == [False, True, True, False, True, False]


def test_borates_have_boron_rings_and_metals_no_network() -> None:
    found = measure_structure(Trajectory((boroxol(),)))
    assert found.values["boron/in_boroxol"].value == 100.0
    assert found.values["species/B-3"].value == 100.0
    metal = Atoms("Na16", np.random.default_rng(1).random((16, 3)) * 9, cell=[9] * 3, pbc=True)
    alone = measure_structure(Trajectory((metal,)))
    assert set(alone.values) <= {"density", "closest/Na-Na", "peak/Na-Na"} | {
        f"fsdp/{what}" for what in ("position", "height", "width")
    }


def test_samples_without_a_defect_count_as_zero_of_it() -> None:
    whole = measure_structure(rattled("beta-cristobalite", size=2, amplitude=0.02))
    edges = measure_structure(Trajectory((chain(),)), StructureOptions(r_max=5.9))
    both = combine_structures([whole, edges])
    assert both.values["rings/king/2"].value == 0.5  # one a silicon in the chain
    assert both.values["edge_sharing"].value == 50.0
    assert both.values["species/Si-4"].value == 100.0
    assert both.values["closest/O-Si"] == min(
        (one.values["closest/O-Si"] for one in (whole, edges)), key=lambda one: one.value
    )
    again = combine_structures([whole, whole])
    assert again.curves["g/O-Si"].y == pytest.approx(whole.curves["g/O-Si"].y)
    assert again.curves["g/O-Si"].n == 2


def test_a_quenched_glass_is_as_bks_glasses_are() -> None:
    """Four BKS glasses of this size, quenched and measured elsewhere: Si-O 1.612 Å, Si-O-Si 149 to
    150 degrees, silicon up to 1.6 % five-fold, nothing below 90 degrees."""
    found = measure_structure(silica_glass())
    assert found.values["density"].value == pytest.approx(2.20, abs=0.001)
    assert found.values["length/O-Si"].value == pytest.approx(1.612, abs=0.006)
    assert found.values["angle/Si-O-Si/mean"].value == pytest.approx(149.5, abs=2.0)
    assert found.values["angle/O-Si-O/mean"].value == pytest.approx(109.47, abs=0.3)
    assert found.values["species/Si-4"].value > 98.0
    assert found.values["qn/Si/4"].value > 98.0
    assert found.values["fsdp/position"].value == pytest.approx(1.6, abs=0.1)
    assert "rings/king/2" not in found.values
    assert found.overlaps == ()


def test_elements_without_a_known_scattering_take_away_the_totals_alone() -> None:
    """Polonium, nobelium, cerium in the place of silicon: no b, neither b nor f, both."""
    run = rattled("beta-cristobalite", size=2, amplitude=0.02)
    for element, lost in (("Po", False), ("No", True), ("Ce", None)):
        atoms = run.frames[0].copy()
        atoms.symbols[atoms.symbols == "Si"] = element
        found = measure_structure(
            Trajectory((atoms,)),
            StructureOptions(
                cutoffs={f"{element}-O": 2.2}, formers=(element,), rings=(), r_max=6.0
            ),
        )
        assert found.values[f"species/{element}-4"].value == 100.0
        assert found.values["density"].value > 2.0
        assert "g/" + "-".join(sorted((element, "O"))) in found.curves
        assert ("S/neutron" in found.curves) == (lost is None)
        assert ("S/xray" in found.curves) == (lost is not True)
        if lost is None:
            assert found.missing == {}
            assert "fsdp/position" in found.values
        else:
            assert element in found.missing["fsdp"]
