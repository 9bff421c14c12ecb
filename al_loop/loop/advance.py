"""advance(): the one function that decides what comes next.

It reads the collections, works out which stage is complete, and puts up exactly what is
due. It is idempotent and safe to call from many processes at once. Each stage is

1. *planned*: its jobs go into the store, all of them before the iteration says ``planned``;
2. *put up*: folders are written from the store, and the executor is told;
3. *taken in*: results that are there are ingested, each once;
4. *completed*: when no job is due any more (for labels: when the quorum has them), one
   compare-and-set moves the iteration on. Jobs that are late are taken in when they end.

A process that dies between any two of these leaves nothing that the next call cannot
pick up. The lease only saves work: without it two processes would do the same twice.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Literal

from al_loop.errors import DatabaseError
from al_loop.loop.context import Context
from al_loop.loop.ending import ending_of, glass_goes_on, judged_anew, wants_glass
from al_loop.loop.errors import CampaignFailed
from al_loop.loop.executor import Executor
from al_loop.loop.idle import idle_seconds
from al_loop.loop.intake import give_up_hopeless, take_in, write_folder
from al_loop.loop.judge import judge, terms
from al_loop.loop.stages import STAGES
from al_loop.loop.stages.quench import opening
from al_loop.store import IterationFacts, IterationRecord, JobRecord, Stage, Store

LEASE_SECONDS = 120.0
"""After so long others take the lease of a process of which they can see no end."""

_SHORT_PAUSE, _LONG_PAUSE = 0.05, 1.0
"""Between two looks at a lease that another has: many workers may wait for it."""

Progress = Literal["waiting", "moved", "paused", "ended"]


def advance(
    store: Store, name: str, executor: Executor, *, finished: str | None = None
) -> Progress:
    """Carry a campaign on as far as it can go now.

    Parameters
    ----------
    finished
        Identity of the one job that has just ended; only its result is looked for then. None looks
        for the results of all jobs that are due and writes folders that have been lost.

    Returns
    -------
    Progress
        ``waiting`` for jobs, ``paused`` by a person, or ``ended``.
    """
    ctx = Context(store, name)
    if finished is not None and (job := store.jobs.get(finished)) is not None:
        take_in(ctx, [job])
    with lease(store, name):
        ctx = Context(store, name)
        try:
            progress: Progress = "moved"
            while progress == "moved":
                progress = _step(ctx, executor, finished=finished)
                if ctx.record.pending is not None:  # it may hold from now on
                    ctx = Context(store, name)
        except CampaignFailed as error:
            store.campaigns.set_state(name, "failed", str(error))
            ctx.event("campaign-failed", str(error))
            progress = "ended"
        if progress == "ended":
            executor.withdraw(ctx)
    return progress


def _step(ctx: Context, executor: Executor, *, finished: str | None) -> Progress:
    """One transition of the state machine, or none."""
    state = ctx.store.campaigns.state(ctx.name)
    if state == "paused":
        if finished is None:
            take_in(ctx, ctx.store.jobs.all_due(ctx.name))
        return "paused"
    if state != "running":
        return "ended"
    iteration = ctx.store.iterations.latest(ctx.name)
    if iteration is None:
        ctx.store.iterations.open(ctx.name, 0, opening(ctx, "start"), when=ctx.store.clock())
        return "moved"
    if iteration.stage == "done":
        return _next_iteration(ctx, iteration, executor)
    stage = STAGES[iteration.stage]
    fresh = not iteration.planned
    if fresh:
        _plan(ctx, iteration)
    due = _due(ctx, iteration)
    # A job of an earlier stage: whoever moved the campaign on may have died before the jobs of
    # this one were put up.
    if fresh or finished is None or not finished.startswith(_stage_id(iteration)):
        due = _tend(ctx, lambda: _due(ctx, iteration))
        _put_up(ctx, executor, _tend(ctx, lambda: ctx.store.jobs.late(ctx.name, iteration.index)))
    if due and not stage.may_leave(ctx, iteration, due):
        executor.ensure(ctx, due)
        return "waiting"
    completed = stage.complete(ctx, iteration)
    if completed.to == iteration.stage:  # what came in asks for more jobs
        if ctx.store.iterations.plan_again(ctx.name, iteration.index, iteration.stage):
            ctx.event("stage-continues", f"{_where(iteration)}: {completed.note}")
        return "moved"
    now = ctx.store.clock()
    seconds, idle = _account(ctx, iteration, now)
    facts: IterationFacts = {
        **completed.facts,
        "seconds": {iteration.stage: seconds},
        "idle": {iteration.stage: idle},
    }
    if ctx.store.iterations.move(
        ctx.name,
        iteration.index,
        from_stage=iteration.stage,
        to_stage=completed.to,
        when=now,
        **facts,
    ):
        note = f": {completed.note}" if completed.note else ""
        ctx.event("stage-complete", f"{_where(iteration)}{note}")
    return "moved"


def _where(iteration: IterationRecord) -> str:
    return f"iteration {iteration.index} {iteration.stage}"


def _tend(ctx: Context, wanted: Callable[[], list[JobRecord]]) -> list[JobRecord]:
    """Take in what is done, give up what is hopeless, write the folders of the rest."""
    jobs = wanted()
    if not jobs:
        return []
    take_in(ctx, jobs)
    give_up_hopeless(ctx, wanted())
    left = wanted()
    for job in left:
        write_folder(ctx, job)
    return left


def _put_up(ctx: Context, executor: Executor, late: list[JobRecord]) -> None:
    """Labels that the quorum did not wait for are still wanted: see that they are under way."""
    for _, group in groupby(late, key=lambda job: (job.iteration, job.stage)):
        executor.ensure(ctx, list(group))


def _next_iteration(ctx: Context, done: IterationRecord, executor: Executor) -> Progress:
    """After an iteration: the next one, the final training, or the end."""
    if ctx.store.campaigns.adopt_pending(ctx.name):
        ctx.event("amended", f"what was put off holds from iteration {done.index + 1} on")
        return "moved"
    if done.decision == "final" and wants_glass(ctx, done):
        ctx.store.iterations.move(
            ctx.name,
            done.index,
            from_stage="done",
            to_stage="validate",
            when=ctx.store.clock(),
            decision=None,
        )
        return "moved"
    if done.decision == "final":
        done = judged_anew(ctx, done)
    if done.decision == "final" and not _goes_on(ctx, done):
        end = ending_of(ctx, done)
        ctx.store.campaigns.set_state(ctx.name, end.state, end.reason)
        ctx.event("campaign-ended", end.state)
        return "ended"
    if done.decision in ("converged", "budget"):
        # The last training is on everything: what the quorum left behind is waited for.
        late = _tend(ctx, lambda: ctx.store.jobs.late(ctx.name, done.index + 1))
        if late:
            _put_up(ctx, executor, late)
            return "waiting"
        first: Stage = "train"
    else:
        first = opening(ctx, "train")
    ctx.store.iterations.open(ctx.name, done.index + 1, first, when=done.stage_started)
    return "moved"


def _goes_on(ctx: Context, final: IterationRecord) -> bool:
    """Whether a campaign that had ended was amended so that it now has to go on.

    Labels that came late do not matter: what was decided by the same terms holds.
    """
    before = ctx.store.iterations.get(ctx.name, final.index - 1)
    if before is None or before.stage != "done" or before.frozen.get("terms") == terms(ctx):
        return False
    return judge(ctx, before).verdict == "continue" or glass_goes_on(ctx, final)


def _plan(ctx: Context, iteration: IterationRecord) -> None:
    """Put the stage's jobs into the store; only then is the stage called planned."""
    jobs = [
        JobRecord(
            campaign=ctx.name,
            iteration=iteration.index,
            stage=iteration.stage,
            name=job.name,
            items=job.items,
        )
        for job in STAGES[iteration.stage].plan(ctx, iteration)
    ]
    ctx.store.jobs.put_many(jobs)
    ctx.store.iterations.mark_planned(ctx.name, iteration.index, iteration.stage)


