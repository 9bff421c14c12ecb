"""A walker of the ASE explorer that is stopped or killed, and what becomes of its state."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lj import LennardJones

from al_loop import stopping
from al_loop.errors import JobStopped
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
from al_loop.explore.ase_md import AseExplorer, AseOptions, state
from al_loop.jobfolder import Clock, JobFolder

KEEP = KeepRule(lower=0.0, upper=1e9, accurate=0)
LIMITS = Limits(deviation=1e9)


def walker(name: str = "w", **changes: Any) -> Walker:
    values = {"ensemble": "nvt", "temperature": 60.0, "steps": 60, "sample_every": 5, "seed": 4}
    return Walker.at(name, **{**values, **changes})  # type: ignore[arg-type]


def walks(
    committee: Committee, start: Atoms, folder: Path, one: Walker | None = None
) -> Iterator[Walk]:
    folder.mkdir(exist_ok=True)
    yield from AseExplorer(AseOptions()).explore(
        [(one or walker(), start)],
        committee,
        limits=LIMITS,
        keep=KEEP,
        folder=folder,
        clock=Clock(),
    )


def same(one: Walk, two: Walk) -> bool:
    columns = ("step", "max_force_deviation", "temperature", "pressure", "kept")
    return all(np.array_equal(getattr(one, c), getattr(two, c)) for c in columns) and all(
        np.array_equal(a.positions, b.positions)
        for a, b in zip(one.frames, two.frames, strict=True)
    )


class Killed(BaseException):
    """What no code of ours catches."""


def kill_after(calls: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Raise Killed in that call of a member; the list counts the calls."""
    counted = [0]
    calculate = LennardJones.calculate

    def count(self: Any, *arguments: Any, **others: Any) -> None:
        counted[0] += 1
        if counted[0] == calls:
            raise Killed
        calculate(self, *arguments, **others)

    monkeypatch.setattr(LennardJones, "calculate", count)
    return counted


@pytest.mark.parametrize("ensemble", ["nvt", "npt"])
def test_a_kill_costs_no_more_than_the_time_since_the_last_save(
    lj_committee: Committee,
    argon: Atoms,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ensemble: str,
) -> None:
    one = walker(ensemble=ensemble)
    with monkeypatch.context() as patch:
        counted = kill_after(-1, patch)
        (whole,) = walks(lj_committee, argon, tmp_path / "whole", one)
        all_calls = counted[0]
    monkeypatch.setattr(state, "SAVE_SECONDS", 0.0)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after(all_calls // 2, patch)
        list(walks(lj_committee, argon, tmp_path / "j", one))
    with monkeypatch.context() as patch:
        counted = kill_after(-1, patch)
        (walk,) = walks(lj_committee, argon, tmp_path / "j", one)
        assert counted[0] < 0.6 * all_calls
    assert same(walk, whole)


def test_a_walker_without_a_request_is_saved_at_intervals_only(
    lj_committee: Committee, argon: Atoms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []
    monkeypatch.setattr(state, "write_atomically", lambda path, data: written.append(path))
    list(walks(lj_committee, argon, tmp_path / "j"))
    assert written == []


@pytest.mark.parametrize("damage", ["short", "empty", "flipped", "foreign"])
def test_a_state_that_is_damaged_or_foreign_is_not_taken(
    lj_committee: Committee, argon: Atoms, tmp_path: Path, damage: str
) -> None:
    (whole,) = walks(lj_committee, argon, tmp_path / "whole")
    other = walker(seed=5) if damage == "foreign" else walker()
    with stopping.listening(tmp_path), pytest.raises(JobStopped):
        stopping.request()
        list(walks(lj_committee, argon, tmp_path / "j", other))
    file = tmp_path / "j" / "w.state"
    data = file.read_bytes()
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    file.write_bytes({"short": data[:-9], "empty": b"", "flipped": flipped}.get(damage, data))
    (walk,) = walks(lj_committee, argon, tmp_path / "j")
    assert same(walk, whole)
    assert not file.exists()


# -- the job, in a process of its own

RUN = """
import sys
from pathlib import Path
from al_loop import stopping
from al_loop.errors import JobStopped
from al_loop.explore.ase_md import state
from al_loop.loop.jobs import run_job

state.SAVE_SECONDS = 0.02
folder = Path(sys.argv[1])
with stopping.listening(folder):
    try:
        run_job(folder)
    except JobStopped:
        sys.exit(3)
"""


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL", "stop file"])
def test_a_job_that_is_stopped_or_killed_goes_on_inside_its_walker(
    lj_committee: Committee, argon: Atoms, tmp_path: Path, lj_package: Path, how: str
) -> None:
    def stage(name: str) -> JobFolder:
        return stage_explore_job(
            tmp_path / name,
            engine="ase",
            options=AseOptions(),
            walkers=[(walker("a", steps=300), argon), (walker("b", steps=50), argon)],
            committee=lj_committee,
            limits=LIMITS,
            keep=KEEP,
        )

    folder, file = stage("j"), tmp_path / "j" / "a.state"
    environment = {**os.environ, "PYTHONPATH": str(lj_package)}
    process = subprocess.Popen([sys.executable, "-c", RUN, str(folder.path)], env=environment)
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    if how == "stop file":
        (folder.path / "stop").touch()
    else:
        os.kill(process.pid, signal.Signals[how])
    assert process.wait(timeout=60) == (-signal.SIGKILL if how == "SIGKILL" else 3)
    assert folder.result() is None
    assert file.exists()
    run_explore_job(folder, Clock())
    whole = stage("whole")
    run_explore_job(whole, Clock())
    for one, two in zip(collect_walks(folder), collect_walks(whole), strict=True):
        assert same(one, two)
    assert list(folder.path.glob("*.state")) == []
