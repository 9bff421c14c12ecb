"""Starting structures to be computed first: melt-quenches under a published potential, and RMC."""

from __future__ import annotations

from ase import Atoms

from al_loop.campaign.quench import MeltQuench
from al_loop.explore.quench import collect_quench, legs_of, stage_quench_job
from al_loop.frame import frame_hash
from al_loop.glass.scattering_lengths import NEUTRON_LENGTHS
from al_loop.jobfolder import JobFolder
from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.errors import NEW_NAME, RETRY, CampaignFailed
from al_loop.loop.quenching import (
    Sample,
    missing,
    options_of,
    quenched_frames,
    records_of,
    samples_of,
)
from al_loop.loop.stages.base import Completed, Note, Waits, last_words
from al_loop.store import IterationRecord, JobRecord, QuenchedFrame, QuenchRecord, Stage
from al_loop.structures import usable
from al_loop.structures.rmc.job import collect_rmc, stage_rmc_job


def opening(ctx: Context, stage: Stage) -> Stage:
    """The first stage of an iteration: ``stage``, or the melt-quenches that it needs."""
    return "quench" if missing(ctx.store, ctx.spec) else stage


class Quench(Waits):
    """A job for each melt-quench and each box by RMC that has not been computed."""

    def plan(self, ctx: Context, iteration: IterationRecord) -> list[PlannedJob]:
        """Those that are missing."""
        return [
            PlannedJob(name, (sample.key,)) for name, sample in missing(ctx.store, ctx.spec).items()
        ]

    def write(self, ctx: Context, job: JobRecord) -> None:
        """Write a job's folder."""
        sample = samples_of(ctx.spec)[job.name]
        path, wish = ctx.folder_of(job).path, sample.wish
        if isinstance(wish, MeltQuench):
            stage_quench_job(
                path,
                options=options_of(ctx.spec),
                box=sample.box(),
                potential=wish.potential,
                legs=legs_of(wish),
                timestep=wish.timestep,
                seed=sample.seed,
                source=sample.source,
            )
        else:
            lengths = {**NEUTRON_LENGTHS, **wish.lengths}
            stage_rmc_job(path, wish=wish, seed=sample.seed, lengths=lengths, source=sample.source)

    def ingest(self, ctx: Context, job: JobRecord) -> list[Note]:
        """Its frames, and which they are; those until then where LAMMPS gave up."""
        sample = samples_of(ctx.spec)[job.name]
        record, atoms = _collected(ctx.folder_of(job), sample)
        hashes = [frame.frame for frame in record.frames]
        ctx.store.frames.put_many(dict(zip(hashes, atoms, strict=True)))
        ctx.store.quenches.put(sample.key, record)
        if record.stop == "completed":
            return []
        return [
            Note("quench-stopped", f"{job.name} gave {len(hashes)} frames, then: {record.detail}")
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


def _collected(folder: JobFolder, sample: Sample) -> tuple[QuenchRecord, list[Atoms]]:
    """What a job gave. A box by RMC is at rest, or was never warm: a glass of 0 K."""
    if isinstance(sample.wish, MeltQuench):
        found = collect_quench(folder, source=sample.source)
        atoms = [one for _, one in found.frames]
        states = [(kept.phase, kept.temperature) for kept, _ in found.frames]
        stop, detail = found.stop, found.detail
    else:
        atoms = list(collect_rmc(folder, source=sample.source).frames)
        states = [("glass", 0.0)] * len(atoms)
        stop, detail = "completed", ""
    frames = tuple(
        QuenchedFrame(frame=frame_hash(one), phase=phase, temperature=temperature)
        for one, (phase, temperature) in zip(atoms, states, strict=True)
    )
    record = QuenchRecord(
        source=sample.source, seed=sample.seed, stop=stop, detail=detail, frames=frames
    )
    return record, atoms


def _why_none(ctx: Context, name: str, dropped: list[str]) -> str:
    """What to say when a source has given nothing that can be used."""
    if dropped:
        return f"structures.{name}: none of {len(dropped)} frames can be used: {dropped[0]}"
    said = {record.detail or record.stop for record in records_of(ctx.store, ctx.spec)[name]}
    return f"structures.{name}: the melt-quench gave no frame: {'; '.join(sorted(said))}"
