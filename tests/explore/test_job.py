from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from al_loop.errors import JobFolderError, StructureError
from al_loop.explore import (
    Committee,
    KeepRule,
    Limits,
    Walk,
    Walker,
    collect_walks,
    run_explore_job,
    stage_explore_job,
)
from al_loop.explore.ase_md import AseOptions
from al_loop.jobfolder import Clock, JobFolder

NAMES = ("first", "second", "third")
Stage = Callable[..., JobFolder]


def walkers(steps: int, names: tuple[str, ...] = NAMES) -> list[Walker]:
    return [
        Walker.at(name, ensemble="nvt", temperature=60.0, steps=steps, sample_every=5, seed=seed)
        for seed, name in enumerate(names, start=1)
    ]


@pytest.fixture
def stage(tmp_path: Path, lj_committee: Committee, argon: Atoms) -> Stage:
    def put_up(steps: int = 10, **changes: Any) -> JobFolder:
        arguments: dict[str, Any] = {
            "engine": "ase",
            "options": AseOptions(),
            "walkers": [(walker, argon) for walker in walkers(steps)],
            "committee": lj_committee,
            "limits": Limits(deviation=100.0),
            "keep": KeepRule(lower=0.0, upper=100.0, accurate=0),
        }
        path = changes.pop("path", tmp_path / "it0" / "explore-0")
        return stage_explore_job(path, **{**arguments, **changes})

    return put_up


def same(a: list[Walk], b: list[Walk]) -> bool:
    return all(
        x.name == y.name
        and x.stop == y.stop
        and np.array_equal(x.max_force_deviation, y.max_force_deviation)
        and np.array_equal(x.kept, y.kept)
        and len(x.frames) == len(y.frames)
        and all(
            np.array_equal(f.positions, g.positions)
            for f, g in zip(x.frames, y.frames, strict=True)
        )
        and all(np.array_equal(f, g) for f, g in zip(x.forces, y.forces, strict=True))
        for x, y in zip(a, b, strict=True)
    )


def test_models_are_referred_to_and_not_copied(stage: Stage, lj_committee: Committee) -> None:
    folder = stage()
    spec = json.loads((folder.path / "job.json").read_text())
    assert spec["params"]["models"][0] == "../../models/member0.json"
    assert set(spec["inputs"]) == {"starts.traj", *spec["params"]["models"]}
    assert sorted(p.name for p in folder.path.iterdir()) == ["job.json", "starts.traj"]


def test_staging_again_rewrites_nothing(stage: Stage) -> None:
    folder = stage()
    before = {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in folder.path.iterdir()}
    stage()
    assert {
        p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in folder.path.iterdir()
    } == before


def test_staging_mends_what_a_kill_left(stage: Stage) -> None:
    folder = stage()
    starts = (folder.path / "starts.traj").read_bytes()
    (folder.path / "job.json").unlink()
    (folder.path / "starts.traj").write_bytes(starts[:100])
    stage().check_inputs()
    (folder.path / "starts.traj").unlink()
    stage().check_inputs()
    assert (folder.path / "starts.traj").read_bytes() == starts


def test_another_job_is_never_overwritten(stage: Stage, argon: Atoms) -> None:
    folder = stage()
    before = {p.name: p.read_bytes() for p in folder.path.iterdir()}
    moved = argon.copy()
    moved.positions[0] += 0.1
    with pytest.raises(JobFolderError, match="another job"):
        stage(walkers=[(walker, moved) for walker in walkers(10)])
    with pytest.raises(JobFolderError, match="another job"):
        stage(steps=20)
    assert {p.name: p.read_bytes() for p in folder.path.iterdir()} == before


def _stage_once(arguments: tuple[Path, dict[str, Any]]) -> str:
    path, others = arguments
    return stage_explore_job(path, **others).spec().key


def test_two_processes_may_stage_at_once(
    tmp_path: Path, lj_committee: Committee, argon: Atoms
) -> None:
    arguments = {
        "engine": "ase",
        "options": AseOptions(),
        "walkers": [(walker, argon) for walker in walkers(10)],
        "committee": lj_committee,
        "limits": Limits(deviation=1.0),
        "keep": KeepRule(lower=0.1, upper=0.2, accurate=1),
    }
    with ProcessPoolExecutor(4) as pool:
        keys = set(pool.map(_stage_once, [(tmp_path / "job", arguments)] * 12))
    assert len(keys) == 1
    JobFolder(tmp_path / "job").check_inputs()
    assert sorted(p.name for p in (tmp_path / "job").iterdir()) == ["job.json", "starts.traj"]


def test_two_walkers_of_one_name_are_refused(stage: Stage, argon: Atoms) -> None:
    with pytest.raises(JobFolderError, match="twice"):
        stage(walkers=[(walker, argon) for walker in walkers(10, ("twice", "twice"))])


def test_a_start_that_is_not_finite_is_refused(stage: Stage, argon: Atoms) -> None:
    argon.positions[3, 1] = np.nan
    with pytest.raises(StructureError, match="first"):
        stage(walkers=[(walker, argon) for walker in walkers(10)])


