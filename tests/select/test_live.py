"""benchmarks/live.py: rules that differ in nothing else, test frames, what is read from curves."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units

from al_loop.campaign import CampaignSpec, dump_campaign
from al_loop.structures import crystal
from al_loop.units import Array
from benchmarks.live_task import CRYSTALS, FULL, QUICK, RULES, Size, campaign, in_order, sampled

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import live

SPRING = 8.0
"""eV/Å2."""


@pytest.mark.parametrize("size", [QUICK, FULL])
def test_the_campaigns_differ_only_in_what_they_select(tmp_path: Path, size: Size) -> None:
    teacher = tmp_path / "model.pb"
    teacher.write_bytes(b"a model")
    asked = [campaign(rule, seed=1, teacher=teacher, size=size) for rule in RULES]
    dumped = [dump_campaign(CampaignSpec.model_validate(one)) for one in asked]
    selects = {rule: one.pop("select") for rule, one in zip(RULES, dumped, strict=True)}
    assert len({one.pop("name") for one in dumped}) == len(RULES)
    assert dumped[0] == dumped[1] == dumped[2]
    assert {one["batch"] + one["audit"] for one in selects.values()} == {size.batch}
    assert selects["ours"]["diversity"] and not selects["dpgen"]["diversity"]
    assert selects["dpgen"]["bearable_error"] is None
    # What the walkers of the fixed band come to before they are halted is what random draws from.
    halted = dumped[0]["explore"]["deviation_factor"] * selects["dpgen"]["trust"]["upper"]
    assert selects["random"]["trust"]["upper"] == pytest.approx(halted)
    assert selects["random"]["min_distance"] == selects["ours"]["min_distance"]


def einstein(start: Atoms, size: Size) -> list[Array]:
    """Squared displacements in an Einstein crystal, frame by frame, at 900 K."""
    places = start.positions.copy()

    def predict(now: Atoms) -> tuple[float, Array, Array]:
        off = now.positions - places
        return 0.5 * SPRING * float((off**2).sum()), -SPRING * off, np.zeros((3, 3))

    frames = sampled(predict, start, temperature=900.0, seed=3, size=size)
    for one in frames:
        assert one.energy == pytest.approx(predict(one.atoms)[0])
        assert np.allclose(one.forces, predict(one.atoms)[1])
    return [(one.atoms.positions - places) ** 2 for one in frames]


def test_test_frames_have_their_temperature_and_are_the_same_again() -> None:
    """Equipartition: each displacement has k <u^2> = k_B T, but for the centre of mass."""
    start = in_order(crystal("alpha-quartz", supercell=CRYSTALS["alpha-quartz"]))
    squares = einstein(start, replace(QUICK, warm=300, tested=100, apart=15))
    assert len(squares) == 100
    freedom = (len(start) - 1) / len(start)
    kelvin = SPRING * float(np.mean(squares)) / units.kB / freedom
    assert kelvin == pytest.approx(900.0, rel=0.08)
    again = einstein(start, replace(QUICK, warm=300, tested=1, apart=15))
    assert np.array_equal(squares[0], again[0])


def test_labels_are_those_a_committee_was_trained_on() -> None:
    """The first iteration counts the start's 8 with its own 8; the last one labels nothing."""
    size = replace(QUICK, iterations=3, batch=8, copies=3)
    assert live.labels_of([16, 7, 8, 0], size) == [8, 16, 23, 31]


def test_labels_needed_are_read_at_the_error_that_random_ends_at() -> None:
    size = replace(QUICK, iterations=2, batch=10, copies=4)
    errors = {"random": [0.4, 0.3, 0.2], "dpgen": [0.4, 0.35, 0.3], "ours": [0.4, 0.2, 0.1]}
    records = {
        rule: [live.Record([10, 20, 30], error, {300: error[-1]}, [])]
        for rule, error in errors.items()
    }
    found = live.summary(records, size)
    assert found["target_rmse"] == pytest.approx(0.2)
    assert (found["random"], found["dpgen"]) == (pytest.approx(30.0), None)
    assert found["ours"] == pytest.approx(20.0)


def test_a_teacher_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["live.py", "--teacher", str(tmp_path / "none.pb")])
    with pytest.raises(SystemExit, match=r"none\.pb is not there"):
        live.main()
