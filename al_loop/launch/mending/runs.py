"""Runs whose worker is gone, and reservations that nobody will ever run.

FireWorks itself would notice after four hours, or never.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from fireworks import fw_config

from al_loop.errors import MachineError
from al_loop.jobfolder import JobFolder
from al_loop.launch import alive
from al_loop.launch.mending.scene import Scene, Suspect
from al_loop.launch.schedulers import QueueJob, scheduler_for

UNLAUNCHED_SECONDS = 4.0
"""Between taking a firework and saying so, a worker needs milliseconds."""

UNSUBMITTED_SECONDS = 600.0
"""A busy queue may take minutes to accept a job."""

QUEUE_SECONDS = 10.0
"""A job that has just ended may still be writing its last word."""

LONG_AGO = timedelta(days=1)
"""No clock is off by so much: a heartbeat that is older needs no second look."""

_COMMANDS = {"squeue": "SLURM", "qstat": "PBS"}


def lost_runs(scene: Scene) -> Iterator[Suspect]:
    """Fireworks that are RUNNING or RESERVED, and by all that can be known here should not be."""
    taken = scene.fireworks(("RUNNING", "RESERVED"), ["launches", "updated_on", "spec._launch_dir"])
    launches = _last_launches(scene, taken)
    queued = _ask_queue(_reservation(launch) for launch in launches.values())
    outdone = _outdone(launches.values())
    for firework in taken:
        launch = launches.get(firework["fw_id"])
        if launch is None:
            yield _suspect(
                scene,
                firework,
                looks=str(firework["updated_on"]),
                patience=UNLAUNCHED_SECONDS,
                words="a worker took it and died before it began",
            )
        elif launch["state"] in ("RUNNING", "RESERVED"):
            found = _judge(
                scene, firework, launch, queued=queued, outdone=launch["launch_id"] in outdone
            )
            if found is not None:
                yield found


def _judge(
    scene: Scene,
    firework: dict[str, Any],
    launch: dict[str, Any],
    *,
    queued: dict[str, QueueJob],
    outdone: bool,
) -> Suspect | None:
    """The evidence against a launch, the best there is: its process, the queue, its heartbeat."""
    worker = str((launch.get("fworker") or {}).get("name", ""))
    reservation = _reservation(launch)
    beat = max(str(entry["updated_on"]) for entry in launch["state_history"])
    if alive.is_dead(worker):
        words, patience = f"its worker is gone ({worker.removeprefix(alive.WORKER_PREFIX)})", 0.0
    elif outdone:
        words, patience = "its worker is busy with another job: its end was never written", 0.0
    elif (job := queued.get(reservation)) is not None:
        if job.state in ("waiting", "running"):
            return None
        words = f"its job {reservation} is not in the queue any more ({job.reason or job.state})"
        patience = QUEUE_SECONDS
    elif firework["state"] == "RESERVED":
        if reservation:  # the queue that has it cannot be asked from here
            return None
        words, patience = "reserved, and never handed to the queue", UNSUBMITTED_SECONDS
    elif alive.is_ours(worker) and alive.is_here(worker):
        return None  # its process lives
    elif JobFolder(Path(firework["spec"].get("_launch_dir", "/nonexistent"))).is_running():
        return None
    else:
        words = f"no sign of life from {worker} on {launch.get('host') or 'an unknown host'}"
        patience = silence(worker)
        if scene.now - alive.moment(beat) > max(LONG_AGO, timedelta(seconds=patience)):
            patience = 0.0
    return _suspect(
        scene, firework, looks=f"{launch['launch_id']} {beat}", patience=patience, words=words
    )


def silence(worker: str) -> float:
    """Seconds of silence after which a worker is dead: as configured, for workers not of ours."""
    return alive.SILENT_SECONDS if alive.is_ours(worker) else float(fw_config.RUN_EXPIRATION_SECS)


def _suspect(
    scene: Scene, firework: dict[str, Any], *, looks: str, patience: float, words: str
) -> Suspect:
    running = firework["state"] == "RUNNING"
    return Suspect(
        "run-lost" if running else "reservation-lost",
        key=f"firework/{firework['fw_id']}",
        looks=f"{firework['state']} {looks}",
        patience=patience,
        campaign=firework["spec"]["al_loop"]["campaign"],
        where=firework["spec"]["al_loop"]["id"],
        words=words,
        repair=lambda: _put_back(scene, firework),
        changes=firework["fw_id"],
    )


def _put_back(scene: Scene, firework: dict[str, Any]) -> None:
    """Make a firework READY, if it still is as it was seen."""
    fw_id, launches = firework["fw_id"], firework.get("launches", [])
    same = {"fw_id": fw_id, "state": firework["state"], "launches": launches}
    if scene.launchpad.fireworks.find_one(same, {"_id": 1}) is None:
        return
    scene.launchpad.rerun_fw(fw_id)
    # `lpad detect_lostruns` would find them for ever.
    scene.launchpad.launches.update_many(
        {"launch_id": {"$in": launches}, "state": {"$in": ["RUNNING", "RESERVED"]}},
        {"$set": {"state": "FIZZLED"}},
    )


def _last_launches(scene: Scene, taken: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Last launch of each firework, by the firework's id."""
    last = {fw["launches"][-1]: fw["fw_id"] for fw in taken if fw.get("launches")}
    fields = ("launch_id", "fworker.name", "host", "state", "state_history")
    found = scene.launchpad.launches.find(
        {"launch_id": {"$in": sorted(last)}}, dict.fromkeys(fields, 1)
    )
    return {last[launch["launch_id"]]: launch for launch in found}


def _outdone(launches: Iterable[dict[str, Any]]) -> set[int]:
    """Launches of workers that run a later one: a worker of ours runs one at a time."""
    by_worker: dict[str, list[int]] = defaultdict(list)
    for launch in launches:
        name = str((launch.get("fworker") or {}).get("name", ""))
        if launch["state"] == "RUNNING" and alive.is_ours(name):
            by_worker[name].append(launch["launch_id"])
    return {one for ids in by_worker.values() for one in sorted(ids)[:-1]}


def _reservation(launch: dict[str, Any]) -> str:
    """Id of the queue's job in which a launch waits or runs; empty when there is none."""
    ids = [str(e["reservation_id"]) for e in launch["state_history"] if e.get("reservation_id")]
    return ids[-1] if ids else ""


def _ask_queue(reservations: Iterable[str]) -> dict[str, QueueJob]:
    """What the queue of this host says of its jobs; nothing where there is none or no answer."""
    ids = sorted({one for one in reservations if one})
    kind = next((kind for name, kind in _COMMANDS.items() if shutil.which(name)), None)
    if not ids or kind is None:
        return {}
    try:
        return scheduler_for(kind).jobs(ids)
    except MachineError:  # no answer is not "gone"
        return {}