def _stage_id(iteration: IterationRecord) -> str:
    """How the identities of a stage's jobs begin."""
    return f"{iteration.campaign}/{iteration.index}/{iteration.stage}/"


def _due(ctx: Context, iteration: IterationRecord) -> list[JobRecord]:
    return ctx.store.jobs.due(ctx.name, iteration.index, iteration.stage)


def _account(ctx: Context, iteration: IterationRecord, now: datetime) -> tuple[float, float]:
    """Wall time of the stage that ends now, and how much of it no engine computed."""
    start, end = iteration.stage_started.timestamp(), now.timestamp()
    busy = [
        (span.start, span.end)
        for job in ctx.store.jobs.of_stage(ctx.name, iteration.index, iteration.stage)
        for span in job.spans
        if span.what == "compute"
    ]
    wall = iteration.seconds.get(iteration.stage, 0.0) + end - start
    idle = iteration.idle.get(iteration.stage, 0.0) + idle_seconds(start, end, busy)
    return wall, idle


def process_name() -> str:
    """Name of this process, by which others can find it: host, pid, and when it was born."""
    return f"{socket.gethostname()}:{os.getpid()}:{_born(os.getpid())}"


def process_is_dead(name: str) -> bool:
    """Whether a process named by :func:`process_name` ran on this host and is gone."""
    host, _, rest = name.partition(":")
    pid, _, born = rest.partition(":")
    return host == socket.gethostname() and pid.isdigit() and _born(int(pid)) != born


def _born(pid: int) -> str:
    """Boot and start time of a process (pids are used again); empty when there is none.

    One that has ended and that nobody has asked about (a zombie) is none.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else f"{boot}-{fields[19]}"


@contextlib.contextmanager
def lease(store: Store, name: str) -> Iterator[None]:
    """Wait for the campaign's lease and keep it; one left by a dead process here is taken over."""
    me, pause = process_name(), _SHORT_PAUSE
    while not store.campaigns.lease(name, me, LEASE_SECONDS):
        owner = store.campaigns.lease_owner(name)
        if owner and process_is_dead(owner):
            store.campaigns.release(name, owner)
            continue
        time.sleep(pause)
        pause = min(1.5 * pause, _LONG_PAUSE)
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(store, name, me, over), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
        store.campaigns.release(name, me)


def _keep(store: Store, name: str, owner: str, over: threading.Event) -> None:
    """Prolong a lease while it is used: staging a large training takes its time."""
    while not over.wait(LEASE_SECONDS / 4):
        with contextlib.suppress(DatabaseError):
            store.campaigns.lease(name, owner, LEASE_SECONDS)
