"""What a person may ask of a campaign that is under way: pause, stop, resume, amend."""

from __future__ import annotations

import getpass

from fireworks import LaunchPad

from al_loop.campaign import CampaignSpec, dump_campaign
from al_loop.errors import UserError
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.mending import PATIENCE, mend
from al_loop.launch.mending.folders import is_mounted
from al_loop.launch.submit import restore_folder
from al_loop.launch.workflows import FireworksExecutor
from al_loop.loop.advance import advance, lease
from al_loop.loop.amend import Amendment, Change, plan_amendment
from al_loop.loop.context import Context
from al_loop.loop.quenching import wishes_of
from al_loop.stopping import STOP_FILE
from al_loop.store import CampaignRecord, Connection, Store


def pause(connection: Connection, name: str) -> CampaignRecord:
    """Put nothing new up; jobs that run end and are taken in.

    Raises UserError when there is no such campaign, or it is not running.
    """
    with Store(connection) as store, open_launchpad(connection) as launchpad:
        _hold(Context(store, name), launchpad, state="paused")
        return Context(store, name).record


def stop(connection: Connection, name: str) -> CampaignRecord:
    """End a campaign; jobs that run save what they have and stop. ``resume`` continues it."""
    with Store(connection) as store, open_launchpad(connection) as launchpad:
        ctx = Context(store, name)
        _hold(ctx, launchpad, state="stopped")
        for job in store.jobs.all_due(name):
            folder = ctx.folder_of(job).path
            if folder.is_dir():
                (folder / STOP_FILE).touch()
        return Context(store, name).record


def resume(connection: Connection, name: str) -> CampaignRecord:
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
        revive(ctx, launchpad)
        mend(store, launchpad, name, patience=PATIENCE)
        return Context(store, name).record


def amend(connection: Connection, spec: CampaignSpec) -> list[Change]:
    """Let a campaign ask for something else from now on, or from its next iteration on.

    Raises UserError or MethodMismatch when that would be another campaign; nothing is changed.
    """
    with Store(connection) as store:
        Context(store, spec.name)  # one that is not there has no lease either
        with lease(store, spec.name):
            amendment = _amend(Context(store, spec.name), spec)
        if any(change.key.startswith("resources.") for change in amendment.changes):
            with open_launchpad(connection) as launchpad:
                _put_up_anew(Context(store, spec.name), launchpad)
    return list(amendment.changes)


def _amend(ctx: Context, spec: CampaignSpec) -> Amendment:
    """Write down what is to change, and when."""
    latest = ctx.store.iterations.latest(spec.name)
    # What is melted and quenched anew has to be computed before it can be a start.
    added = wishes_of(spec).keys() - ctx.spec.structures.keys()
    begun = latest is not None and (latest.stage not in ("quench", "start") or bool(added))
    amendment = plan_amendment(ctx.spec, spec, begun=begun)
    ctx.store.campaigns.amend(
        spec.name,
        dump_campaign(amendment.now),
        pending=dump_campaign(amendment.later) if amendment.later else None,
    )
    for change in amendment.changes:
        ctx.event("amended", f"{change} by {getpass.getuser()}")
    return amendment


def _put_up_anew(ctx: Context, launchpad: LaunchPad) -> None:
    """Jobs that wait ask for the resources of when they were put up: put them up again."""
    if ctx.record.state != "running" or not is_mounted(ctx.record):
        return
    executor = FireworksExecutor(launchpad)
    with lease(ctx.store, ctx.name):
        executor.withdraw(ctx)
    advance(ctx.store, ctx.name, executor)


def revive(ctx: Context, launchpad: LaunchPad) -> None:
    """Let a campaign that is not running run again, with a clean sheet; else change nothing.

    Fireworks that run stay: their jobs are being done.
    """
    # Also where the job has ended since: it may have to be done again.
    for file in ctx.folder.glob(f"iter.*/*/*/{STOP_FILE}"):
        file.unlink(missing_ok=True)
    forgiven = _forgive(ctx)
    if ctx.record.state == "running" and not forgiven:
        return
    if ctx.record.state != "running":
        FireworksExecutor(launchpad).withdraw(ctx)
        ctx.store.campaigns.set_state(ctx.name, "running", "")
    text = f"was {ctx.record.state}: {ctx.record.reason}" if ctx.record.reason else ""
    given_back = f"{forgiven} jobs that were given up are tried again" if forgiven else ""
    ctx.event("campaign-resumed", "; ".join(t for t in (text, given_back) if t))


def _forgive(ctx: Context) -> int:
    """Make jobs that were given up due again, where their results are still of use."""
    latest = ctx.store.iterations.latest(ctx.name)
    if latest is not None and latest.decision == "final":
        return 0  # nothing would be trained on their results
    jobs = [
        job
        for job in ctx.store.jobs.quarantined(ctx.name)
        if job.stage in ("start", "label")
        or (latest and (job.iteration, job.stage) == (latest.index, latest.stage))
    ]
    for job in jobs:
        ctx.folder_of(job).forgive()
        ctx.store.jobs.reopen(job.id)
    return len(jobs)


def _hold(ctx: Context, launchpad: LaunchPad, *, state: str) -> None:
    """Bring a running campaign to rest."""
    if ctx.record.state not in ("running", "paused"):
        raise UserError(
            f"campaign {ctx.name} is {ctx.record.state}, not running",
            remedy=f"`al-loop status {ctx.name}` says more",
        )
    reason = f"{state} by {getpass.getuser()}"
    with lease(ctx.store, ctx.name):  # nobody puts anything up at the same time
        if state == "paused":
            ctx.store.campaigns.set_state(ctx.name, "paused", reason)
        else:
            ctx.store.campaigns.set_state(ctx.name, "stopped", reason)
        FireworksExecutor(launchpad).withdraw(ctx)
    ctx.event(f"campaign-{state}", reason)
