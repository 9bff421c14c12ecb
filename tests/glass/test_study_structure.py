"""Structure in a study: of crystals whose network is known, and of files measured by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from pydantic import ValidationError

from al_loop.crystals import crystal
from al_loop.glass import MeasureOptions, Trajectory, measure
from al_loop.glass.compare import References
from al_loop.glass.compare.figures import draw_all
from al_loop.glass.estimate import Curve
from al_loop.glass.make import GlassResult
from al_loop.glass.measuring.part import Part
from al_loop.glass.study import StudyOptions, Trend, study_variant, trends
from al_loop.glass.study.network import even
from tests.glass.networks import rattled
from tests.glass.test_study import told

STILL = StudyOptions(diffusion=False)
LOOSE = crystal("beta-cristobalite").repeat(2)
DENSE = crystal("stishovite").repeat((3, 3, 4))


def stretched(atoms: Atoms) -> Atoms:
    """With bonds half as long again: none is left."""
    wide = atoms.copy()
    wide.set_cell(1.5 * wide.cell.array, scale_atoms=True)
    return wide


def test_the_state_is_the_second_half_of_its_hold(tmp_path: Path) -> None:
    settled = rattled("beta-cristobalite", size=2, amplitude=0.05, frames=3)
    frames = [*(stretched(atoms) for atoms in settled.frames[:2]), *settled.frames]
    steps = [{"do": "hold", "name": "glass", "temperature": 300, "ps": 4, "frames": 1.0}]
    write(tmp_path / "glass.traj", frames)
    made = told(tmp_path, steps, end=LOOSE, averages={"glass": {"density": 2.2}})
    options = StudyOptions(diffusion=False, rings=True, cutoffs={"Si-O": 2.1})
    found = study_variant("known", {"s": made}, options).measurement
    assert found.values["density"].value == 2.2  # of every MD step
    assert found.values["si4"].value == 100.0
    assert found.values["rings_king_6"].value == pytest.approx(2.0)  # as in tridymite and diamond
    assert found.values["angle_O-Si-O_mean"].value == pytest.approx(109.4, abs=0.3)
    asked = MeasureOptions.model_validate(
        {"groups": ("structure", "rings"), "structure": {"cutoffs": {"Si-O": 2.1}}}
    )
    by_hand = measure([Trajectory(settled.frames)], asked)
    same = by_hand.values.keys() - {"density", "temperature"}
    assert {name: found.values[name].value for name in same} == pytest.approx(
        {name: by_hand.values[name].value for name in same}, rel=1e-9
    )
    assert found.curves["s_neutron"].y == pytest.approx(by_hand.curves["s_neutron"].y)
    without = study_variant("known", {"s": made}, STILL).measurement
    assert "si4" in without.values and "rings_king_6" not in without.values
    none = study_variant("known", {"s": made}, STILL.model_copy(update={"structure": False}))
    assert "si4" not in none.measurement.values


def pressed(folder: Path) -> GlassResult:
    """Cristobalite becomes stishovite between 8 and 16 GPa."""
    folder.mkdir()
    steps = [
        {"do": "hold", "name": "rest", "temperature": 300, "ps": 1, "frames": 1.0},
        {"do": "compress", "to": 16, "by": 8, "ramp": 1, "relax": 1, "measure": 0},
    ]
    for name, atoms in (("rest", LOOSE), ("0GPa", LOOSE), ("8GPa", LOOSE), ("16GPa", DENSE)):
        file = name if name == "rest" else f"compress-{name}-relax"
        write(folder / f"{file}.traj", [stretched(atoms), atoms])
    return told(folder, steps, end=LOOSE)


def test_what_grows_under_pressure_is_told_over_it(tmp_path: Path) -> None:
    one, other = pressed(tmp_path / "a"), pressed(tmp_path / "b")
    found = study_variant("known", {"a": one, "b": other}, STILL).measurement
    curves = {name.removesuffix("_pressure"): curve for name, curve in found.curves.items()}
    assert curves["si4"].x.tolist() == [0, 8, 16] and curves["si4"].n == 2
    for name, expected in {
        "si4": [100, 100, 0],
        "si5": [0, 0, 0],
        "si6": [0, 0, 100],
        "o2": [100, 100, 0],
        "o3": [0, 0, 100],
        "coordination_Si-O": [4, 4, 6],
    }.items():
        assert curves[name].y.tolist() == expected, name
    assert (curves["si6"].y_unit, curves["length_Si-O"].y_unit) == ("%", "Å")
    assert curves["length_Si-O"].y[2] == pytest.approx((4 * 1.757 + 2 * 1.809) / 6, abs=0.01)
    assert found.values["si4"].value == 100.0  # of the hold, at no pressure
    assert "si4" in found.by_sample[1]
    figures = draw_all(found, References())["Pressure and strain"]
    axes = figures["si6_pressure"].axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("pressure (GPa)", "si6 (%)")
    assert axes.get_title(loc="left") == "si6 under pressure"
    (tmp_path / "b" / "compress-8GPa-relax.traj").unlink()
    lost = study_variant("known", {"b": other}, STILL).measurement
    assert "compress-8GPa-relax: " in lost.missing["structure_pressure"]
    assert "si4_pressure" not in lost.curves and "density_pressure" in lost.curves


def test_what_one_sample_has_under_pressure_is_zero_in_the_others() -> None:
    x = np.array([0.0, 8.0])
    seven = Curve(x, np.array([0.0, 1.5]), None, 1, "GPa", "%")
    mean = Curve(x, np.array([4.0, 6.5]), None, 1, "GPa", "")
    parts = [
        Part(curves={"si7_pressure": seven, "coordination_Si-O_pressure": mean}),
        Part(),
        Part(missing={"structure_pressure": "no frames"}),
    ]
    even(parts)
    assert [sorted(one.curves) for one in parts[1:]] == [["si7_pressure"], []]
    assert parts[1].curves["si7_pressure"].y.tolist() == [0.0, 0.0]


def broken(oxygens: int) -> Atoms:
    """So many oxygens are taken to voids, and the two silicons of each are left with three."""
    atoms = LOOSE.copy()
    distances = atoms.get_all_distances(mic=True)
    whole = set(np.flatnonzero(atoms.numbers == 14))
    edge = atoms.cell.lengths()[0] / 2
    moved = 0
    for oxygen in np.flatnonzero(atoms.numbers == 8):
        bonded = set(np.flatnonzero((distances[oxygen] < 2.2) & (atoms.numbers == 14)))
        if moved < oxygens and bonded <= whole:
            cell = np.array(np.unravel_index(moved, (2, 2, 2)))
            atoms.positions[oxygen] = (cell + 0.5) * edge
            whole -= bonded
            moved += 1
    assert moved == oxygens
    return atoms


def test_a_share_that_grows_with_the_rate_and_the_size_has_its_slopes(tmp_path: Path) -> None:
    """4 and 8 of 128 oxygens taken from 8 and 16 of 64 silicons: 12.5 % a decade."""
    variants = []
    for k, rate in enumerate((0.1, 1.0, 10.0)):
        (folder := tmp_path / f"{rate:g}").mkdir()
        write(folder / "glass.traj", [broken(4 * k)] * 2)
        steps = [
            {"do": "hold", "temperature": 3000, "ps": 1},
            {"do": "quench", "to": 300, "rate": rate},
            {"do": "hold", "name": "glass", "ps": 1, "frames": 1.0},
        ]
        tables = {"quench": {"step": np.arange(3.0)}}
        made = told(folder, steps, end=LOOSE, tables=tables)
        variants.append(study_variant(f"{rate:g}", {"s": made}, STILL))
    found = by_name(trends(variants, more=["non_bridging_*"]))
    assert found["si4"].slope.value == pytest.approx(-12.5)
    assert (found["si4"].over, found["si4"].at) == ("rate", (0.1, 1.0, 10.0))
    assert found["si4"].of == "SiO2, 192 atoms" and found["si3"].slope.value > 0
    assert "angle_O-Si-O_mean" in found and "density" not in found  # the same in all
    assert "o2" not in found and "non_bridging_oxygen" not in found  # none; was not asked for
    assert "o2" in by_name(trends(variants, more=["o[0-9]"]))
    sizes = [
        replace(one, rate=None, atoms=atoms)
        for one, atoms in zip(variants, (10_000, 1000, 100), strict=True)
    ]
    over = by_name(trends(sizes))["si4"]
    assert (over.over, over.of, over.at) == ("atoms", "SiO2", (100, 1000, 10_000))
    assert over.slope.value == pytest.approx(12.5)
    mixed = [replace(one, rate=0.5 * k) for k, one in enumerate(sizes, start=1)]
    assert trends(mixed) == ()  # sizes of different rates, rates of different sizes


def by_name(found: tuple[Trend, ...]) -> dict[str, Trend]:
    return {one.name: one for one in found}


def test_a_trend_of_nothing_is_explained() -> None:
    with pytest.raises(ValidationError, match="did you mean qn_4"):
        StudyOptions(trends=("qn4",))
    assert StudyOptions(trends=("fsdp", "rings_*")).trends == ("fsdp_position", "rings_*")
