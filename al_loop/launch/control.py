"""What a person may ask of a campaign that is under way: pause, stop, resume, amend, retry.

``by`` is who asks, for the events; empty: the user of this process.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from pathlib import Path

from fireworks import LaunchPad

from al_loop.campaign import CampaignSpec, dump_campaign
from al_loop.campaign.stages import TrustLevels
from al_loop.errors import UserError
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.mending import PATIENCE, mend
from al_loop.launch.mending.folders import is_mounted
from al_loop.launch.submit import restore_folder
from al_loop.launch.workflows import FireworksExecutor
from al_loop.loop.advance import advance, lease
from al_loop.loop.amend import Amendment, Change, plan_amendment
from al_loop.loop.context import Context
from al_loop.loop.gates_check import check_gates
from al_loop.loop.quenching import computed_of
from al_loop.stopping import STOP_FILE
from al_loop.store import CampaignRecord, Connection, JobRecord, Store


def pause(connection: Connection, name: str, *, by: str = "") -> CampaignRecord:
    """Put nothing new up; jobs that run end and are taken in.

    Raises UserError when there is no such campaign, or it is not running.
    """
    with Store(connection) as store, open_launchpad(connection) as launchpad:
        _hold(Context(store, name), launchpad, state="paused", by=by)
        return Context(store, name).record


def stop(connection: Connection, name: str, *, by: str = "") -> CampaignRecord:
    """End a campaign; jobs that run save what they have and stop. ``resume`` continues it."""
    with Store(connection) as store, open_launchpad(connection) as launchpad:
        ctx = Context(store, name)
        _hold(ctx, launchpad, state="stopped", by=by)
        for job in store.jobs.all_due(name):
            folder = ctx.folder_of(job).path
            if folder.is_dir():
                (folder / STOP_FILE).touch()
        return Context(store, name).record


def resume(connection: Connection, name: str, *, by: str = "") -> CampaignRecord:
    """Continue a campaign, whatever happened to it: all its workflows deleted, its folder lost.

    What was paused, stopped or has failed runs again; jobs that were given up are tried again.
    One that has ended goes on if it has been amended so that it has to.
    """
    with Store(connection) as store, open_launchpad(connection) as launchpad:
        ctx = Context(store, name)
        if not is_mounted(ctx.record):
            raise UserError(
                "the place of the campaign's folder is not on this machine",
                where=ctx.record.folder,
                remedy="go to a machine that has it; if it is lost for good, make the folder above "
                "it, and the campaign's is written again",
            )
        restore_folder(ctx.record)
        revive(ctx, launchpad, by=by or getpass.getuser())
        mend(store, launchpad, name, patience=PATIENCE)
        return Context(store, name).record


def retry(connection: Connection, name: str, job: str, *, by: str = "") -> JobRecord:
    """Try one job again that was given up; ``job`` is its key (``JobRecord.id``).

    Raises UserError when the campaign rests, or nothing would come of the job.
    """
    with Store(connection) as store, open_launchpad(connection) as launchpad:
        ctx = Context(store, name)
        if ctx.record.state not in ("running", "paused"):
            raise UserError(
                f"campaign {name} is {ctx.record.state}: it computes nothing",
                remedy=f"`al-loop resume {name}` tries all jobs again that were given up",
            )
        with lease(store, name):
            wanted = next((one for one in _given_up(ctx) if one.id == job), None)
            if wanted is None:
                raise UserError(
                    f"{job!r} is no job of campaign {name} that was given up and is still of use",
                    remedy=f"`al-loop status {name}` lists the jobs that were given up",
                )
            _forgive(ctx, [wanted])
        ctx.event("job-retried", f"{job} is tried again, asked by {by or getpass.getuser()}")
        if ctx.record.state == "running":
            advance(store, name, FireworksExecutor(launchpad))
        return wanted


def amend(connection: Connection, spec: CampaignSpec, *, by: str = "") -> list[Change]:
    """Let a campaign ask for something else from now on, or from its next iteration on.

    Raises UserError or MethodMismatch when that would be another campaign; nothing is changed.
    """
    return _amended(connection, spec.name, lambda _: spec, by=by)


def amend_trust(
    connection: Connection, name: str, trust: TrustLevels, *, by: str = ""
) -> list[Change]:
    """The same for the fixed trust levels alone; what else was amended stays."""

    def with_trust(record: CampaignRecord) -> CampaignSpec:
        asked = record.pending or record.spec
        select = {**asked["select"], "trust": trust.model_dump(mode="json")}
        return CampaignSpec.model_validate({**asked, "select": select})

    return _amended(connection, name, with_trust, by=by)


def _amended(
    connection: Connection, name: str, change: Callable[[CampaignRecord], CampaignSpec], *, by: str
) -> list[Change]:
    with Store(connection) as store:
        Context(store, name)  # one that is not there has no lease either
        with lease(store, name):
            ctx = Context(store, name)
            amendment = _amend(ctx, change(ctx.record), by=by)
        if any(change.key.startswith("resources.") for change in amendment.changes):
            with open_launchpad(connection) as launchpad:
                _put_up_anew(Context(store, name), launchpad)
    return list(amendment.changes)


def _amend(ctx: Context, spec: CampaignSpec, *, by: str) -> Amendment:
    """Write down what is to change, and when."""
    latest = ctx.store.iterations.latest(spec.name)
    # A new melt-quench or box by RMC has to be computed before it can be a start.
    added = computed_of(spec).keys() - ctx.spec.structures.keys()
    begun = latest is not None and (latest.stage not in ("quench", "start") or bool(added))
    amendment = plan_amendment(ctx.spec, spec, begun=begun)
    if any(change.key.startswith(("validate", "converge.glass")) for change in amendment.changes):
        check_gates(spec, base=Path(ctx.record.base))
    pending = ctx.record.pending
    put_off = CampaignSpec.model_validate(pending) if pending else ctx.spec
    told = plan_amendment(ctx.spec, put_off, begun=begun).changes
    ctx.store.campaigns.amend(
        spec.name,
        dump_campaign(amendment.now),
        pending=dump_campaign(amendment.later) if amendment.later else None,
    )
    for change in amendment.changes:
        if change not in told:  # who asked for those that wait stands in their own events
            ctx.event("amended", f"{change} by {by or getpass.getuser()}")
    return amendment


def _put_up_anew(ctx: Context, launchpad: LaunchPad) -> None:
    """Jobs that wait ask for the resources of when they were put up: put them up again."""
    if ctx.record.state != "running" or not is_mounted(ctx.record):
        return
    executor = FireworksExecutor(launchpad)
    with lease(ctx.store, ctx.name):
        executor.withdraw(ctx)
    advance(ctx.store, ctx.name, executor)


def revive(ctx: Context, launchpad: LaunchPad, *, by: str = "") -> None:
    """Let a campaign that is not running run again, with a clean sheet; else change nothing.

    Fireworks that run stay: their jobs are being done.
    """
    # Also where the job has ended since: it may have to be done again.
    for file in ctx.folder.glob(f"iter.*/*/*/{STOP_FILE}"):
        file.unlink(missing_ok=True)
    given_up = _given_up(ctx)
    _forgive(ctx, given_up)
    if ctx.record.state == "running" and not given_up:
        return
    if ctx.record.state != "running":
        FireworksExecutor(launchpad).withdraw(ctx)
        ctx.store.campaigns.set_state(ctx.name, "running", "")
    text = f"was {ctx.record.state}: {ctx.record.reason}" if ctx.record.reason else ""
    given_back = f"{len(given_up)} jobs that were given up are tried again" if given_up else ""
    asked = f"by {by}" if by else ""
    ctx.event("campaign-resumed", "; ".join(t for t in (asked, text, given_back) if t))


def _given_up(ctx: Context) -> list[JobRecord]:
    """Jobs that were given up, where their results are still of use."""
    latest = ctx.store.iterations.latest(ctx.name)
    if latest is not None and latest.decision == "final":
        return []  # nothing would be trained on their results
    return [
        job
        for job in ctx.store.jobs.quarantined(ctx.name)
        if job.stage in ("start", "label")
        or (latest and (job.iteration, job.stage) == (latest.index, latest.stage))
    ]


def _forgive(ctx: Context, jobs: Sequence[JobRecord]) -> None:
    """Make jobs that were given up due again."""
    for job in jobs:
        ctx.folder_of(job).forgive()
        ctx.store.jobs.reopen(job.id)


def _hold(ctx: Context, launchpad: LaunchPad, *, state: str, by: str) -> None:
    """Bring a running campaign to rest."""
    if ctx.record.state not in ("running", "paused"):
        raise UserError(
            f"campaign {ctx.name} is {ctx.record.state}, not running",
            remedy=f"`al-loop status {ctx.name}` says more",
        )
    reason = f"{state} by {by or getpass.getuser()}"
    with lease(ctx.store, ctx.name):  # nobody puts anything up at the same time
        if state == "paused":
            ctx.store.campaigns.set_state(ctx.name, "paused", reason)
        else:
            ctx.store.campaigns.set_state(ctx.name, "stopped", reason)
        FireworksExecutor(launchpad).withdraw(ctx)
    ctx.event(f"campaign-{state}", reason)
