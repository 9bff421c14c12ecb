"""Schedules in words become legs; expected numbers are worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from al_loop.campaign.stages import ExploreConditions
from al_loop.explore import Leg, Walker, paths
from al_loop.explore.legs import check_path


def legs_of(**schedule: Any) -> dict[str, tuple[Leg, ...]]:
    stage = ExploreConditions.model_validate({"from": ["glass"], "schedule": schedule})
    return paths(stage, timestep=2.0, sample_every=10)


def test_a_quench_takes_the_time_that_its_rate_says() -> None:
    found = legs_of(quench={"from": 3000, "to": 300, "rates": [50, 100], "before": 1, "after": 0.5})
    assert list(found) == ["quench-50Kps", "quench-100Kps"]
    slow, fast = found.values()
    assert [leg.steps for leg in slow] == [500, 27_000, 250]  # 2700 K / 50 K/ps = 54 ps
    assert [leg.steps for leg in fast] == [500, 13_500, 250]
    assert [leg.temperature for leg in slow] == [(3000, 3000), (3000, 300), (300, 300)]
    walker = Walker(name="w", legs=slow, timestep=2.0, sample_every=10, seed=1)
    assert walker.steps == 27_750
    assert walker.temperature_at(500) == 3000
    assert walker.temperature_at(500 + 13_500) == pytest.approx(1650)
    assert walker.temperature_at(27_750) == 300


def test_an_anneal_goes_there_and_back() -> None:
    ((name, legs),) = legs_of(anneal={"to": 1300, "rate": 100, "hold": 2}).items()
    assert name == "anneal-1300K"
    assert [(leg.steps, leg.temperature) for leg in legs] == [
        (5000, (300, 1300)),
        (1000, (1300, 1300)),
        (5000, (1300, 300)),
    ]


@pytest.mark.parametrize(("start", "to", "expected"), [(0, 5, [0, 2, 4, 5]), (4, 0, [4, 2, 0])])
def test_compression_ends_at_the_pressure_asked_for(
    start: float, to: float, expected: list[float]
) -> None:
    (legs,) = legs_of(compress={"from": start, "to": to, "step": 2, "hold": 1}).values()
    assert [leg.pressure for leg in legs] == [(p, p) for p in expected]
    assert {(leg.ensemble, leg.steps) for leg in legs} == {("npt", 500)}


def test_strains_and_scales_are_factors_of_lengths() -> None:
    strain = legs_of(strain={"to": [0.1, -0.1], "rate": 0.05, "axes": ["b", "all"]})
    assert strain["strain-300K-b-1.1"][0].stretch == (1.0, 1.1, 1.0)
    assert strain["strain-300K-all-0.9"][0].stretch == (0.9, 0.9, 0.9)
    assert {leg.steps for legs in strain.values() for leg in legs} == {1000}  # 2 ps
    scaled = legs_of(scale={"factors": [0.58, 0.85], "over": 0.2, "hold": 0.1})
    assert [[leg.stretch[0] for leg in legs] for legs in scaled.values()] == [[0.58, 1], [0.85, 1]]
    heated = legs_of(crystals={"to": 900, "rate": 300, "strains": [0, -0.04]})
    assert [len(legs) for legs in heated.values()] == [1, 2]
    assert heated["crystals-900K-0.96"][1].temperature == (300, 900)


def test_what_makes_no_sense_is_refused() -> None:
    quench = {"from": 3000, "to": 300, "rates": [50]}
    for wrong, words in (
        ({}, "exactly one of"),
        ({"quench": quench, "melt": {"temperatures": [300], "hold": 1}}, "exactly one of"),
        ({"quench": {**quench, "to": 4000}}, "must be below from"),
        ({"compress": {"to": 0, "step": 1, "hold": 1}}, "that is a hold"),
        ({"strain": {"to": [0], "rate": 1}}, "no strain"),
    ):
        with pytest.raises(ValidationError, match=words):
            legs_of(**wrong)


def test_a_cell_is_deformed_only_where_it_follows_from_the_step() -> None:
    held = (300.0, 300.0)
    npt = Leg(steps=10, ensemble="npt", temperature=held)
    deform = Leg(steps=10, ensemble="nvt", temperature=held, stretch=(1.1, 1.0, 1.0))
    check_path([deform, npt])
    with pytest.raises(ValueError, match="before any npt leg"):
        check_path([npt, deform])
