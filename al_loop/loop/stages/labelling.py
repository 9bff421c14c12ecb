"""Label selected frames in chunks: what the start and label stages share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

from al_loop.errors import JobFolderError
from al_loop.hashing import digest
from al_loop.label import (
    LabelOutcome,
    LabelSummary,
    collect_labels,
    collect_partial,
    count_partial,
    skip_frames,
    stage_label_job,
)
from al_loop.loop.again import is_again, store_again
from al_loop.loop.chunks import LabelCost, chunk, fit_cost
from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.door import at_the_door
from al_loop.loop.judge import recount
from al_loop.loop.method import derive_labels
from al_loop.loop.quorum import enough
from al_loop.loop.stages.base import Note, last_words
from al_loop.store import IterationRecord, JobRecord


def plan_chunks(
    ctx: Context, iteration: IterationRecord, frames: Iterable[str]
) -> list[PlannedJob]:
    """Chunks of the frames that have no label yet, neither good nor failed."""
    derive_labels(ctx, frames := list(frames))
    wanted = sorted(set(frames) - ctx.store.labels.known(frames, ctx.method))
    deal = _deal(ctx, iteration)
    chunks = chunk(
        {frame: len(atoms) for frame, atoms in ctx.store.frames.get_many(wanted).items()},
        cost=_cost(ctx, iteration),
        minutes=deal["minutes"],
        frames_per_job=int(deal["frames_per_job"]) or None,
        workers=int(deal["workers"]),
        long_first=bool(deal["long_first"]),
    )
    return [PlannedJob(f"chunk-{i:03d}", frames) for i, frames in enumerate(chunks)]


def _deal(ctx: Context, iteration: IterationRecord) -> dict[str, float]:
    """How frames are dealt to jobs; written down when first used: it can be amended at any time."""
    label = ctx.spec.label
    first = {
        "minutes": label.minutes_per_job,
        "frames_per_job": float(label.frames_per_job or 0),
        "workers": float(ctx.spec.resources.cores or 0),
        "long_first": float(label.quorum >= 1),
    }
    name = f"{iteration.stage}-deal"
    fixed = ctx.store.iterations.freeze(ctx.name, iteration.index, name, first)
    return {key: float(value) for key, value in fixed.items()}


def _cost(ctx: Context, iteration: IterationRecord) -> LabelCost | None:
    """What a label costs by those so far; the figures are written down when first used."""
    fitted = fit_cost(ctx.store.labels.costs(ctx.bare_method))
    first = {"factor": fitted.factor, "power": fitted.power} if fitted else {"factor": 0.0}
    name = f"{iteration.stage}-cost"
    fixed = ctx.store.iterations.freeze(ctx.name, iteration.index, name, first)
    if not fixed["factor"]:
        return None
    return LabelCost(factor=float(fixed["factor"]), power=float(fixed["power"]))


def write_chunk(ctx: Context, job: JobRecord) -> None:
    """Write the folder of a chunk; frames that have a label by now are not computed again."""
    folder = stage_label_job(
        ctx.folder_of(job).path,
        engine=ctx.spec.label.engine,
        options=ctx.spec.label.options,
        frames=ctx.store.frames.get_many(job.items),
    )
    if is_again(job):
        return
    derive_labels(ctx, job.items)
    if known := ctx.store.labels.known(job.items, ctx.method):
        skip_frames(folder, known)


def ingest_chunk(ctx: Context, job: JobRecord) -> list[Note]:
    """Labels of a chunk, the failed ones too, into the store."""
    folder = ctx.folder_of(job)
    outcomes = collect_labels(folder)
    result = folder.valid_result()
    summary = LabelSummary.model_validate(result.payload)
    known_method = not summary.fingerprint or digest(summary.fingerprint) == ctx.bare_method
    if {one.frame for one in outcomes} != set(job.items) or not known_method:
        raise JobFolderError(
            "these are labels of other frames or of another method", where=folder.path
        )
    when = datetime.fromtimestamp(result.ended, timezone.utc)
    notes = _store(ctx, job, outcomes, host=result.host, when=when)
    dropped = {one.frame for one in outcomes if one.state == "dropped"}
    unlabelled = dropped - ctx.store.labels.known(dropped, ctx.method)
    ctx.store.selections.drop(ctx.name, sorted(unlabelled))
    _recount(ctx, job)
    return notes


def salvage(ctx: Context, job: JobRecord) -> list[Note]:
    """Labels that a job without a result has on disk, into the store."""
    mine = collect_partial(ctx.folder_of(job), method=ctx.bare_method, frames=job.items)
    notes = _store(ctx, job, mine, host="", when=datetime.now(timezone.utc))
    if not mine:
        return []
    _recount(ctx, job)
    kept = f"{job.name}: {len(mine)} of {len(job.items)} labels kept"
    return [Note("labels-salvaged", kept), *notes]


def quorum_reached(ctx: Context, wanted: Sequence[str], due: Sequence[JobRecord]) -> bool:
    """Whether so many of the wanted frames have a label that the rest may come later.

    Labels that running chunks have on disk are taken in to find out. Frames of jobs that were
    given up do not count: they are no labels, and nobody waits for them.
    """
    quorum = ctx.spec.label.quorum
    if quorum >= 1:
        return False
    missing = sum(max(0, len(job.items) - count_partial(ctx.folder_of(job))) for job in due)
    if not enough(wanted=len(wanted), waiting=missing, quorum=quorum):
        return False
    for job in due:
        salvage(ctx, job)
    lost = frames_waiting(ctx, ctx.store.jobs.quarantined(ctx.name))
    hoped_for = len(set(wanted) - lost)
    return enough(wanted=hoped_for, waiting=len(frames_waiting(ctx, due)), quorum=quorum)


def frames_waiting(ctx: Context, jobs: Iterable[JobRecord]) -> set[str]:
    """Frames of jobs that have no label yet."""
    frames = {frame for job in jobs for frame in job.items}
    return frames - ctx.store.labels.known(frames, ctx.method)


def why_none(ctx: Context, iteration: IterationRecord, which: str) -> str:
    """What to say when not one frame could be labelled: the jobs' own last words."""
    words = "; ".join(sorted(last_words(ctx, iteration))) or "no reason known"
    return f"not one of the {which} frames could be labelled: {words}"


def _store(
    ctx: Context, job: JobRecord, outcomes: Iterable[LabelOutcome], *, host: str, when: datetime
) -> list[Note]:
    records = [
        at_the_door(ctx, one, host=host, when=when) for one in outcomes if one.state != "dropped"
    ]
    if is_again(job):
        store_again(ctx, job, records)
    else:
        ctx.store.labels.put_many(records)
        derive_labels(ctx, [one.frame for one in records])
    return [
        Note(
            f"label-{one.state}",
            f"frame {one.frame[:12]}: {one.doubt or one.detail} ({one.reason})",
        )
        for one in records
        if one.state != "ok"
    ]


def _recount(ctx: Context, job: JobRecord) -> None:
    """An iteration that did not wait for this job is counted again."""
    record = ctx.store.iterations.get(ctx.name, job.iteration)
    if record is not None and record.stage != job.stage and record.counts.labelled:
        recount(ctx, job.iteration)
