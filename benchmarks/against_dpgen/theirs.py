"""DP-GEN's side: param.json, machine.json, and what a run has come to."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import ase.io
import dpdata

from benchmarks.against_dpgen.task import (
    ELEMENTS,
    TEMPERATURES,
    TOPOLOGIES,
    TRUST,
    Size,
    Task,
    network,
)

STAGES = {0: "train", 1: "train", 2: "train", 3: "explore", 4: "explore", 5: "explore"}
"""Of DP-GEN's nine steps; the last three choose, label and collect."""


def write_run(task: Task, folder: Path) -> None:
    """Everything that ``dpgen run param.json machine.json`` reads."""
    for name, starts in task.walker_starts.items():
        (folder / "starts" / name).mkdir(parents=True)
        for i, atoms in enumerate(starts):
            ase.io.write(folder / "starts" / name / f"{i}.vasp", atoms, format="vasp", direct=True)
    (folder / "param.json").write_text(json.dumps(parameters(task), indent=1))
    (folder / "machine.json").write_text(json.dumps(machine(task), indent=1))


def parameters(task: Task) -> dict[str, object]:
    """param.json. Trust levels, labels an iteration, walkers and training as in our campaign."""
    size = task.size
    job = {
        "sys_idx": list(range(len(TOPOLOGIES))),
        "temps": list(TEMPERATURES),
        "press": [0.0],
        "trj_freq": size.sample_every,
        "nsteps": size.md_steps,
        "ensemble": "nvt",
    }
    return {
        "type_map": list(ELEMENTS),
        "mass_map": "auto",
        "init_data_prefix": str(task.labels),
        "init_data_sys": sorted(
            str(file.parent.relative_to(task.labels)) for file in task.labels.rglob("type.raw")
        ),
        "sys_configs_prefix": "starts",
        "sys_configs": [[f"{name}/*.vasp"] for name in TOPOLOGIES],
        "sys_format": "vasp/poscar",
        "numb_models": size.members,
        "default_training_param": training(size),
        "model_devi_dt": 0.001,
        "model_devi_skip": 0,
        "model_devi_f_trust_lo": TRUST[0],
        "model_devi_f_trust_hi": TRUST[1],
        "model_devi_clean_traj": False,
        "model_devi_jobs": [{"_idx": f"{i:02d}", **job} for i in range(size.iterations)],
        "fp_style": "custom",
        "shuffle_poscar": False,
        "fp_task_max": size.labels,
        "fp_task_min": 1,
        "fp_params": {
            "input_fmt": "vasp/poscar",
            "input_fn": "input.vasp",
            "output_fmt": "deepmd/npy",
            "output_fn": "labelled",
        },
    }


def training(size: Size) -> dict[str, object]:
    """The same network and training in DeePMD-kit's words; DP-GEN draws the seeds."""
    given = network(size)
    prefactors = given["prefactors"]
    assert isinstance(prefactors, dict)
    loss: dict[str, object] = {"type": "ener"}
    for word, (start, limit) in prefactors.items():
        loss |= {f"start_pref_{word[0]}": start, f"limit_pref_{word[0]}": limit}
    return {
        "model": {
            "type_map": list(ELEMENTS),
            "descriptor": {
                "type": "se_e2_a",
                "rcut_smth": 0.5,
                "type_one_side": True,
                **{k: given[k] for k in ("rcut", "sel", "neuron", "axis_neuron", "precision")},
            },
            "fitting_net": {
                "neuron": given["fitting_neuron"],
                "resnet_dt": True,
                "precision": given["precision"],
            },
        },
        "learning_rate": {
            "type": "exp",
            "start_lr": given["start_lr"],
            "stop_lr": given["stop_lr"],
            "decay_steps": max(1, size.steps // 100),
        },
        "loss": loss,
        "training": {
            "training_data": {"systems": [], "batch_size": "auto"},
            "numb_steps": size.steps,
            "disp_file": "lcurve.out",
            "disp_freq": given["display_every"],
            "save_ckpt": "model.ckpt",
        },
    }


def machine(task: Task) -> dict[str, object]:
    """machine.json for a local shell: two jobs at a time, a core each."""
    size = task.size
    walkers = len(TOPOLOGIES) * len(TEMPERATURES) * size.walkers
    labels = len(TOPOLOGIES) * size.labels
    script = Path(__file__).with_name("label.py")
    commands = {
        "train": ("dp", size.members),
        "model_devi": ("lmp", walkers),
        "fp": (f"{sys.executable} {script} {task.teacher}", labels),
    }
    return {
        "api_version": "1.0",
        "deepmd_version": "3.2.0",
        **{
            stage: [
                {
                    "command": command,
                    "machine": {
                        "batch_type": "Shell",
                        "context_type": "LazyLocalContext",
                        "local_root": "./",
                        "remote_root": "./",
                    },
                    "resources": {
                        "number_node": 1,
                        "cpu_per_node": 1,
                        "gpu_per_node": 0,
                        "queue_name": "",
                        "group_size": -(-tasks // 2),
                    },
                }
            ]
            for stage, (command, tasks) in commands.items()
        },
    }


def labels_by_iteration(folder: Path) -> list[int]:
    """Labels that each iteration added."""
    return [
        sum(
            len(dpdata.LabeledSystem(str(file.parent), fmt="deepmd/npy"))
            for file in one.glob("02.fp/data.*/**/type.raw")
        )
        for one in sorted(folder.glob("iter.*"))
        if (one / "02.fp").is_dir()
    ]


def committees(folder: Path) -> list[list[Path]]:
    """Frozen models of each iteration, the last training included."""
    found = [sorted(one.glob("00.train/graph.*.pb")) for one in sorted(folder.glob("iter.*"))]
    return [models for models in found if models]


def stage_seconds(log: str) -> dict[str, float]:
    """Wall time of train, explore and label, of the times at which dpgen.log begins each step."""
    begun = [
        (datetime.strptime(when, "%Y-%m-%d %H:%M:%S,%f"), int(step))
        for when, step in re.findall(r"^(\S+ \S+) - INFO : -+iter\.\d+ task (\d+)-+", log, re.M)
    ]
    seconds = {"train": 0.0, "explore": 0.0, "label": 0.0}
    for (start, step), (end, _) in pairwise(begun):
        seconds[STAGES.get(step, "label")] += (end - start).total_seconds()
    return seconds


def failed_systems(log: str) -> list[str]:
    """Topologies of which all samples were failed: a line for each iteration in which it was so."""
    found = re.findall(r"system (\d+) failed\s+:\s+\d+ in\s+\d+ 100\.00 %", log)
    return [TOPOLOGIES[int(i)] for i in found]
