"""Is the campaign done? A pure decision on what the iterations have measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from al_loop.campaign.spec import Budget, Converge
from al_loop.loop.audit import FEWEST
from al_loop.store import AuditStratum

Verdict = Literal["continue", "converged", "budget"]


@dataclass(frozen=True)
class Measured:
    """What one iteration measured.

    ``conditions`` is the index of the exploration stage it ran; ``uncertain`` the fraction of
    samples that were not accurate (candidates and failed); ``audit_error`` the RMSE of the
    leader's forces on audit frames, eV/Å per component, or None without audit frames; ``audit``
    what audit frames say of each stratum; ``test_error`` the committee's force error on test
    frames, eV/Å, measured before the iteration explored. ``stage`` is the stage's name and
    ``passes`` the uncertain fraction at which it is passed.
    """

    conditions: int
    uncertain: float
    audit_error: float | None
    audit: tuple[AuditStratum, ...] = ()
    test_error: float | None = None
    stage: str = ""
    passes: float | None = None


@dataclass(frozen=True)
class Decision:
    """The verdict, and why, in one sentence for a person."""

    verdict: Verdict
    reason: str


def decide(
    measured: Sequence[Measured],
    *,
    last_conditions: int,
    converge: Converge,
    budget: Budget,
    iterations: int,
    labels: int,
    hours: float,
) -> Decision:
    """Decide after an iteration; ``measured`` are the latest ones, this one last.

    ``iterations``, ``labels`` and ``hours`` are what the campaign has spent.

    Frames above the upper trust level count against convergence like candidates do: a
    campaign whose walkers all explode has no candidates, and has converged on nothing.
    Convergence is claimed only for the last exploration stage.
    """
    missing = _missing(measured, last_conditions=last_conditions, converge=converge)
    if not missing:
        return Decision("converged", _claim(measured[-1], converge))
    if used := spent(budget, iterations=iterations, labels=labels, hours=hours):
        return Decision("budget", f"{used}; not converged: {missing}")
    return Decision("continue", missing)


def _claim(now: Measured, converge: Converge) -> str:
    """What is claimed of a campaign that has converged."""
    worst = max((one.bound for one in now.audit if one.bound is not None), default=math.inf)
    return (
        f"for {converge.iterations} iterations at most {converge.candidate_fraction:.1%} of the "
        f"explored frames were uncertain and the audit error was below "
        f"{converge.audit_force_rmse:g} eV/Å; of the others {converge.percentile:.0%} of the "
        f"forces are off by less than {worst:.3f} eV/Å in every stratum"
        f"{f' of stage {now.stage}' if now.stage else ''}, with a confidence of "
        f"{converge.confidence:.0%}"
    )


def _missing(measured: Sequence[Measured], *, last_conditions: int, converge: Converge) -> str:
    """All that still stands against convergence; empty when nothing does."""
    now = measured[-1]
    if now.conditions < last_conditions:
        name = f" ({now.stage})" if now.stage else ""
        sure = "" if now.passes is None else f": {now.uncertain:.1%} uncertain, passed at "
        sure += "" if now.passes is None else f"{now.passes:.1%}"
        return f"exploration stage {now.conditions + 1} of {last_conditions + 1}{name}{sure}"
    befores = [None, *measured[:-1]]
    found = [
        _unmet(one, before, converge) if one.conditions >= last_conditions else ["an earlier stage"]
        for one, before in zip(measured, befores, strict=True)
    ]
    if found[-1]:
        return "; ".join(found[-1])
    good = 0
    while good < len(found) and not found[-1 - good]:
        good += 1
    if good < converge.iterations:
        return f"targets met for {good} of {converge.iterations} iterations in a row"
    return ""


def _unmet(now: Measured, before: Measured | None, converge: Converge) -> list[str]:
    """Targets that an iteration has not met, one sentence each."""
    found = []
    if now.uncertain > converge.candidate_fraction:
        found.append(
            f"{now.uncertain:.1%} of the explored frames are uncertain "
            f"(target {converge.candidate_fraction:.1%})"
        )
    if now.audit_error is None:
        found.append("no audit frame was labelled, so the error is unknown")
    elif now.audit_error > converge.audit_force_rmse:
        found.append(
            f"audit force error {now.audit_error:.3f} eV/Å (target {converge.audit_force_rmse:g})"
        )
    for stratum in now.audit:
        if stratum.bound is None or stratum.error is None:
            found.append(f"{stratum.group}: {stratum.frames} audit frames, {FEWEST} are needed")
        elif stratum.bound > converge.force_target:
            found.append(
                f"{stratum.group}: {converge.percentile:.0%} of the forces are off by less than "
                f"{stratum.error:.3f} eV/Å in {stratum.frames} audit frames, so by less than "
                f"{stratum.bound:.3f} with a confidence of {converge.confidence:.0%} "
                f"(target {converge.force_target:.3g})"
            )
    if _falls(now, before, converge.flat):
        assert before is not None
        found.append(
            f"the test error still falls ({before.test_error:.3f} to {now.test_error:.3f} eV/Å)"
        )
    return found


def _falls(now: Measured, before: Measured | None, flat: float | None) -> bool:
    """Whether the test error has fallen by more than the share ``flat``."""
    if flat is None or before is None or before.test_error is None or now.test_error is None:
        return False
    return now.test_error < (1.0 - flat) * before.test_error


def spent(budget: Budget, *, iterations: int, labels: int, hours: float) -> str:
    """Which budget is used up; empty when none is."""
    if iterations >= budget.iterations:
        return f"budget of {budget.iterations} iterations spent"
    if budget.labels is not None and labels >= budget.labels:
        return f"budget of {budget.labels} labels spent"
    if budget.hours is not None and hours >= budget.hours:
        return f"budget of {budget.hours:g} hours spent"
    return ""
