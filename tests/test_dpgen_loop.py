"""benchmarks/dpgen_loop.py: both sides are asked for the same, and the time is seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from al_loop.campaign import load_campaign
from al_loop.frame import Labelled
from al_loop.train.deepmd.data import write_systems
from al_loop.train.deepmd.inputs import render_input
from benchmarks.against_dpgen import ours, theirs
from benchmarks.against_dpgen.task import ELEMENTS, QUICK, TOPOLOGIES, Task
from benchmarks.against_dpgen.watch import watch


@pytest.fixture
def task(tmp_path: Path) -> Task:
    atoms = bulk("SiO", "zincblende", a=4.5, cubic=True)
    labelled = Labelled(atoms, -1.0, np.zeros((8, 3)), np.zeros((3, 3)))
    for name in TOPOLOGIES:
        write_systems([labelled], elements=ELEMENTS, folder=tmp_path / "labels" / name)
    (tmp_path / "teacher.pb").write_bytes(b"a model")
    starts = {name: [atoms] * QUICK.walkers for name in TOPOLOGIES}
    return Task(QUICK, tmp_path / "teacher.pb", tmp_path / "labels", starts, [])


def test_dp_gen_accepts_its_parameters_and_trains_as_the_campaign_does(
    task: Task, tmp_path: Path
) -> None:
    pytest.importorskip("dpgen")
    theirs.write_run(task, tmp_path)
    check = (
        "import json; from dpgen.generator.arginfo import run_jdata_arginfo as arguments\n"
        "base = arguments(); param = json.load(open('param.json'))\n"
        "base.check_value(base.normalize_value(param, trim_pattern='_*'), strict=True)\n"
    )
    # It imports what cannot be imported twice, and writes a log where it runs.
    subprocess.run([sys.executable, "-c", check], cwd=tmp_path, check=True)
    systems = json.loads((tmp_path / "param.json").read_text())["init_data_sys"]
    assert len(systems) == len(TOPOLOGIES)
    assert all((task.labels / one / "type.raw").is_file() for one in systems)

    spec = load_campaign(ours.write_campaign(task, tmp_path))
    text = render_input(
        spec.train.options,  # type: ignore[arg-type]
        elements=spec.elements,
        seed=1,
        steps=task.size.steps,
        systems=[],
    )
    mine, given = json.loads(text), theirs.training(task.size)
    for part in ("descriptor", "fitting_net"):
        del mine["model"][part]["seed"]
    assert mine["model"] == given["model"]
    assert mine["learning_rate"] == given["learning_rate"]
    assert mine["loss"] == pytest.approx(given["loss"])
    assert mine["training"]["numb_steps"] == given["training"]["numb_steps"]  # type: ignore[index]


def test_both_have_as_many_walkers_and_labels(task: Task, tmp_path: Path) -> None:
    spec = load_campaign(ours.write_campaign(task, tmp_path))
    theirs_param = theirs.parameters(task)
    (stage,) = spec.explore.stages
    assert spec.select.batch + spec.select.audit == task.size.labels * len(TOPOLOGIES)
    assert stage.walkers == len(task.walker_starts["sod"])
    assert theirs_param["fp_task_max"] == task.size.labels
    assert list(stage.temperatures) == theirs_param["model_devi_jobs"][0]["temps"]  # type: ignore[index]


def test_the_time_in_which_nothing_runs_is_seen_through_a_detached_process(tmp_path: Path) -> None:
    """A child in a session of its own computes 2 s of CPU; the command itself only waits."""
    busy = "import time\nwhile time.process_time() < 2: pass"
    script = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {busy!r}], start_new_session=True).wait()\n"
        "time.sleep(3)\n"
    )
    found = watch([sys.executable, "-c", script], folder=tmp_path, environment=dict(os.environ))
    assert found.cpu > 0.5
    assert 1.0 < found.idle < found.wall


def test_dp_gens_log_is_read() -> None:
    log = (
        "2026-01-01 10:00:00,000 - INFO : -----iter.000000 task 00------\n"
        "2026-01-01 10:00:30,000 - INFO : -----iter.000000 task 03------\n"
        "2026-01-01 10:00:50,500 - INFO : -----iter.000000 task 06------\n"
        "2026-01-01 10:00:51,000 - INFO : system 001 failed    :     93 in     93 100.00 %\n"
        "2026-01-01 10:01:00,000 - INFO : -----iter.000001 task 00------\n"
    )
    assert theirs.stage_seconds(log) == {"train": 30.0, "explore": 20.5, "label": 9.5}
    assert theirs.failed_systems(log) == ["abw"]
