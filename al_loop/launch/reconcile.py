"""Mend what dead processes of this machine have left behind in FireWorks."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

from fireworks import LaunchPad

from al_loop.launch.launchpad import CAMPAIGN
from al_loop.loop.advance import process_is_dead

UNLAUNCHED_SECONDS = 5.0
LOCK_SECONDS = 2.0
WORKER_PREFIX = "al-loop "


def worker_name(process: str) -> str:
    """FireWorks' name of a local worker, from which its process can be found."""
    return f"{WORKER_PREFIX}{process}"


def reconcile(launchpad: LaunchPad, campaign: str) -> list[int]:
    """Put back what dead local workers held; returns the fireworks that will run again.

    Three things that FireWorks itself does not see, or only after four hours: a firework that
    is RUNNING in a worker whose process is gone; one RESERVED by a worker that died before it
    could say so; a workflow locked by a worker that died in the middle of an update.
    """
    _unlock(launchpad, campaign)
    lost = [
        firework["fw_id"]
        for firework in launchpad.fireworks.find(
            {CAMPAIGN: campaign, "state": {"$in": ["RUNNING", "RESERVED"]}},
            {"fw_id": 1, "state": 1, "launches": 1, "updated_on": 1},
        )
        if _is_lost(launchpad, firework)
    ]
    for fw_id in lost:
        launchpad.rerun_fw(fw_id)
    return lost


def _is_lost(launchpad: LaunchPad, firework: dict[str, Any]) -> bool:
    if not firework.get("launches"):
        updated = _time(firework["updated_on"])
        return datetime.now(timezone.utc) - updated > timedelta(seconds=UNLAUNCHED_SECONDS)
    launch = launchpad.launches.find_one(
        {"launch_id": firework["launches"][-1]}, {"fworker.name": 1}
    )
    name = str(((launch or {}).get("fworker") or {}).get("name", ""))
    return name.startswith(WORKER_PREFIX) and process_is_dead(name.removeprefix(WORKER_PREFIX))


def _unlock(launchpad: LaunchPad, campaign: str) -> None:
    """Take away locks that stay: a live process holds one for milliseconds."""
    query = {"metadata.campaign": campaign, "locked": {"$exists": True}}
    end = time.monotonic() + LOCK_SECONDS
    stuck = {workflow["_id"] for workflow in launchpad.workflows.find(query, {"_id": 1})}
    while stuck and time.monotonic() < end:
        time.sleep(0.1)
        stuck &= {workflow["_id"] for workflow in launchpad.workflows.find(query, {"_id": 1})}
    for workflow in launchpad.workflows.find({"_id": {"$in": sorted(stuck)}}, {"nodes": 1}):
        launchpad.workflows.update_one({"_id": workflow["_id"]}, {"$unset": {"locked": ""}})
        launchpad._refresh_wf(workflow["nodes"][0])


def _time(value: Any) -> datetime:
    """FireWorks writes datetimes, or their ISO text."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    assert isinstance(moment, datetime)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
