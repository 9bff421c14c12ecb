"""What an iteration has measured, and the decision that follows from it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from al_loop.hashing import digest
from al_loop.loop.context import Context
from al_loop.loop.decide import Decision, Measured, decide
from al_loop.loop.trust import compare_with_labels
from al_loop.store import IterationRecord
from al_loop.units import Array

_MOST_RECOUNTS = 5

CONDITIONS = "conditions"
"""Under which exploration stage an iteration ran, as its record keeps it (``frozen``)."""


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
    audit = force_rmse(ctx.predicted_and_true(s for s in chosen if s.chosen == "audit"))
    return record.model_copy(update={"counts": counts, "audit_error": audit})


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
            ctx.name, index, counts=measured.counts, audit_error=measured.audit_error
        )
        before, measured = measured, measure(ctx, record)
        if measured == before:
            break


def judge(ctx: Context, measured: IterationRecord) -> Decision:
    """What follows from an iteration whose labels are in, and from those before it."""
    recent = ctx.spec.converge.iterations
    earlier = [
        record
        for index in range(max(0, measured.index - recent + 1), measured.index)
        if (record := ctx.store.iterations.get(ctx.name, index)) is not None
    ]
    created = ctx.record.created
    return decide(
        [_measured(ctx, record) for record in [*earlier, measured]],
        last_conditions=len(ctx.spec.explore.stages) - 1,
        converge=ctx.spec.converge,
        budget=ctx.spec.budget,
        iterations=measured.index + 1,
        labels=ctx.store.selections.count(ctx.name),
        hours=(ctx.store.clock() - created).total_seconds() / 3600,
    )


def terms(ctx: Context) -> dict[str, float | str]:
    """Digest of what a decision depends on besides what was measured: the targets, the budget."""
    spec = ctx.spec
    asked = [spec.budget, spec.converge, *spec.explore.stages]
    return {"digest": digest([one.model_dump(mode="json") for one in asked])}


def force_rmse(pairs: Iterable[tuple[Array, Array]]) -> float | None:
    """RMSE per component, eV/Å, over pairs of predicted and true forces; None without any."""
    errors = [np.ravel(predicted - true) for predicted, true in pairs]
    return float(np.sqrt(np.mean(np.concatenate(errors) ** 2))) if errors else None


def _measured(ctx: Context, record: IterationRecord) -> Measured:
    counts = record.counts
    explored = record.frozen.get(CONDITIONS)  # stages may have been added since
    return Measured(
        conditions=int(explored["index"]) if explored else ctx.conditions(record.index),
        uncertain=(counts.candidate + counts.failed) / max(1, counts.explored),
        audit_error=record.audit_error,
    )
