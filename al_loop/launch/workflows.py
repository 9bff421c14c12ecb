"""Jobs as FireWorks workflows: one workflow a stage of an iteration, one firework a job.

Nothing here is remembered: FireWorks may be emptied at any time, and the next advance()
puts up what is still due.
"""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from fireworks import Firework, LaunchPad, Workflow
from fireworks.core.launchpad import WFLock
from pymongo.errors import BulkWriteError
from tqdm import tqdm

from al_loop.hashing import digest
from al_loop.launch.child import engines_of
from al_loop.launch.guard import SCHEMA, only_ours
from al_loop.launch.launchpad import CAMPAIGN, JOB_ID
from al_loop.launch.requests import priority, queue_request, resources_of
from al_loop.launch.tasks import AdvanceTask, ComputeTask
from al_loop.loop.context import Context
from al_loop.loop.intake import write_folder
from al_loop.store import JobRecord

MAX_FIREWORKS = 100
"""Fireworks in one workflow: FireWorks rewrites the whole document at each change of state."""

_ALIVE = ("WAITING", "READY", "RESERVED", "RUNNING")
_BY_HAND = ("PAUSED", "DEFUSED")
"""States that a person has set (`lpad pause_fws`, `lpad defuse_fws`): left as they are."""

_PARTS = ("links", "parent_links", "fw_states")
"""What a workflow's document says of each of its fireworks."""

_LOCK_SECONDS = 10.0


class FireworksExecutor:
    """Puts jobs up as fireworks; workers anywhere pull them."""

    def __init__(self, launchpad: LaunchPad) -> None:
        self.launchpad = launchpad

    def ensure(self, ctx: Context, jobs: Sequence[JobRecord]) -> None:
        """Put up what is not up; give what FIZZLED another try."""
        self._drop_broken(ctx)
        known = self._fireworks({job.id for job in jobs})
        missing = []
        for job in jobs:
            states = known.get(job.id, [])
            if not states:
                missing.append(job)
            elif not any(fw["state"] in (*_ALIVE, *_BY_HAND) for fw in states):
                write_folder(ctx, job)  # it may have failed because its folder is gone
                self.launchpad.rerun_fw(states[-1]["fw_id"])
        for i in range(0, len(missing), MAX_FIREWORKS):
            self._put_up(ctx, missing[i : i + MAX_FIREWORKS])

    def withdraw(self, ctx: Context) -> None:
        """Remove the campaign's fireworks that wait or have ended without their job being done.

        Those that run, and those that a person has set aside, stay. What is still due is put up
        anew by the next ``ensure``, with the resources of then.
        """
        due = [job.id for job in ctx.store.jobs.all_due(ctx.name)]
        undone = {"state": "COMPLETED", JOB_ID: {"$in": due}}
        waiting = {"state": {"$nin": ["RUNNING", "COMPLETED", *_BY_HAND]}}
        mine = {CAMPAIGN: ctx.name}
        # First out of reach of the workers, in one step; then away.
        self.launchpad.fireworks.update_many(
            {**mine, "$or": [undone, waiting]}, {"$set": {"state": "ARCHIVED"}}
        )
        gone = self.launchpad.fireworks.distinct("fw_id", {**mine, "state": "ARCHIVED"})
        for workflow in list(self.launchpad.workflows.find({"metadata.campaign": ctx.name})):
            take_out(self.launchpad, workflow, set(gone))
        self.launchpad.fireworks.delete_many({**mine, "state": "ARCHIVED"})

    def _fireworks(self, ids: set[str]) -> dict[str, list[dict[str, Any]]]:
        """Fireworks of jobs, oldest first."""
        self._drop_orphans(ids)
        self._drop_foreign(ids)
        found: dict[str, list[dict[str, Any]]] = {}
        fields = {"fw_id": 1, "state": 1, "launches": 1, "archived_launches": 1, JOB_ID: 1}
        cursor = self.launchpad.fireworks.find({JOB_ID: {"$in": sorted(ids)}}, fields)
        for firework in cursor.sort("fw_id", 1):
            found.setdefault(firework["spec"]["al_loop"]["id"], []).append(firework)
        return found

    def _drop_orphans(self, ids: set[str]) -> None:
        """Remove fireworks whose workflow is gone: FireWorks could not run them."""
        query = {JOB_ID: {"$in": sorted(ids)}}
        mine = set(self.launchpad.fireworks.distinct("fw_id", query))
        held = set(self.launchpad.workflows.distinct("nodes", {"nodes": {"$in": sorted(mine)}}))
        if orphans := mine - held:
            self.launchpad.fireworks.delete_many({"fw_id": {"$in": sorted(orphans)}})

    def _drop_foreign(self, ids: set[str]) -> None:
        """Remove what our workers would not run: of another schema, or changed by somebody."""
        query = {JOB_ID: {"$in": sorted(ids)}, "$nor": [only_ours()]}
        # Were the state part of the query, the server would read all fireworks that ever were.
        found = self.launchpad.fireworks.find(query, {"fw_id": 1, "state": 1})
        if odd := {firework["fw_id"] for firework in found if firework["state"] != "RUNNING"}:
            for workflow in list(self.launchpad.workflows.find({"nodes": {"$in": sorted(odd)}})):
                take_out(self.launchpad, workflow, odd)
            self.launchpad.fireworks.delete_many({"fw_id": {"$in": sorted(odd)}})

    def _put_up(self, ctx: Context, jobs: Sequence[JobRecord]) -> None:
        """One workflow; somebody else's equal one is as good."""
        workflow = make_workflow(ctx, jobs)
        # bulk_add_wfs draws a progress bar, and its lock would be a system semaphore, which a
        # killed process leaves behind.
        tqdm.set_lock(threading.RLock())
        with contextlib.redirect_stderr(io.StringIO()):
            try:
                self.launchpad.bulk_add_wfs([workflow])
            except BulkWriteError as error:
                if not all(e.get("code") == 11000 for e in error.details["writeErrors"]):
                    raise

    def _drop_broken(self, ctx: Context) -> None:
        """Remove archived workflows, and those that a killed process has left incomplete."""
        for workflow in self._open_workflows(ctx):
            nodes = workflow["nodes"]
            there = self.launchpad.fireworks.distinct("fw_id", {"fw_id": {"$in": nodes}})
            if workflow["state"] == "ARCHIVED":
                remove_workflow(self.launchpad, workflow)
            elif gone := set(nodes) - set(there):
                take_out(self.launchpad, workflow, gone)  # what runs of it may end

    def _open_workflows(self, ctx: Context) -> Iterator[dict[str, Any]]:
        query = {"metadata.campaign": ctx.name, "state": {"$ne": "COMPLETED"}}
        yield from self.launchpad.workflows.find(query, {"nodes": 1, "state": 1})