def test_a_finished_job_is_not_run_again(stage: Stage) -> None:
    folder = stage()
    clock = Clock()
    result = run_explore_job(folder, clock)
    assert len(clock.spans) == 3
    again = Clock()
    assert run_explore_job(folder, again) == result
    assert again.spans == []
    walks = collect_walks(folder)
    assert [walk.name for walk in walks] == list(NAMES)
    assert [len(walk.frames) for walk in walks] == [3, 3, 3]
    assert [entry["samples"] for entry in result.payload["walks"]] == [3, 3, 3]


def test_walks_come_back_as_they_were_saved(stage: Stage, argon: Atoms) -> None:
    folder = stage(keep=KeepRule(lower=50.0, upper=100.0, accurate=0))
    run_explore_job(folder, Clock())
    for walk in collect_walks(folder):
        assert walk.frames == []
        assert walk.kept.dtype == np.int64
        assert walk.step.tolist() == [0, 5, 10]


def test_no_walks_without_a_result(stage: Stage) -> None:
    folder = stage()
    with pytest.raises(JobFolderError, match="no valid result"):
        collect_walks(folder)
    run_explore_job(folder, Clock())
    file = folder.path / "second.frames.traj"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(JobFolderError, match="no valid result"):
        collect_walks(folder)


@pytest.mark.parametrize("file", ["second.frames.traj", "second.deviation.npz"])
@pytest.mark.parametrize("damage", ["short", "empty", "absent", "flipped"])
def test_only_the_damaged_walker_is_run_again(stage: Stage, file: str, damage: str) -> None:
    folder = stage()
    run_explore_job(folder, Clock())
    reference = collect_walks(folder)
    path = folder.path / file
    data = path.read_bytes()
    if damage == "absent":
        path.unlink()
    else:
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]
        path.write_bytes({"short": data[:-20], "empty": b"", "flipped": flipped}[damage])
    clock = Clock()
    run_explore_job(folder, clock)
    redone = len(clock.spans)
    assert redone == 1 or (damage == "flipped" and redone == 0)  # a bit without meaning
    assert same(collect_walks(folder), reference)


def test_walks_of_another_job_are_not_taken(stage: Stage, tmp_path: Path) -> None:
    folder, other = stage(), stage(path=tmp_path / "it0" / "other", steps=20)
    run_explore_job(folder, Clock())
    for file in folder.path.glob("first.*"):
        (other.path / file.name).write_bytes(file.read_bytes())
    clock = Clock()
    run_explore_job(other, clock)
    assert len(clock.spans) == 3
    assert len(collect_walks(other)[0].step) == 5


def test_a_changed_model_is_noticed(stage: Stage, lj_committee: Committee) -> None:
    folder = stage()
    lj_committee.models[1].write_text("{}")
    with pytest.raises(JobFolderError, match="has changed"):
        run_explore_job(folder, Clock())


RUN = """
import sys
from pathlib import Path
from al_loop.loop.jobs import run_job
run_job(Path(sys.argv[1]))
"""


def test_a_killed_job_keeps_the_walkers_that_had_ended(
    stage: Stage, tmp_path: Path, lj_package: Path
) -> None:
    folder = stage(steps=150)
    environment = {**os.environ, "PYTHONPATH": str(lj_package)}
    process = subprocess.Popen([sys.executable, "-c", RUN, str(folder.path)], env=environment)
    saved = folder.path / "first.deviation.npz"
    deadline = time.monotonic() + 60
    while not saved.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert folder.result() is None
    assert not (folder.path / "third.deviation.npz").exists()
    first = (saved.stat().st_ino, saved.stat().st_mtime_ns)
    clock = Clock()
    run_explore_job(folder, clock)
    assert len(clock.spans) < 3
    assert (saved.stat().st_ino, saved.stat().st_mtime_ns) == first
    whole = stage(steps=150, path=tmp_path / "it0" / "undisturbed")
    run_explore_job(whole, Clock())
    assert same(collect_walks(folder), collect_walks(whole))


def test_two_runners_of_one_job_do_it_once(stage: Stage, lj_package: Path) -> None:
    folder = stage(steps=40)
    environment = {**os.environ, "PYTHONPATH": str(lj_package)}
    processes = [
        subprocess.Popen([sys.executable, "-c", RUN, str(folder.path)], env=environment)
        for _ in range(2)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    result = folder.result()
    assert result is not None
    assert len(result.spans) == 3


def test_a_job_of_another_kind_is_refused(tmp_path: Path) -> None:
    folder = JobFolder.create(tmp_path / "job", kind="train", engine="ase")
    with pytest.raises(JobFolderError, match="train"):
        run_explore_job(folder, Clock())


def test_walk_equality_helper_sees_a_difference(stage: Stage) -> None:
    folder = stage()
    run_explore_job(folder, Clock())
    walks = collect_walks(folder)
    changed = [replace(walks[0], max_force_deviation=walks[0].max_force_deviation + 1), *walks[1:]]
    assert same(walks, walks)
    assert not same(walks, changed)
