"""Melt and quench boxes under a published potential: starting structures to be computed first."""

from __future__ import annotations

from al_loop.explore.quench import collect_quench, stage_quench_job
from al_loop.frame import frame_hash
from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.errors import NEW_NAME, RETRY, CampaignFailed
from al_loop.loop.quenching import missing, options_of, quenched_frames, records_of, samples_of
from al_loop.loop.stages.base import Completed, Note, Waits, last_words
from al_loop.store import IterationRecord, JobRecord, QuenchedFrame, QuenchRecord, Stage
from al_loop.structures import usable


def opening(ctx: Context, stage: Stage) -> Stage:
    """The first stage of an iteration: ``stage``, or the melt-quenches that it needs."""
    return "quench" if missing(ctx.store, ctx.spec) else stage


class Quench(Waits):
    """A job for each melt-quench that has not been computed."""

    def plan(self, ctx: Context, iteration: IterationRecord) -> list[PlannedJob]:
        """The melt-quenches that are missing."""
        return [
            PlannedJob(name, (sample.key,)) for name, sample in missing(ctx.store, ctx.spec).items()
        ]

    def write(self, ctx: Context, job: JobRecord) -> None:
        """Pack the box and write a job's folder."""
        sample = samples_of(ctx.spec)[job.name]
        stage_quench_job(
            ctx.folder_of(job).path,
            options=options_of(ctx.spec),
            box=sample.box(),
            potential=sample.wish.potential,
            legs=sample.legs,
            timestep=sample.wish.timestep,
            seed=sample.seed,
            source=sample.source,
        )

    def ingest(self, ctx: Context, job: JobRecord) -> list[Note]:
        """Its frames, and which they are; those until then where LAMMPS gave up."""
        sample = samples_of(ctx.spec)[job.name]
        result = collect_quench(ctx.folder_of(job), source=sample.source)
        frames = [(frame_hash(atoms), kept) for kept, atoms in result.frames]
        ctx.store.frames.put_many(
            {frame: atoms for (frame, _), (_, atoms) in zip(frames, result.frames, strict=True)}
        )
        record = QuenchRecord(
            source=sample.source,
            seed=sample.seed,
            stop=result.stop,
            detail=result.detail,
            frames=tuple(
                QuenchedFrame(frame=frame, phase=kept.phase, temperature=kept.temperature)
                for frame, kept in frames
            ),
        )
        ctx.store.quenches.put(sample.key, record)
        if result.stop == "completed":
            return []
        return [
            Note("quench-stopped", f"{job.name} gave {len(frames)} frames, then: {result.detail}")
        ]

    def complete(self, ctx: Context, iteration: IterationRecord) -> Completed:
        """All are in; each source has given frames that can be used."""
        if absent := missing(ctx.store, ctx.spec):
            words = "; ".join(sorted(last_words(ctx, iteration))) or "no reason known"
            raise CampaignFailed(
                f"not computed: {', '.join(absent)}, which the starting structures need: {words}",
                remedy=RETRY,
            )
        count = 0
        for name, frames in quenched_frames(ctx.store, ctx.spec).items():
            kept, dropped = usable(ctx.spec, frames)
            if not kept:
                raise CampaignFailed(_why_none(ctx, name, dropped), remedy=NEW_NAME)
            if dropped:
                said = f"{len(dropped)} of {len(frames)} frames of {name} are left out"
                ctx.event("frames-dropped", f"{said}: {'; '.join(dict.fromkeys(dropped))}")
            count += len(kept)
        return Completed("train" if iteration.index else "start", note=f"{count} frames")


def _why_none(ctx: Context, name: str, dropped: list[str]) -> str:
    """What to say when a source has given nothing that can be used."""
    if dropped:
        return f"structures.{name}: none of {len(dropped)} frames can be used: {dropped[0]}"
    said = {record.detail or record.stop for record in records_of(ctx.store, ctx.spec)[name]}
    return f"structures.{name}: the melt-quench gave no frame: {'; '.join(sorted(said))}"
