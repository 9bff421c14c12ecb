"""Label the selected frames; then decide whether the campaign is done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone

import numpy as np

from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.decide import Decision, Measured, decide
from al_loop.loop.stages.base import Completed, Note
from al_loop.loop.stages.labelling import ingest_chunk, plan_chunks, write_chunk
from al_loop.store import IterationRecord, JobRecord
from al_loop.units import Array


class Label:
    """Label what was selected."""

    def plan(self, ctx: Context, iteration: IterationRecord) -> list[PlannedJob]:
        """Chunks of this iteration's selections."""
        chosen = ctx.store.selections.of_iteration(ctx.name, iteration.index)
        return plan_chunks(ctx, [s.frame for s in chosen if s.chosen != "initial"])

    def write(self, ctx: Context, job: JobRecord) -> None:
        """Write a chunk's folder."""
        write_chunk(ctx, job)

    def ingest(self, ctx: Context, job: JobRecord) -> list[Note]:
        """Take a chunk's labels."""
        return ingest_chunk(ctx, job)

    def complete(self, ctx: Context, iteration: IterationRecord) -> Completed:
        """Measure the error on audit frames and decide."""
        chosen = [
            s
            for s in ctx.store.selections.of_iteration(ctx.name, iteration.index)
            if s.chosen != "initial"
        ]
        labels = ctx.labels_of([s.frame for s in chosen])
        good = {frame: label for frame, label in labels.items() if label.state == "ok"}
        audit_error = force_rmse(ctx.predicted_and_true(s for s in chosen if s.chosen == "audit"))
        counts = iteration.counts.model_copy(
            update={
                "labelled": iteration.counts.labelled + len(good),
                "failed_labels": iteration.counts.failed_labels + len(labels) - len(good),
            }
        )
        measured = iteration.model_copy(update={"counts": counts, "audit_error": audit_error})
        decision = self._decide(ctx, measured)
        return Completed(
            "done",
            {
                "counts": counts,
                "audit_error": audit_error,
                "decision": decision.verdict,
                "reason": decision.reason,
            },
            note=f"{decision.verdict}: {decision.reason}",
        )

    def _decide(self, ctx: Context, measured: IterationRecord) -> Decision:
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
            hours=(datetime.now(timezone.utc) - created).total_seconds() / 3600,
        )


def force_rmse(pairs: Iterable[tuple[Array, Array]]) -> float | None:
    """RMSE per component, eV/Å, over pairs of predicted and true forces; None without any."""
    errors = [np.ravel(predicted - true) for predicted, true in pairs]
    return float(np.sqrt(np.mean(np.concatenate(errors) ** 2))) if errors else None


def _measured(ctx: Context, record: IterationRecord) -> Measured:
    counts = record.counts
    return Measured(
        conditions=ctx.conditions(record.index),
        uncertain=(counts.candidate + counts.failed) / max(1, counts.explored),
        audit_error=record.audit_error,
    )
