"""Workflows that a process locked and, being killed, never unlocked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from al_loop.launch.mending.scene import Scene, Suspect

HELD_SECONDS = 3.0
"""A live process holds a lock for milliseconds, and its update changes the workflow's time."""


def stale_locks(scene: Scene) -> Iterator[Suspect]:
    """Locks; FireWorks itself waits for them for five minutes, then gives up for good."""
    query = {"metadata.campaign": {"$in": scene.names}, "locked": True}
    fields = dict.fromkeys(("nodes", "updated_on", "metadata", "name"), 1)
    for workflow in scene.launchpad.workflows.find(query, fields):
        yield Suspect(
            "lock-stale",
            key=f"lock/{workflow['_id']}",
            looks=str(workflow["updated_on"]),
            patience=HELD_SECONDS,
            campaign=workflow["metadata"]["campaign"],
            where=f"workflow {workflow['name']!r}",
            words="locked by a process that is gone",
            repair=lambda workflow=workflow: _unlock(scene, workflow),  # type: ignore[misc]
        )


def _unlock(scene: Scene, workflow: dict[str, Any]) -> None:
    """Take the lock away; what the update left half-done is found as inconsistent."""
    same = {"_id": workflow["_id"], "updated_on": workflow["updated_on"]}
    scene.launchpad.workflows.update_one(same, {"$unset": {"locked": ""}})