def make_workflow(ctx: Context, jobs: Sequence[JobRecord]) -> Workflow:
    """Workflow of jobs of one stage; its ``metadata.key`` is unique in the database."""
    first = jobs[0]
    names = sorted(job.name for job in jobs)
    key = f"{ctx.name}/{first.iteration}/{first.stage}/{digest(names)[:12]}"
    return Workflow(
        [_firework(ctx, job) for job in jobs],
        name=f"{ctx.name} iteration {first.iteration} {first.stage}",
        metadata={
            "key": key,
            "campaign": ctx.name,
            "iteration": first.iteration,
            "stage": first.stage,
        },
    )


def _firework(ctx: Context, job: JobRecord) -> Firework:
    folder = str(ctx.folder_of(job).path)
    wanted = resources_of(ctx.spec, job.stage)
    spec: dict[str, Any] = {
        "al_loop": {
            "schema": SCHEMA,
            "id": job.id,
            "campaign": ctx.name,
            "iteration": job.iteration,
            "stage": job.stage,
            "job": job.name,
        },
        "_launch_dir": folder,
        "_add_launchpad_and_fw_id": True,
        "_priority": priority(job),
        "_queueadapter": queue_request(wanted, name=f"{ctx.name}-{job.iteration}-{job.name}"),
    }
    if wanted.queue is not None:
        spec["_category"] = wanted.queue
    tasks = [
        ComputeTask(folder=folder, engines=engines_of(ctx.spec)),
        AdvanceTask(campaign=ctx.name, job=job.id),
    ]
    return Firework(tasks, spec=spec, name=f"{job.stage} {job.name}")


def take_out(launchpad: LaunchPad, workflow: dict[str, Any], fw_ids: set[int]) -> None:
    """Take fireworks out of a workflow; one that loses all of them goes."""
    left = [node for node in workflow["nodes"] if node not in fw_ids]
    if not left:
        remove_workflow(launchpad, workflow)
    elif len(left) < len(workflow["nodes"]):
        gone = [node for node in workflow["nodes"] if node in fw_ids]
        parts = [f"{part}.{node}" for part in _PARTS for node in gone]
        with WFLock(launchpad, left[0], expire_secs=_LOCK_SECONDS, kill=True):
            launchpad.workflows.update_one(
                {"_id": workflow["_id"]},
                {
                    "$pull": {"nodes": {"$in": gone}},
                    "$unset": {**dict.fromkeys(parts, ""), "metadata.key": ""},
                },
            )
        launchpad.launches.delete_many({"fw_id": {"$in": sorted(fw_ids)}})


def remove_workflow(launchpad: LaunchPad, workflow: dict[str, Any]) -> None:
    """Remove a workflow, its fireworks and launches; FireWorks' own prints what it does."""
    nodes = {"$in": workflow["nodes"]}
    launchpad.launches.delete_many({"fw_id": nodes})
    launchpad.fireworks.delete_many({"fw_id": nodes})
    launchpad.workflows.delete_one({"_id": workflow["_id"]})


def remove_workflows(launchpad: LaunchPad, campaign: str) -> int:
    """Remove all workflows of a campaign; the campaign itself loses nothing."""
    found = list(launchpad.workflows.find({"metadata.campaign": campaign}, {"nodes": 1}))
    for workflow in found:
        remove_workflow(launchpad, workflow)
    launchpad.fireworks.delete_many({CAMPAIGN: campaign})
    return len(found)
