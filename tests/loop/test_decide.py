from __future__ import annotations

import pytest

from al_loop.campaign.spec import Budget, Converge
from al_loop.loop.decide import Decision, Measured, decide

CONVERGE = Converge(candidate_fraction=0.05, audit_force_rmse=0.2, iterations=2)
GOOD = Measured(conditions=1, uncertain=0.01, audit_error=0.1)


def verdict(*measured: Measured, **spent: float) -> Decision:
    budget = Budget(iterations=10, labels=100, hours=2)
    given = {"iterations": len(measured), "labels": 10, "hours": 0.5, **spent}
    return decide(
        measured,
        last_conditions=1,
        converge=CONVERGE,
        budget=budget,
        iterations=int(given["iterations"]),
        labels=int(given["labels"]),
        hours=float(given["hours"]),
    )


def test_converges_only_when_the_targets_were_met_often_enough_in_a_row() -> None:
    assert verdict(GOOD).verdict == "continue"
    assert verdict(GOOD, GOOD).verdict == "converged"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (Measured(conditions=1, uncertain=0.06, audit_error=0.1), "uncertain"),
        (Measured(conditions=1, uncertain=0.01, audit_error=0.21), "audit force error"),
        (Measured(conditions=1, uncertain=0.01, audit_error=None), "no audit frame"),
        (Measured(conditions=0, uncertain=0.01, audit_error=0.1), "exploration stage 1 of 2"),
    ],
)
def test_one_missed_target_is_enough_to_go_on_and_is_named(bad: Measured, why: str) -> None:
    decision = verdict(GOOD, bad)
    assert decision.verdict == "continue"
    assert why in decision.reason
    assert verdict(bad, GOOD).verdict == "continue"


def test_an_iteration_whose_walkers_all_explode_has_not_converged() -> None:
    exploded = Measured(conditions=1, uncertain=1.0, audit_error=0.0)
    assert verdict(exploded, exploded).verdict == "continue"


@pytest.mark.parametrize("spent", [{"iterations": 10}, {"labels": 100}, {"hours": 2.0}])
def test_a_spent_budget_ends_the_campaign_and_says_what_is_missing(spent: dict[str, float]) -> None:
    bad = Measured(conditions=1, uncertain=0.5, audit_error=0.1)
    decision = verdict(bad, bad, **spent)
    assert decision.verdict == "budget"
    assert "spent" in decision.reason
    assert "50.0% of the explored frames are uncertain" in decision.reason


def test_convergence_wins_over_a_budget_that_is_spent_in_the_same_moment() -> None:
    assert verdict(GOOD, GOOD, iterations=10).verdict == "converged"
