"""What becomes of jobs: results are taken in, folders kept whole, hopeless jobs given up."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from datetime import datetime, timezone

from al_loop.errors import JobFolderError
from al_loop.jobfolder import Failure
from al_loop.loop.context import Context
from al_loop.loop.stages import STAGES
from al_loop.store import JobRecord, Stage
from al_loop.taxonomy import fault

LABELLING: tuple[Stage, ...] = ("start", "label")
"""Stages whose results are of use whenever they come."""

MOST_FAILURES = 3
"""A job that has failed so often by itself is given up. Kills and walltimes do not count."""


def take_in(ctx: Context, jobs: Iterable[JobRecord]) -> None:
    """Ingest the results that are there; each step may be done twice.

    Labels are taken in also when their job was given up meanwhile, while another try was running.
    """
    for job in jobs:
        if job.state != "due" and not (job.state == "quarantined" and job.stage in LABELLING):
            continue
        folder = ctx.folder_of(job)
        if not (folder.path / "result.json").exists():
            continue
        try:
            result = folder.result()
            notes = STAGES[job.stage].ingest(ctx, job) if result else []
        except JobFolderError as error:
            _set_aside(ctx, job, error)
            ctx.folder_of(job).note_failure("job-damaged", str(error))
            continue
        if result is None:
            continue
        if job.state == "quarantined":
            ctx.store.jobs.reopen(job.id)
        if ctx.store.jobs.mark_done(
            job.id,
            spans=result.spans,
            started=datetime.fromtimestamp(result.started, timezone.utc),
            ended=datetime.fromtimestamp(result.ended, timezone.utc),
            host=result.host,
        ):
            for note in notes:
                ctx.event(note.kind, note.text)


def write_folder(ctx: Context, job: JobRecord) -> None:
    """See that a job's folder is whole; one that holds something else is set aside."""
    folder = ctx.folder_of(job)
    if folder.is_running() or (folder.is_staged() and not folder.failures()):
        return  # the job itself checks what its inputs hold, and a failure has us look closer
    with contextlib.suppress(JobFolderError):
        folder.check_inputs()
        return
    try:
        STAGES[job.stage].write(ctx, job)
        folder.check_inputs()
    except JobFolderError as error:
        if not (folder.path / "job.json").exists():
            raise
        _set_aside(ctx, job, error)
        STAGES[job.stage].write(ctx, job)


def give_up_hopeless(ctx: Context, jobs: Iterable[JobRecord]) -> None:
    """Quarantine the jobs that have failed too often, with their last words."""
    for job in jobs:
        failures = ctx.folder_of(job).failures()
        if hopeless(failures):
            _give_up(ctx, job, failures[-1])


def hopeless(failures: list[Failure]) -> bool:
    """Whether a job has failed too often, apart from failures that are laid at one item's door.

    A job that says what it was busy with skips what crashes it again and again; each further
    item may fail as often.
    """
    counts: dict[str, int] = {}
    for failure in failures:
        counts[failure.item] = counts.get(failure.item, 0) + 1
    at_no_door = counts.pop("", 0)
    return at_no_door >= MOST_FAILURES or any(n > MOST_FAILURES for n in counts.values())


def _give_up(ctx: Context, job: JobRecord, last: Failure) -> None:
    notes = STAGES[job.stage].rescue(ctx, job)
    if ctx.store.jobs.quarantine(job.id, failure=last.kind, words=last.words):
        known = fault(last.kind)
        ctx.event(
            "job-quarantined",
            f"{job.id} failed {MOST_FAILURES} times, last on {last.host}: {known.what}; "
            f"{last.words.strip().splitlines()[-1] if last.words.strip() else 'no last words'}",
        )
        for note in notes:
            ctx.event(note.kind, note.text)


def _set_aside(ctx: Context, job: JobRecord, error: JobFolderError) -> None:
    """Keep a folder that is of no use, under another name; its failures still count."""
    for note in STAGES[job.stage].rescue(ctx, job):
        ctx.event(note.kind, note.text)
    folder = ctx.folder_of(job)
    path, failures = folder.path, folder.failures()
    aside = path.with_name(f"{path.name}.aside-{time.time_ns()}")
    path.rename(aside)
    path.mkdir()
    folder.keep_failures(failures)
    ctx.event("job-damaged", f"{job.name}: {error.what}; set aside as {aside.name}")
