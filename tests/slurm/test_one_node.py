"""The Slurm of the tests: two side by side, jobs at once, limits that it holds, nothing left."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from al_loop.launch.schedulers import scheduler_for
from tests.slurm.fixture import OneNode

pytestmark = pytest.mark.engine

SLEEP = "sleep 987.65"


def poll(condition: Callable[[], bool], seconds: float = 90) -> bool:
    """Whether a condition comes to hold."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def processes(words: str) -> list[int]:
    """Processes with these words in their command lines."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if line.strip() == words:
            found.append(int(place.name))
    return found


def submit(node: OneNode, script: str, *options: str) -> str:
    """Id of a new job."""
    out = f"--output={node.folder}/job-%j.out"
    return node.run("sbatch", "--parsable", out, *options, f"--wrap={script}").strip()


def test_what_al_loop_asks_is_answered_by_a_real_slurm(
    slurm: OneNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CONF", slurm.environment["SLURM_CONF"])
    queue = scheduler_for("SLURM")
    failed = submit(slurm, "exit 3", "--partition=cpu")
    runs = submit(slurm, SLEEP, "--partition=gpu", "--gpus=1")
    waits = submit(slurm, "true", "--partition=cpu", "--hold")
    assert poll(lambda: queue.jobs([failed])[failed].state == "ended")
    assert poll(lambda: queue.jobs([runs])[runs].state == "running")
    jobs = queue.jobs([failed, runs, waits, "999999"])
    assert (jobs[failed].reason, jobs[failed].exit) == ("FAILED", "3:0")
    assert (jobs[waits].state, jobs[waits].reason) == ("waiting", "JobHeldUser")
    assert jobs["999999"].state == "unknown"
    assert queue.jobs(["999999"])["999999"].state == "unknown"
    for id in (failed, runs, waits, "999999"):
        queue.cancel(id)
    assert poll(lambda: all(j.state == "ended" for j in queue.jobs([runs, waits]).values()))
    assert queue.jobs([runs])[runs].reason == "CANCELLED"
    assert not processes(SLEEP)


def test_two_side_by_side_stop_cleanly_and_leave_nothing(slurm: OneNode, tmp_path: Path) -> None:
    other = OneNode(tmp_path / "other")
    other.start()
    assert other.script("start").returncode == 1
    submit(other, f"setsid {SLEEP}5 & {SLEEP}5")
    assert poll(lambda: len(processes(f"{SLEEP}5")) == 2), other.run("squeue")
    assert slurm.run("squeue", "--noheader") == ""
    assert other.script("status").returncode == 0
    assert other.script("stop").returncode == 0
    assert other.script("status").returncode == 1
    assert processes(f"{SLEEP}5") == []
    assert slurm.script("status").returncode == 0
