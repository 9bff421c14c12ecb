"""Labels that still wait when a better committee exists: are they still worth their cost?

Where a quorum has let training start, the frames that are left are scored by the new committee
while it explores. Those of which it has become sure are dropped before anybody computes them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

from al_loop.errors import MachineError
from al_loop.label import skip_frames
from al_loop.loop.again import is_again
from al_loop.loop.context import Context
from al_loop.loop.jobs import run_job
from al_loop.loop.quorum import no_longer_wanted
from al_loop.loop.stages.base import Note
from al_loop.loop.stages.labelling import frames_waiting
from al_loop.loop.trust import trust_of
from al_loop.store import JobRecord

SCORE_JOB = "score"


def frames_to_score(ctx: Context, iteration: int) -> tuple[str, ...]:
    """Candidates of earlier iterations whose labels are still waiting, sorted.

    Audit frames are drawn from what the committee calls accurate, and starting frames give the
    training its ground: neither is ever dropped.
    """
    late = ctx.store.jobs.late(ctx.name, iteration)
    waiting = frames_waiting(ctx, late)
    candidates = {
        frame
        for index in {job.iteration for job in late}
        for frame, why in ctx.store.selections.reasons(ctx.name, index).items()
        if why == "candidate"
    }
    return tuple(sorted(waiting & candidates))


def drop_sure(ctx: Context, iteration: int, scores: Mapping[str, float]) -> list[Note]:
    """Ask the late jobs to leave out what is no longer wanted; harmless when done before."""
    record = ctx.store.iterations.get(ctx.name, iteration)
    groups = {s.frame: s.group for s in ctx.store.selections.get_many(ctx.name, scores)}
    lower = {frame: trust_of(ctx, record, groups.get(frame, "")).lower for frame in scores}
    sure = no_longer_wanted(scores, lower)
    late = ctx.store.jobs.late(ctx.name, iteration)
    waiting = frames_waiting(ctx, late)
    if not sure & waiting:
        return []
    for job in late:
        if mine := sure & waiting & set(job.items):
            with contextlib.suppress(MachineError):  # a folder that is lost is labelled whole
                skip_frames(ctx.folder_of(job), mine)
    _end_empty(ctx, late, left=waiting - sure)
    return [
        Note(
            "labels-dropped",
            f"{len(sure & waiting)} of {len(waiting)} waiting labels are no longer wanted: the "
            "new committee is sure of them",
        )
    ]


def _end_empty(ctx: Context, jobs: Iterable[JobRecord], *, left: set[str]) -> None:
    """Jobs with nothing left to compute need no queue: they end here and now."""
    for job in jobs:
        folder = ctx.folder_of(job)
        if left.isdisjoint(job.items) and not is_again(job) and not folder.is_running():
            with contextlib.suppress(MachineError):
                run_job(folder.path)
