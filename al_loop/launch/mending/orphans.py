"""Fireworks without a workflow, and workflows that lack fireworks: FireWorks can run neither.

What is removed here and still due is put up again by advance().
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from al_loop.launch.mending.scene import Scene, Suspect
from al_loop.launch.workflows import remove_workflow, take_out

PUT_UP_SECONDS = 10.0
"""A process that puts up a workflow writes its fireworks first, then itself."""

_OPEN = ("WAITING", "READY", "RESERVED", "RUNNING", "FIZZLED", "PAUSED", "DEFUSED", "ARCHIVED")


def orphans(scene: Scene) -> Iterator[Suspect]:
    """Fireworks whose workflow is gone: a worker that takes one comes to grief."""
    there = {fw["fw_id"]: fw for fw in scene.fireworks(_OPEN, ["updated_on"])}
    held = scene.launchpad.workflows.find({"nodes": {"$in": sorted(there)}}, {"nodes": 1})
    for workflow in held:
        for node in workflow["nodes"]:
            there.pop(node, None)
    for fw_id, firework in there.items():
        yield Suspect(
            "firework-orphan",
            key=f"orphan/{fw_id}",
            looks=firework["state"],
            patience=PUT_UP_SECONDS,
            campaign=firework["spec"]["al_loop"]["campaign"],
            where=f"firework {fw_id} ({firework['spec']['al_loop']['id']})",
            words="its workflow is gone",
            repair=lambda fw_id=fw_id: _delete(scene, fw_id),  # type: ignore[misc]
        )


def broken(scene: Scene) -> Iterator[Suspect]:
    """Workflows that lack fireworks, or hold archived ones: half put up, or half taken back."""
    workflows = scene.open_workflows()
    nodes = [node for workflow in workflows for node in workflow["nodes"]]
    query = {"fw_id": {"$in": nodes}, "state": {"$ne": "ARCHIVED"}}
    whole = set(scene.launchpad.fireworks.distinct("fw_id", query))
    for workflow in workflows:
        if not (gone := set(workflow["nodes"]) - whole):
            continue
        yield Suspect(
            "workflow-broken",
            key=f"workflow/{workflow['_id']}",
            looks=str(sorted(gone)),
            patience=PUT_UP_SECONDS,
            campaign=workflow["metadata"]["campaign"],
            where=f"workflow {workflow['name']!r}",
            words=f"{len(gone)} of its {len(workflow['nodes'])} fireworks are gone or archived",
            repair=lambda w=workflow, g=gone: _take_out(scene, w, g),  # type: ignore[misc]
        )


def _delete(scene: Scene, fw_id: int) -> None:
    if scene.launchpad.workflows.find_one({"nodes": fw_id}, {"_id": 1}) is None:
        scene.launchpad.launches.delete_many({"fw_id": fw_id})
        scene.launchpad.fireworks.delete_one({"fw_id": fw_id})


def _take_out(scene: Scene, workflow: dict[str, Any], gone: set[int]) -> None:
    if gone >= set(workflow["nodes"]):
        remove_workflow(scene.launchpad, workflow)
        return
    take_out(scene.launchpad, workflow, gone)
    scene.launchpad.fireworks.delete_many({"fw_id": {"$in": sorted(gone)}})
