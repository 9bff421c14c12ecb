"""al_loop's side: the campaign, and what it has come to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.against_dpgen.task import ELEMENTS, TEMPERATURES, TOPOLOGIES, TRUST, Task, network

NAME = "against-dpgen"
AUDIT = 2
"""Of an iteration's labels, those that are drawn from what the committee calls accurate."""


def write_campaign(task: Task, folder: Path) -> Path:
    """The campaign's file. The starting labels are imported, so nothing is labelled at the start.

    Every label is trained on but a hundredth (al_loop tests on its own; DP-GEN does not), and
    trainings begin anew each time, as DP-GEN's do by default.
    """
    size = task.size
    spec: dict[str, Any] = {
        "name": NAME,
        "elements": list(ELEMENTS),
        "structures": {
            name: {"file": str(task.labels.parent / f"{name}.extxyz"), "label": False}
            for name in TOPOLOGIES
        },
        "train": {
            "engine": "deepmd",
            "members": size.members,
            "warm_start": False,
            "final_effort": 1.0,
            "options": network(size),
        },
        "explore": {
            "engine": "lammps",
            "sample_every": size.sample_every,
            "walkers_per_job": 6,
            "stages": [
                {
                    "from": list(TOPOLOGIES),
                    "ensembles": ["nvt"],
                    "temperatures": list(TEMPERATURES),
                    "steps": size.md_steps,
                    "walkers": size.walkers,
                }
            ],
        },
        "select": {
            "trust": {"lower": TRUST[0], "upper": TRUST[1]},
            "batch": size.labels * len(TOPOLOGIES) - AUDIT,
            "audit": AUDIT,
        },
        "label": {
            "engine": "teacher",
            "frames_per_job": size.labels,
            "options": {"model": str(task.teacher)},
        },
        "split": {"valid": 0.0, "test": 0.01},
        # A committee is never good enough here: both loops spend their iterations.
        "converge": {"candidate_fraction": 0.0, "audit_force_rmse": 1e-6},
        "budget": {"iterations": size.iterations},
        "resources": {"cores": 2},
    }
    path = folder / f"{NAME}.yaml"
    YAML(typ="safe").dump(spec, path)
    return path


def committees(folder: Path, name: str = NAME) -> list[list[Path]]:
    """Frozen models of each training, the last one included."""
    found = [
        sorted(one.glob("train/member-*/model.pb"))
        for one in sorted((folder / name).glob("iter.*"))
    ]
    return [models for models in found if models]


def stage_seconds(found: dict[str, Any]) -> dict[str, float]:
    """Wall time of train, explore and label (with selection), all iterations together."""
    seconds = {"train": 0.0, "explore": 0.0, "label": 0.0}
    for one in found["iterations"]:
        for stage, length in one["seconds"].items():
            key = {"train": "train", "explore": "explore"}.get(stage)
            if stage in ("select", "label"):
                key = "label"
            if key is not None:
                seconds[key] += length
    return seconds
