from __future__ import annotations

from dataclasses import replace

import pytest

from al_loop.campaign.spec import Budget, Converge
from al_loop.loop.decide import Decision, Measured, decide
from al_loop.store import AuditStratum

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
        (
            Measured(
                1, 0.01, 0.1, audit=(AuditStratum(group="a", frames=9, error=0.5, bound=0.6),)
            ),
            "a: 95% of the forces are off by less than 0.500 eV/Å in 9 audit frames, so by less "
            "than 0.600 with a confidence of 90% (target 0.56)",
        ),
        (
            Measured(1, 0.01, 0.1, audit=(AuditStratum(group="b", frames=2, error=1, bound=None),)),
            "b: 2 audit frames, 6 are needed",
        ),
    ],
)
def test_one_missed_target_is_enough_to_go_on_and_is_named(bad: Measured, why: str) -> None:
    decision = verdict(GOOD, bad)
    assert decision.verdict == "continue"
    assert why in decision.reason
    assert verdict(bad, GOOD).verdict == "continue"


def test_a_test_error_that_still_falls_is_no_end() -> None:
    def at(error: float) -> Measured:
        return Measured(conditions=1, uncertain=0.01, audit_error=0.1, test_error=error)

    assert verdict(at(0.30), at(0.29), at(0.28)).verdict == "converged"
    assert verdict(at(0.30), at(0.29), at(0.35)).verdict == "converged"
    falling = verdict(at(0.30), at(0.29), at(0.25))
    assert falling.verdict == "continue"
    assert "the test error still falls (0.290 to 0.250 eV/Å)" in falling.reason
    assert verdict(at(0.40), at(0.30), at(0.30)).verdict == "continue"  # one of two in a row
    loose = CONVERGE.model_copy(update={"flat": None})
    spent = {"iterations": 3, "labels": 10, "hours": 0.5}
    many = [at(0.30), at(0.29), at(0.25)]
    found = decide(many, last_conditions=1, converge=loose, budget=Budget(), **spent)  # type: ignore[arg-type]
    assert found.verdict == "converged"


def test_the_claim_says_what_is_known_and_how_well() -> None:
    strata = (
        AuditStratum(group="a", frames=9, error=0.2, bound=0.31),
        AuditStratum(group="b", frames=9, error=0.2, bound=0.42),
    )
    good = Measured(conditions=1, uncertain=0.01, audit_error=0.1, audit=strata)
    reason = verdict(good, good).reason
    assert "95% of the forces are off by less than 0.420 eV/Å in every stratum" in reason
    assert "with a confidence of 90%" in reason
    named = verdict(good, replace(good, stage="quench")).reason
    assert "in every stratum of stage quench, with" in named


def test_everything_that_is_missing_is_named() -> None:
    bad = Measured(conditions=1, uncertain=0.2, audit_error=0.3)
    reason = verdict(bad, bad).reason
    assert "uncertain" in reason
    assert "audit force error" in reason


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
