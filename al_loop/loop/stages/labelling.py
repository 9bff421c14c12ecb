"""Label selected frames in chunks: what the start and label stages share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone

from al_loop.errors import JobFolderError
from al_loop.hashing import digest
from al_loop.label import LabelSummary, collect_labels, stage_label_job
from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.stages.base import Note
from al_loop.store import JobRecord, LabelRecord


def plan_chunks(ctx: Context, frames: Iterable[str]) -> list[PlannedJob]:
    """Chunks of the frames that have no label yet, neither good nor failed.

    Neighbours in the list go to different chunks, so that large and small frames mix and
    the chunks end at about the same time.
    """
    wanted = sorted(set(frames) - ctx.store.labels.known(frames, ctx.method))
    size = ctx.spec.label.frames_per_job or 8
    count = -(-len(wanted) // size)
    return [PlannedJob(f"chunk-{i:03d}", tuple(wanted[i::count])) for i in range(count)]


def write_chunk(ctx: Context, job: JobRecord) -> None:
    """Write the folder of a chunk."""
    stage_label_job(
        ctx.folder_of(job).path,
        engine=ctx.spec.label.engine,
        options=ctx.spec.label.options,
        frames=ctx.store.frames.get_many(job.items),
    )


def ingest_chunk(ctx: Context, job: JobRecord) -> list[Note]:
    """Labels of a chunk, the failed ones too, into the store."""
    folder = ctx.folder_of(job)
    outcomes = collect_labels(folder)
    result = folder.result()
    assert result is not None  # collect_labels has read it
    program = digest(LabelSummary.model_validate(result.payload).fingerprint)
    computed = any(one.state != "dropped" for one in outcomes)
    foreign = computed and program != ctx.method
    if {one.frame for one in outcomes} != set(job.items) or foreign:
        raise JobFolderError(
            "these are labels of other frames or of another method", where=folder.path
        )
    host, when = result.host, datetime.fromtimestamp(result.ended, timezone.utc)
    ctx.store.labels.put_many(
        [
            LabelRecord(
                frame=one.frame,
                method=ctx.method,
                state=one.state,
                energy=one.label.energy if one.label else None,
                forces=one.label.forces if one.label else None,
                virial=one.label.virial if one.label else None,
                reason=one.reason,
                detail=one.detail,
                remedy=one.remedy,
                engine=ctx.spec.label.engine,
                seconds=one.seconds,
                cores=one.cores,
                host=host,
                when=when,
            )
            for one in outcomes
            if one.state != "dropped"
        ]
    )
    return [
        Note("label-failed", f"frame {one.frame[:12]}: {one.detail} ({one.reason})")
        for one in outcomes
        if one.state == "failed"
    ]
