"""Updates that a killed process left half-way: FireWorks keeps each state in three places."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from al_loop.launch.mending.scene import Scene, Suspect

HALFWAY_SECONDS = 4.0
"""The three are written one after another, within milliseconds."""

_ENDED = ("COMPLETED", "FIZZLED")


def inconsistent(scene: Scene) -> Iterator[Suspect]:
    """Fireworks that differ from their workflow's notes, or from their own ended launch."""
    workflows = scene.open_workflows()
    nodes = [node for workflow in workflows for node in workflow["nodes"]]
    fireworks = _by_id(scene, nodes)
    ended = _ended_launches(scene, fireworks)
    for workflow in workflows:
        for node in workflow["nodes"]:
            firework = fireworks.get(node)
            if firework is None:
                continue
            noted = workflow["fw_states"].get(str(node), "nothing")
            launch = ended.get(node, "")
            if noted == firework["state"] and not launch:
                continue
            yield Suspect(
                "workflow-inconsistent",
                key=f"state/{node}",
                looks=f"{noted} {firework['state']} {launch}",
                patience=HALFWAY_SECONDS,
                campaign=workflow["metadata"]["campaign"],
                where=f"firework {node} of {workflow['name']!r}",
                words=f"it is {firework['state']}, its workflow says {noted}"
                + (f", its launch {launch}" if launch else ""),
                repair=lambda node=node: _refresh(scene, node),  # type: ignore[misc]
                changes=node,
            )


def _by_id(scene: Scene, nodes: list[int]) -> dict[int, dict[str, Any]]:
    fields = {"fw_id": 1, "state": 1, "launches": 1}
    found = scene.launchpad.fireworks.find({"fw_id": {"$in": nodes}}, fields)
    return {firework["fw_id"]: firework for firework in found}


def _ended_launches(scene: Scene, fireworks: dict[int, dict[str, Any]]) -> dict[int, str]:
    """How the launch of a firework ended that does not know it yet."""
    last = {
        fw["launches"][-1]: fw["fw_id"]
        for fw in fireworks.values()
        if fw.get("launches") and fw["state"] in ("RUNNING", "RESERVED", "READY")
    }
    query = {"launch_id": {"$in": sorted(last)}, "state": {"$in": list(_ENDED)}}
    found = scene.launchpad.launches.find(query, {"launch_id": 1, "state": 1})
    return {last[launch["launch_id"]]: launch["state"] for launch in found}


def _refresh(scene: Scene, fw_id: int) -> None:
    """Have FireWorks work out a state anew; what it cannot read becomes FIZZLED, to be run again.

    It says so with a RuntimeError, having done it.
    """
    with contextlib.suppress(RuntimeError):
        scene.launchpad._refresh_wf(fw_id)
