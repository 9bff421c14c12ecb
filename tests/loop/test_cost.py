"""What a rehearsed campaign would cost, counted by hand."""

from __future__ import annotations

import math

import pytest

from al_loop.campaign.spec import Budget
from al_loop.loop.chunks import LabelCost
from al_loop.loop.cost import Price, Step, Terms, cost_of, d3_in_md, judge_budget, most_per_label
from al_loop.store import Stage


def step(labels: int, *, final: bool = False) -> Step:
    """One hour of training on two cores, one of exploration on one; frames of 24 atoms."""
    wall: dict[Stage, float] = {"train": 3600.0, "explore": 3600.0}
    core: dict[Stage, float] = {"train": 7200.0, "explore": 3600.0}
    if final:
        del wall["explore"], core["explore"]
    return Step(
        atoms=(24,) * labels,
        chosen=labels,
        wall=wall,
        core_seconds=core,
        labelling=36.0 * labels,
        final=final,
    )


STEPS = [step(10), step(5), step(0, final=True)]
FOUR = Terms(nodes=4)
PRICE = Price.given(8.0, 4)


def test_stages_are_counted_by_hand() -> None:
    """10 and 5 labels, 4 at a time: 3 and 2 rounds of 2 h; 2 h of train and explore each."""
    found = cost_of(STEPS, PRICE, FOUR)
    assert found.labels == 15
    assert found.here == pytest.approx({"labels": 0.15, "train": 6.0, "explore": 2.0})
    assert found.real == {**found.here, "labels": pytest.approx(120.0)}
    assert found.core_hours == pytest.approx(128.0)
    assert found.clock == pytest.approx((8.0, 14.0))
    assert found.last_training == 1.0


def test_what_the_real_campaign_does_otherwise_scales() -> None:
    """Every fifth label twice: 12 and 6, 3 and 2 rounds; MD takes twice as long."""
    found = cost_of(STEPS, PRICE, Terms(nodes=4, times=1.2, in_md=2.0))
    assert found.real["labels"] == pytest.approx(144.0)
    assert found.real["explore"] == pytest.approx(4.0)
    assert found.clock == pytest.approx((9.0, 16.0))


def test_a_price_by_atoms_holds_for_each_frame() -> None:
    """36 s for 2 atoms, as their cube: 288 s for 4; on 5 cores."""
    one = Step((2, 4), 2, step(0).wall, step(0).core_seconds, 0.0, final=False)
    found = cost_of([one], Price(LabelCost(4.5, 3.0), 5, "fitted"), Terms())
    assert found.real["labels"] == pytest.approx(5 * (36 + 288) / 3600)
    assert found.clock == pytest.approx((2 + (36 + 288) / 3600,))


def test_without_a_price_nothing_is_guessed() -> None:
    found = cost_of(STEPS, None, FOUR)
    assert found.real["labels"] is None
    assert found.core_hours is None
    assert found.clock is None
    assert found.real["train"] == 6.0


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"iterations": 9}, "9 iterations: fits, 2 used"),
        ({"iterations": 2}, "2 iterations: spent in iteration 1, 2 used at its end, the last one"),
        ({"labels": 16}, "16 labels: fits, 15 used"),
        ({"labels": 9}, "9 labels: spent in iteration 0, 10 used at its end; the rehearsal went on "
                        "for 1 more"),
        ({"hours": 14.5}, "14.5 hours: fits, 14 used; the last training, 1 h, comes on top"),
        ({"hours": 8}, "8 hours: spent in iteration 0, 8 used at its end; the rehearsal went on "
                       "for 1 more; the last training, 1 h, comes on top"),
    ],
)  # fmt: skip
def test_each_limit_is_judged_at_the_end_of_an_iteration(
    budget: dict[str, float], said: str
) -> None:
    cost = cost_of(STEPS, PRICE, FOUR)
    assert said in judge_budget(Budget(**budget), STEPS, cost, terms=FOUR, cores=4)  # type: ignore[arg-type]


def test_hours_without_a_price_say_what_a_label_may_cost() -> None:
    """24 h less 4 h of the other stages in 5 rounds: 4 h on 4 cores. At that price it is spent."""
    cost = cost_of(STEPS, None, FOUR)
    found = judge_budget(Budget(hours=24), STEPS, cost, terms=FOUR, cores=4)
    assert "24 hours: fits if a label costs less than 16 core-hours, 4 at a time" in found
    most = most_per_label(STEPS, FOUR, hours=24, cores=4)
    clock = cost_of(STEPS, Price.given(most, 4), FOUR).clock
    assert clock is not None and clock[-1] == pytest.approx(24)
    never = judge_budget(Budget(hours=3), STEPS, cost, terms=FOUR, cores=4)
    assert "3 hours: does not fit, however cheap labels are" in never[-1]
    assert most_per_label([], FOUR, hours=1, cores=1) == math.inf


@pytest.mark.parametrize(
    ("cutoff", "measured"), [(10, 1.27), (10, 1.21), (12, 1.41), (12, 1.32), (15, 1.74), (30, 6.6)]
)
def test_d3_in_md_costs_what_the_benchmark_measured(cutoff: float, measured: float) -> None:
    """The table of docs/dispersion.md."""
    assert d3_in_md(cutoff) == pytest.approx(measured, rel=0.05)
