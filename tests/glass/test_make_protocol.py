"""Protocols: what is asked for in words becomes stretches of MD; what cannot be is refused."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from al_loop.errors import UserError
from al_loop.glass.make import (
    Protocol,
    load_protocol,
    protocol_names,
    runs_of,
    segments_of,
    variants,
)
from al_loop.units import density

SILICA = {"kind": "pack", "formula": "SiO2", "atoms": 72, "density": 2.2}
MELT = {"do": "hold", "name": "melt", "temperature": 3400, "ps": 10}
QUENCH = [{"do": "quench", "to": 1500, "rate": 2}, {"do": "quench", "to": 300, "rate": 12}]


def protocol(*steps: dict[str, Any], **more: Any) -> Protocol:
    return Protocol.model_validate(
        {"name": "test", "start": SILICA, "steps": list(steps or [MELT, *QUENCH]), **more}
    )


def test_two_stages_take_the_time_that_their_rates_ask_for() -> None:
    melt, first, second = segments_of(protocol(timestep=2.0))
    assert (melt.name, first.name, second.name) == ("melt", "quench", "quench-2")
    assert melt.steps * 2e-3 == pytest.approx(10)
    assert first.steps * 2e-3 == pytest.approx((3400 - 1500) / 2)
    assert second.steps * 2e-3 == pytest.approx((1500 - 300) / 12)
    assert (first.temperature, second.temperature) == ((3400, 1500), (1500, 300))
    assert [s.before for s in (melt, first, second)] == [None, "melt", "quench"]


def test_compression_is_that_of_the_silica_paper() -> None:
    """Trillot et al. 2024: 0 to 14 GPa by 2 GPa; 100 ps ramp, 100 ps NPT, 100 ps NVE."""
    parts = segments_of(protocol(MELT, {"do": "compress"}))[1:]
    assert len(parts) == 2 + 7 * 3
    assert {part.steps for part in parts} == {100_000}
    assert [p.ensemble for p in parts[2:5]] == ["npt", "npt", "nve"]
    assert [p.pressure for p in parts if p.name.endswith("ramp")] == [
        (p, p + 2.0) for p in (0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0)
    ]
    assert all(b.before == a.name for a, b in pairwise(parts))
    assert not any(p.measured for p in parts if p.name.endswith("ramp"))


def test_each_axis_is_pulled_from_the_same_glass() -> None:
    strain = {"do": "strain", "by": 0.01, "to": 0.03}
    parts = segments_of(protocol(MELT, strain))[1:]
    begins = [part for part in parts if part.before == "melt"]
    assert [part.axis for part in begins] == ["x", "y", "z"]
    for axis in "xyz":
        grown = 1.0
        for part in (part for part in parts if part.axis == axis):
            grown *= part.stretch
        assert grown == pytest.approx(1.03)


def test_a_step_goes_on_from_the_one_that_it_names() -> None:
    parts = segments_of(
        protocol(
            MELT,
            {"do": "compress", "to": 2, "measure": 0},
            {"do": "strain", "after": "melt", "axes": ["y"], "to": -0.01},
        )
    )
    assert next(part.before for part in parts if part.step == "strain") == "melt"
    assert parts[-1].name == "strain-y--1pc-hold"
    assert parts[-2].stretch == pytest.approx(0.99)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([{"do": "quench", "to": 300, "rate": 1}], r"steps\[0\] \(quench\): there is no temp"),
        ([MELT, {"do": "quench", "to": 5000, "rate": 1}], "it is at 3400 K, and to is 5000 K"),
        ([MELT, {"do": "heat", "to": 300, "rate": 1}], "heat: it is at 3400 K"),
        ([MELT, {"do": "hold", "ps": 1, "after": "glass"}], "no step 'glass' before; melt"),
        ([MELT, MELT], "two steps are called 'melt'"),
        ([MELT, {"do": "compress", "to": 5, "by": 2}], "no whole number of by"),
        ([MELT, {"do": "hold", "ps": 1, "under": "bsk"}], "no potential is called 'bsk'"),
        ([MELT, {"do": "quench", "to": 300, "rate": 1, "ensemble": "nve"}], "no thermostat"),
        (
            [MELT, {"do": "hold", "ps": 1, "ensemble": "nve", "temperature": 300}],
            "keeps the energy",
        ),
        ([MELT, {"do": "hold", "ps": 1, "pressure": 5}], "nvt keeps the volume"),
        ([MELT, {"do": "relax", "pressure": 5}], "a fixed cell takes no pressure"),
        ([MELT, {"do": "strain", "by": 0.01, "to": 0.025}], "no whole number of by"),
    ],
)
def test_what_cannot_be_run_is_refused(steps: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        protocol(*steps)


def test_variants_have_folders_of_their_own() -> None:
    """Two densities of one composition would be one folder, and one of them lost."""
    twice = [{"formula": "SiO2", "density": density} for density in (2.2, 2.4)]
    with pytest.raises(ValidationError, match="two variants are called SiO2"):
        protocol(MELT, vary={"compositions": twice})
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        protocol(MELT, vary={"atoms": [-72]})


def test_studies_are_all_combinations_with_samples_of_their_own() -> None:
    study = protocol(samples=5, vary={"rates": [0.1, 1, 10], "atoms": [72, 192]})
    runs = runs_of(study)
    assert len(runs) == 3 * 2 * 5
    assert len({run.seed for run in runs}) == len({run.name for run in runs}) == 30
    assert runs[0].name == "72-atoms-0.1-K-per-ps/sample-0"
    first = [segments_of(one)[1].steps for one in variants(study)]
    assert first == [19_000_000, 1_900_000, 190_000] * 2
    assert {segments_of(one)[2].steps for one in variants(study)} == {100_000}


def test_a_composition_in_oxides_is_met() -> None:
    start = {"kind": "pack", "oxides": {"Na2O": 33, "SiO2": 67}, "atoms": 300, "density": 2.494}
    made = protocol(start=start).start
    assert made.kind == "pack"
    atoms = made.build(seed=1)
    symbols = atoms.get_chemical_symbols()
    sodium, silicon = symbols.count("Na") / 2, symbols.count("Si")
    assert 100 * sodium / (sodium + silicon) == pytest.approx(33, abs=1.0)
    assert symbols.count("O") == sodium + 2 * silicon
    assert density(atoms) == pytest.approx(2.494, rel=1e-6)
    assert (atoms.positions == made.build(seed=1).positions).all()
    assert (atoms.positions != made.build(seed=2).positions).any()


def test_a_wrong_key_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(
        "name: test\nstart: {kind: crystal, name: alpha-quartz}\nsteps:\n"
        "  - do: hold\n    temperature: 300\n    ps: 1\n  - do: heat\n    speed: 5\n    to: 3000\n"
    )
    with pytest.raises(UserError) as caught:
        load_protocol(file)
    assert "line 8: steps[1].speed: unknown key" in caught.value.what
    assert "line 7: steps[1].rate: this key is needed" in caught.value.what
    with pytest.raises(UserError, match="no protocol"):
        load_protocol("nothing-of-the-kind")


@pytest.mark.parametrize("name", protocol_names())
def test_each_protocol_that_ships_can_be_run(name: str) -> None:
    found = load_protocol(name)
    assert found.name == name
    assert len(found.about.splitlines()[0]) < 115
    for run in runs_of(found):
        if run.sample:
            continue
        assert segments_of(run.protocol)
        if run.protocol.start.kind == "pack":
            charge = {"Li": 1, "Na": 1, "B": 3, "Si": 4, "O": -2}
            counts = run.protocol.start.counts()
            assert sum(charge[symbol] * n for symbol, n in counts.items()) == 0


def test_protocols_are_those_of_the_papers() -> None:
    """Their own figures: K/s of the rates, glasses, pressures, atoms."""
    rates = [run.protocol for run in runs_of(load_protocol("silica-cooling-rates"))]
    slow = {f"{one.steps[3].rate * 1e12:.2g}" for one in rates if one.steps[3].do == "quench"}
    assert {"3.8e+10", "3.8e+13"} <= slow and len(rates) == 7 * 5
    borates = list(variants(load_protocol("lithium-borosilicates")))
    assert len(borates) == 11
    densities = [one.start.density for one in borates if one.start.kind == "pack"]
    assert sorted(densities) == sorted(
        [2.21, 2.26, 2.30, 2.31, 2.31, 2.34, 2.32, 2.17, 2.20, 2.10, 2.17]
    )
    sodium = [one.start for one in variants(load_protocol("sodium-silicates"))]
    atoms = [sum(one.counts().values()) for one in sodium if one.kind == "pack"]
    assert len(atoms) == 8 and all(abs(n - 1500) <= 0.2 * 1500 for n in atoms)
    pressed = segments_of(load_protocol("compression"))
    assert pressed[-1].pressure == (14.0, 14.0) and pressed[-1].ensemble == "nve"
