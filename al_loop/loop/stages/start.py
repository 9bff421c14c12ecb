"""The first labels: starting structures and their disturbed copies."""

from __future__ import annotations

from ase import Atoms

from al_loop.frame import frame_hash
from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.errors import NEW_NAME, CampaignFailed
from al_loop.loop.stages.base import Completed, Note
from al_loop.loop.stages.labelling import ingest_chunk, plan_chunks, write_chunk
from al_loop.store import Counts, IterationRecord, JobRecord, Selection
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
            for start in starts:
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
        return plan_chunks(ctx, frames)

    def write(self, ctx: Context, job: JobRecord) -> None:
        """Write a chunk's folder."""
        write_chunk(ctx, job)

    def ingest(self, ctx: Context, job: JobRecord) -> list[Note]:
        """Take a chunk's labels."""
        return ingest_chunk(ctx, job)

    def complete(self, ctx: Context, iteration: IterationRecord) -> Completed:
        """Enough labels to train on, or the campaign cannot start."""
        frames = ctx.store.selections.hashes(ctx.name)
        labels = ctx.labels_of(frames).values()
        good = [label.frame for label in labels if label.state == "ok"]
        failed = len(labels) - len(good)
        training = [frame for frame in good if ctx.split(frame) == "train"]
        if len(training) < 2:
            reasons = sorted({label.reason for label in labels if label.state != "ok"})
            raise CampaignFailed(
                f"{len(good)} of {len(frames)} starting frames could be labelled and "
                f"{len(training)} of them are for training: too few to train a committee"
                + (f" (failures: {', '.join(reasons)})" if reasons else ""),
                remedy=NEW_NAME,
            )
        return Completed(
            "train",
            {"counts": Counts(labelled=len(good), failed_labels=failed)},
            note=f"{len(good)} starting frames labelled, {failed} failed",
        )
