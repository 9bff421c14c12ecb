"""Who runs a job, and whether it lives: names of workers, and their heartbeats."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from fireworks import LaunchPad
from fireworks.core import rocket

from al_loop.launch.launchpad import CAMPAIGN
from al_loop.loop.advance import process_is_dead

WORKER_PREFIX = "al-loop "

BEAT_SECONDS = 60
"""Our workers say this often that they live (FireWorks' own: once an hour)."""

SILENT_SECONDS = 600.0
"""One of our workers that has said nothing for this long is dead."""

_RUNS_ASKED = 20
"""Running jobs of a campaign whose heartbeats are enough to know that it lives."""


def worker_name(process: str) -> str:
    """FireWorks' name of a worker of ours, from which its process can be found."""
    return f"{WORKER_PREFIX}{process}"


def is_ours(worker: str) -> bool:
    """Whether a worker is an al_loop process, named after it."""
    return worker.startswith(WORKER_PREFIX)


def is_here(worker: str) -> bool:
    """Whether a worker of ours runs, or ran, on this host."""
    return worker.removeprefix(WORKER_PREFIX).partition(":")[0] == socket.gethostname()


def is_dead(worker: str) -> bool:
    """Whether a worker of ours ran on this host and its process is gone."""
    return is_ours(worker) and process_is_dead(worker.removeprefix(WORKER_PREFIX))


def beat_often() -> None:
    """Have this process's heartbeat come every minute at least; to be called by each worker."""
    rocket.PING_TIME_SECS = min(rocket.PING_TIME_SECS, BEAT_SECONDS)


def heartbeats(launchpad: LaunchPad, campaigns: Iterable[str]) -> dict[str, datetime]:
    """When a job that runs last said that it lives, by campaign; by the clocks of the nodes."""
    found = {}
    for name in campaigns:
        query = {CAMPAIGN: name, "state": "RUNNING"}
        running = launchpad.fireworks.find(query, {"_id": 0, "launches": {"$slice": -1}})
        ids = [one["launches"][0] for one in running.limit(_RUNS_ASKED) if one.get("launches")]
        fields = {"_id": 0, "state_history.updated_on": 1}
        launches = launchpad.launches.find({"launch_id": {"$in": ids}}, fields) if ids else ()
        beats = [moment(e["updated_on"]) for one in launches for e in one["state_history"]]
        if beats:
            found[name] = max(beats)
    return found


def moment(value: Any) -> datetime:
    """FireWorks writes datetimes, or their ISO text."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    assert isinstance(found, datetime)
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
