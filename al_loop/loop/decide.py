"""Is the campaign done? A pure decision on what the iterations have measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from al_loop.campaign.spec import Budget, Converge

Verdict = Literal["continue", "converged", "budget"]


@dataclass(frozen=True)
class Measured:
    """What one iteration measured.

    ``conditions`` is the index of the exploration stage it ran; ``uncertain`` the fraction of
    samples that were not accurate (candidates and failed); ``audit_error`` the RMSE of the
    leader's forces on audit frames, eV/Å per component, or None without audit frames.
    """

    conditions: int
    uncertain: float
    audit_error: float | None


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
    recent = measured[-converge.iterations :]
    missing = _missing(recent, last_conditions=last_conditions, converge=converge)
    if not missing:
        return Decision(
            "converged",
            f"for {converge.iterations} iterations at most "
            f"{converge.candidate_fraction:.1%} of the explored frames were uncertain and the "
            f"audit error was below {converge.audit_force_rmse:g} eV/Å",
        )
    if spent := _spent(budget, iterations=iterations, labels=labels, hours=hours):
        return Decision("budget", f"{spent}; not converged: {missing}")
    return Decision("continue", missing)


def _missing(recent: Sequence[Measured], *, last_conditions: int, converge: Converge) -> str:
    """What still stands against convergence; empty when nothing does."""
    now = recent[-1]
    if now.conditions < last_conditions:
        return f"exploration stage {now.conditions + 1} of {last_conditions + 1}"
    if now.uncertain > converge.candidate_fraction:
        return (
            f"{now.uncertain:.1%} of the explored frames are uncertain "
            f"(target {converge.candidate_fraction:.1%})"
        )
    if now.audit_error is None:
        return "no audit frame was labelled, so the error is unknown"
    if now.audit_error > converge.audit_force_rmse:
        return (
            f"audit force error {now.audit_error:.3f} eV/Å (target {converge.audit_force_rmse:g})"
        )
    good = sum(
        1
        for one in recent
        if one.conditions >= last_conditions
        and one.uncertain <= converge.candidate_fraction
        and one.audit_error is not None
        and one.audit_error <= converge.audit_force_rmse
    )
    if good < converge.iterations:
        return f"targets met for {good} of {converge.iterations} iterations in a row"
    return ""


def _spent(budget: Budget, *, iterations: int, labels: int, hours: float) -> str:
    """Which budget is used up; empty when none is."""
    if iterations >= budget.iterations:
        return f"budget of {budget.iterations} iterations spent"
    if budget.labels is not None and labels >= budget.labels:
        return f"budget of {budget.labels} labels spent"
    if budget.hours is not None and hours >= budget.hours:
        return f"budget of {budget.hours:g} hours spent"
    return ""
