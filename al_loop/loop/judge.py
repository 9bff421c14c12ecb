"""What an iteration has measured, and the decision that follows from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from al_loop.hashing import digest
from al_loop.loop.audit import audit
from al_loop.loop.context import Context
from al_loop.loop.curriculum import uncertain
from al_loop.loop.decide import Decision, Measured, decide, spent
from al_loop.loop.trust import compare_with_labels, group_of
from al_loop.store import AuditStratum, IterationRecord, Selection
from al_loop.units import Array

_MOST_RECOUNTS = 5
_MOST_ITERATIONS = 10
_ENOUGH_AUDITS = 60
"""Audit frames beyond which earlier iterations are not looked at."""


def measure(ctx: Context, record: IterationRecord) -> IterationRecord:
    """The record of an iteration with its labels counted and its audit error, as of now.

    Everything is counted anew, so it may be done again whenever a late label has come in.
    """
    chosen = ctx.store.selections.of_iteration(ctx.name, record.index)
    tally = ctx.store.labels.tally([s.frame for s in chosen], ctx.method)
    counts = record.counts.model_copy(
        update={
            "labelled": tally.ok,
            "failed_labels": tally.failed,
            "quarantined_labels": tally.quarantined,
            "corrected_labels": tally.corrected,
            "core_seconds": tally.core_seconds,
        }
    )
    audits = [s for s in chosen if s.chosen == "audit"]
    return record.model_copy(
        update={
            "counts": counts,
            "audit_error": force_rmse(ctx.predicted_and_true(audits)),
            "audit": strata(ctx, record.index, audits),
        }
    )


def recount(ctx: Context, index: int) -> None:
    """Count the labels of an iteration again: one has come late, or is not believed any longer."""
    record = ctx.store.iterations.get(ctx.name, index)
    if record is None:
        return
    compare_with_labels(ctx, ctx.store.selections.of_iteration(ctx.name, index))
    # No lease may be held: what others count at the same time (samples) is not ours to write, and
    # of two that recount at once, the one that writes last has what both know.
    before, measured = None, measure(ctx, record)
    for _ in range(_MOST_RECOUNTS):
        ctx.store.iterations.recount(
            ctx.name,
            index,
            counts=measured.counts,
            audit_error=measured.audit_error,
            audit=measured.audit,
        )
        before, measured = measured, measure(ctx, record)
        if measured == before:
            break


def judge(ctx: Context, measured: IterationRecord) -> Decision:
    """What follows from an iteration whose labels are in, and from those before it."""
    recent = ctx.spec.converge.iterations + 1  # one more, to see whether the error still falls
    earlier = [
        record
        for index in range(max(0, measured.index - recent + 1), measured.index)
        if (record := ctx.store.iterations.get(ctx.name, index)) is not None
    ]
    return decide(
        [measured_in(ctx, record) for record in [*earlier, measured]],
        last_conditions=len(ctx.spec.explore.stages) - 1,
        converge=ctx.spec.converge,
        budget=ctx.spec.budget,
        iterations=measured.index + 1,
        labels=ctx.store.selections.count(ctx.name),
        hours=_hours(ctx),
    )


def budget_spent(ctx: Context, *, iterations: int) -> str:
    """Which budget is used up after so many iterations; empty when none is."""
    labels = ctx.store.selections.count(ctx.name)
    return spent(ctx.spec.budget, iterations=iterations, labels=labels, hours=_hours(ctx))


def _hours(ctx: Context) -> float:
    return (ctx.store.clock() - ctx.record.created).total_seconds() / 3600


def terms(ctx: Context) -> dict[str, float | str]:
    """Digest of what a decision depends on besides what was measured: the targets, the budget."""
    spec = ctx.spec
    asked = [one.model_dump(mode="json") for one in (spec.budget, *spec.explore.stages)]
    unused = set() if spec.converge.glass else {"glass"}  # as before there were any
    asked.insert(1, spec.converge.model_dump(mode="json", exclude=unused))
    if spec.validation is not None:
        asked.append(spec.validation.model_dump(mode="json"))
    return {"digest": digest(asked)}


def strata(ctx: Context, iteration: int, audits: Sequence[Selection]) -> tuple[AuditStratum, ...]:
    """What the audit frames of an iteration, and of those before it in this stage, say.

    The errors are those of the committees that chose the frames: older ones are no better.
    """
    stage = ctx.conditions(iteration)
    explored = ctx.spec.systems(ctx.spec.explore.stages[stage].structures)
    groups = {group_of(ctx, iteration, ctx.starts[name][0].atoms) for name in explored}
    found = list(audits)
    for index in range(iteration - 1, max(-1, iteration - _MOST_ITERATIONS), -1):
        if len(found) >= _ENOUGH_AUDITS or ctx.conditions(index) != stage:
            break
        before = ctx.store.selections.of_iteration(ctx.name, index)
        found += [s for s in before if s.chosen == "audit"]
    labels = ctx.labels_of([s.frame for s in found])
    errors: dict[str, list[Array]] = {}
    for s in found:
        label = labels.get(s.frame)
        good = label is not None and label.state == "ok"
        true = label.forces if label is not None and good else None
        if true is not None and s.predicted_forces is not None:
            off = np.linalg.norm(s.predicted_forces - true, axis=1)
            errors.setdefault(s.group, []).append(off)
    target = ctx.spec.converge
    none = [
        AuditStratum(group=group, frames=0, error=None, bound=None)
        for group in sorted(groups - errors.keys())
    ]
    return *none, *(
        AuditStratum(
            group=one.group,
            frames=one.frames,
            error=one.error,
            bound=one.bound if math.isfinite(one.bound) else None,
        )
        for one in audit(errors, percentile=target.percentile, confidence=target.confidence)
    )


def force_rmse(pairs: Iterable[tuple[Array, Array]]) -> float | None:
    """RMSE per component, eV/Å, over pairs of predicted and true forces; None without any."""
    errors = [np.ravel(predicted - true) for predicted, true in pairs]
    return float(np.sqrt(np.mean(np.concatenate(errors) ** 2))) if errors else None


def measured_in(ctx: Context, record: IterationRecord) -> Measured:
    """What an iteration measured, as the decision reads it."""
    index = ctx.conditions_of(record)
    stage = ctx.spec.explore.stages[index]
    return Measured(
        conditions=index,
        stage=stage.name or "",
        passes=stage.passes,
        uncertain=uncertain(record),
        audit_error=record.audit_error,
        audit=record.audit,
        test_error=record.test_errors.force_rmse if record.test_errors else None,
    )
