"""Label the selected frames; then decide whether the campaign is done."""

from __future__ import annotations

from collections.abc import Sequence

from al_loop.loop.again import plan_again
from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.errors import RETRY, CampaignFailed
from al_loop.loop.judge import judge, measure, terms
from al_loop.loop.stages.base import Completed, Note
from al_loop.loop.stages.labelling import (
    frames_waiting,
    ingest_chunk,
    plan_chunks,
    quorum_reached,
    salvage,
    why_none,
    write_chunk,
)
from al_loop.loop.trust import compare_with_labels
from al_loop.store import IterationRecord, JobRecord


class Label:
    """Label what was selected."""

    def plan(self, ctx: Context, iteration: IterationRecord) -> list[PlannedJob]:
        """Chunks of this iteration's selections, and what is to be computed again."""
        chosen = self._chosen(ctx, iteration)
        return [*plan_chunks(ctx, iteration, chosen), *plan_again(ctx, iteration, chosen)]

    def write(self, ctx: Context, job: JobRecord) -> None:
        """Write a chunk's folder."""
        write_chunk(ctx, job)

    def ingest(self, ctx: Context, job: JobRecord) -> list[Note]:
        """Take a chunk's labels."""
        return ingest_chunk(ctx, job)

    def rescue(self, ctx: Context, job: JobRecord) -> list[Note]:
        """Keep the labels that the chunk has."""
        return salvage(ctx, job)

    def may_leave(self, ctx: Context, iteration: IterationRecord, due: Sequence[JobRecord]) -> bool:
        """When the quorum is labelled and the campaign goes on; its end waits for all."""
        wanted = self._chosen(ctx, iteration)
        if not quorum_reached(ctx, wanted, due):
            return False
        return judge(ctx, measure(ctx, iteration)).verdict == "continue"

    def complete(self, ctx: Context, iteration: IterationRecord) -> Completed:
        """Measure the error on audit frames and decide."""
        chosen = self._chosen(ctx, iteration)
        measured = measure(ctx, iteration)
        compare_with_labels(ctx, ctx.store.selections.of_iteration(ctx.name, iteration.index))
        if chosen and not ctx.store.labels.known(chosen, ctx.method):
            raise CampaignFailed(why_none(ctx, iteration, "selected"), remedy=RETRY)
        decision = judge(ctx, measured)
        ctx.store.iterations.freeze(ctx.name, iteration.index, "terms", terms(ctx))
        due = ctx.store.jobs.due(ctx.name, iteration.index, "label")
        late = len(frames_waiting(ctx, due))
        left = f"; {late} labels join later" if late else ""
        return Completed(
            "done",
            {
                "counts": measured.counts,
                "audit_error": measured.audit_error,
                "audit": measured.audit,
                "decision": decision.verdict,
                "reason": decision.reason,
            },
            note=f"{decision.verdict}: {decision.reason}{left}",
        )

    @staticmethod
    def _chosen(ctx: Context, iteration: IterationRecord) -> list[str]:
        reasons = ctx.store.selections.reasons(ctx.name, iteration.index)
        return [frame for frame, why in reasons.items() if why != "initial"]
