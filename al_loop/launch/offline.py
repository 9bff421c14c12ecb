"""Nodes that do not reach the database: jobs run from their folders, results come in later.

`qlaunch -r` and `al-loop submitter` leave ``FW.json`` and ``FW_offline.json`` in the job's folder;
a worker on the node runs the job from there; the login node recovers what became of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fireworks import FWAction, FWorker, LaunchPad
from fireworks.core.rocket_launcher import launch_rocket

from al_loop.errors import JobFolderError
from al_loop.jobfolder import JobFolder
from al_loop.launch.ending import Ending
from al_loop.launch.guard import NotOurs, check_spec
from al_loop.launch.node import Node, unfit
from al_loop.launch.pull import Orders
from al_loop.launch.tasks import STOPPED

FIREWORK, RUN = "FW.json", "FW_offline.json"
_ENDS = ("COMPLETED", "FIZZLED")


def run_offline(folder: Path, orders: Orders, *, report: Callable[[str], None]) -> str:
    """Run the firework that was left in a folder; returns its state, for a person to read.

    Raises
    ------
    JobFolderError
        There is none.
    NotOurs, NodeUnfit
        It may not, or cannot, be run here; nothing was touched.
    """
    raw = _read(folder / FIREWORK)
    if raw is None or _read(folder / RUN) is None:
        raise JobFolderError(
            f"{FIREWORK} and {RUN} are not both here", where=folder, remedy="qlaunch -r writes them"
        )
    spec = check_spec(raw.get("spec", {}))
    node = Node()
    if reason := node.unfit_for(spec.folder):
        raise unfit(node, reason)
    before = Path.cwd()
    with Ending(grace=orders.grace, stop_after=orders.stop_after, report=report) as ending:
        os.chdir(folder)  # where FireWorks looks for its files
        ending.busy = True
        try:
            launch_rocket(None, FWorker(node.name), strm_lvl="CRITICAL")
        finally:
            os.chdir(before)
    ended = _read(folder / RUN) or {}
    return "stopped" if _was_stopped(ended) else str(ended.get("state", "RUNNING"))


@dataclass(frozen=True)
class Recovered:
    """An offline run whose end is known now."""

    fw_id: int
    campaign: str
    state: str


def recover(launchpad: LaunchPad, campaign: str | None = None) -> list[Recovered]:
    """Take in what became of offline runs, as their folders tell it; to be called again and again.

    Ends FireWorks' launch, so that the next ``advance`` finds the result or runs the job again.
    Nothing is concluded from a file that is missing or half written, unless the folder holds a
    whole result.
    """
    open_runs = {"completed": False, "deprecated": False}
    done = []
    for run in list(launchpad.offline_runs.find(open_runs)):
        query: dict[str, Any] = {"fw_id": run["fw_id"]}
        firework = launchpad.fireworks.find_one(query, {"state": 1, "launches": 1, "spec": 1})
        ours = (firework or {}).get("spec", {}).get("al_loop")
        if firework is not None and (ours is None or campaign not in (None, ours["campaign"])):
            continue
        if firework is None or not _is_open(firework, run["launch_id"]):
            launchpad.forget_offline(run["launch_id"])
            continue
        with contextlib.suppress(NotOurs):
            if state := _recover_one(launchpad, firework, run["launch_id"]):
                done.append(Recovered(run["fw_id"], ours["campaign"], state))
    return done


def _is_open(firework: dict[str, Any], launch: int) -> bool:
    """Whether a run is still its firework's: it may have been put back or removed since."""
    return firework["state"] in ("RESERVED", "RUNNING") and launch in firework["launches"]


def _recover_one(launchpad: LaunchPad, firework: dict[str, Any], launch: int) -> str:
    """State in which a run has ended; empty while it goes on, or waits."""
    folder = check_spec(firework["spec"], fw_id=firework.get("fw_id")).folder
    told = _read(folder / RUN) or {}
    ended = told.get("launch_id") == launch and told.get("state") in _ENDS and "fwaction" in told
    if not ended and JobFolder(folder).result() is None:
        if told.get("launch_id") == launch and "started_on" in told:
            with warnings.catch_warnings():  # FireWorks warns while there is no heartbeat yet
                warnings.simplefilter("ignore")
                launchpad.recover_offline(launch, ignore_errors=True)
        return ""
    state = str(told["state"]) if ended else "COMPLETED"
    stored = told["fwaction"].get("stored_data", {}) if ended else {"recovered": "from result.json"}
    launchpad.complete_launch(launch, FWAction(stored_data=stored, exit=True), state)
    launchpad.offline_runs.update_one({"launch_id": launch}, {"$set": {"completed": True}})
    return "stopped" if ended and _was_stopped(told) else state


def _was_stopped(told: dict[str, Any]) -> bool:
    return STOPPED in told.get("fwaction", {}).get("stored_data", {})


def _read(path: Path) -> dict[str, Any] | None:
    """A JSON object; None when it is missing, half written or something else."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None
