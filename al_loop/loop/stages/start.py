"""The first labels: starting structures and their disturbed copies."""

from __future__ import annotations

from collections.abc import Sequence

from ase import Atoms

from al_loop.frame import frame_hash
from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.errors import NEW_NAME, RETRY, CampaignFailed, review_first
from al_loop.loop.judge import measure
from al_loop.loop.stages.base import Completed, Note
from al_loop.loop.stages.labelling import (
    ingest_chunk,
    plan_chunks,
    quorum_reached,
    salvage,
    why_none,
    write_chunk,
)
from al_loop.store import IMPORTED, IterationRecord, JobRecord, Selection
from al_loop.units import density


class Start:
    """Make the starting structures and label them."""

    def plan(self, ctx: Context, iteration: IterationRecord) -> list[PlannedJob]:
        """Chunks of the starting frames."""
        ctx.declare_method()
        frames: dict[str, Atoms] = {}
        selections: list[Selection] = []
        limit = ctx.spec.budget.labels
        for name, starts in ctx.starts.items():
            for start in starts if ctx.spec.structures[name].label else ():
                frame = frame_hash(start.atoms)
                if frame in frames or (limit is not None and len(frames) >= limit):
                    continue
                frames[frame] = start.atoms
                selections.append(
                    Selection(
                        campaign=ctx.name,
                        frame=frame,
                        iteration=iteration.index,
                        chosen="initial",
                        split=ctx.split(frame),
                        source=name,
                        density=density(start.atoms),
                    )
                )
        ctx.store.frames.put_many(frames)
        ctx.store.selections.put_many(selections)
        return plan_chunks(ctx, iteration, frames)

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
        """When the quorum is labelled and there is enough to train on."""
        wanted = list(ctx.store.selections.reasons(ctx.name, iteration.index))
        return quorum_reached(ctx, wanted, due) and self._trainable(ctx, iteration) >= 2

    def complete(self, ctx: Context, iteration: IterationRecord) -> Completed:
        """Enough labels to train on, or the campaign cannot start."""
        counts = measure(ctx, iteration).counts
        training = self._trainable(ctx, iteration)
        frames = ctx.store.selections.hashes(ctx.name, iteration.index)
        if training < 2 and not frames:
            raise CampaignFailed(
                "no structure is labelled at the start, and fewer than two labels for training "
                "have been imported",
                remedy=f"`al-loop import PATH --campaign {ctx.name} ...`, then `al-loop resume`",
            )
        known = counts.labelled + counts.failed_labels + counts.quarantined_labels
        if training < 2 and known == 0:
            raise CampaignFailed(why_none(ctx, iteration, "starting"), remedy=RETRY)
        if training < 2:
            labels = ctx.store.labels.get_many(frames, ctx.method).values()
            reasons = sorted({label.reason for label in labels if label.state != "ok"})
            raise CampaignFailed(
                f"{counts.labelled} of {len(frames)} starting frames could be labelled and "
                f"{training} of them are for training: too few to train a committee"
                + (f" (failed or in quarantine: {', '.join(reasons)})" if reasons else ""),
                remedy=review_first(ctx.name) if counts.quarantined_labels else NEW_NAME,
            )
        return Completed(
            "train",
            {"counts": counts},
            note=f"{counts.labelled} starting frames labelled, {counts.failed_labels} failed",
        )

    @staticmethod
    def _trainable(ctx: Context, iteration: IterationRecord) -> int:
        """Good labels that are for training, imported ones too."""
        frames = ctx.store.selections.hashes(ctx.name, iteration.index)
        frames |= ctx.store.selections.hashes(ctx.name, IMPORTED)
        states = ctx.store.labels.states(frames, ctx.method)
        return sum(state == "ok" and ctx.split(frame) == "train" for frame, state in states.items())
