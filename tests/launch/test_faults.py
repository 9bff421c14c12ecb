"""Workers that are killed, or given the same job, or live in another hour: nothing is lost.

After each fault the campaign ends as if nothing had happened, with no step but `al-loop run`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import pytest

from al_loop.campaign import load_campaign
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.run import submit
from al_loop.store import Stage, Store
from tests.campaigns import AL_LOOP, Outcome, Place
from tests.dying import MOMENTS
from tests.processes import descendants, kill, running_jobs, workers_of

pytestmark = pytest.mark.engine

HOUR = 3600
ROOT = Path(__file__).parents[2]
WITH_JOBS = tuple(stage for stage in get_args(Stage) if stage not in ("quench", "select", "done"))


def watch(run: subprocess.Popen[bytes], look: Callable[[], bool], *, timeout: float = 240) -> None:
    """Look again and again until ``look`` has seen enough or the run has ended."""
    end = time.monotonic() + timeout
    while run.poll() is None and not look():
        assert time.monotonic() < end, "the run does not come to its end"
        time.sleep(0.002)


def test_workers_killed_in_every_stage_lose_nothing(place: Place, undisturbed: Outcome) -> None:
    run = place.start()
    left = set(WITH_JOBS) - {"validate"}  # of which this campaign has none

    def look() -> bool:
        jobs = running_jobs(place.folder)
        if stage := left & {folder.parent.name for folder in jobs.values()}:
            for worker in workers_of(run.pid):
                mine = {jobs[pid].parent.name for pid in descendants(worker) if pid in jobs}
                if mine & stage and kill(worker):
                    left.difference_update(mine)
        return not left

    watch(run, look)
    assert run.wait(240) == 0, place.log
    assert left <= {"assess"}  # over in a moment
    place.insist_that_nothing_is_lost(undisturbed)


def test_a_worker_may_die_between_any_two_steps(place: Place, undisturbed: Outcome) -> None:
    spec = load_campaign(place.file)
    for moment in MOMENTS:
        submit(place.connection, spec, base=place.file.parent)
        command = [sys.executable, "-m", "tests.dying", place.launchpad, "cheap", moment]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=240)
        assert done.returncode == -9, (moment, done.stderr.decode())
    place.finish()
    place.insist_that_nothing_is_lost(undisturbed)


def test_jobs_that_two_workers_are_given_are_done_once(place: Place, undisturbed: Outcome) -> None:
    run = place.start()
    twice: set[Path] = set()
    with open_launchpad(place.connection) as launchpad:

        def look() -> bool:
            """Make a job that runs READY: the other worker takes it, too."""
            for folder in set(running_jobs(place.folder).values()) - twice:
                query = {"spec._launch_dir": str(folder), "state": "RUNNING"}
                change = {"$set": {"state": "READY"}}
                if launchpad.fireworks.update_one(query, change).modified_count:
                    twice.add(folder)
            return False

        watch(run, look)
    assert run.wait() == 0, place.log
    assert len(twice) > 5
    place.insist_that_nothing_is_lost(undisturbed)


def worker_in_another_hour(place: Place, seconds: int) -> subprocess.Popen[bytes]:
    """`al-loop worker` on a node whose clock is off."""
    place_of_shift = Path(__file__).parent / "another_hour"
    wrong = {"PYTHONPATH": str(place_of_shift), "SECONDS_OFF": str(seconds)}
    command = [AL_LOOP, "worker", "--forever", "--campaign", "cheap", "-l", place.launchpad]
    with (place.file.parent / f"worker{seconds:+d}.log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=place.file.parent,
            env={**os.environ, **wrong},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


@contextmanager
def ended(*processes: subprocess.Popen[bytes]) -> Iterator[None]:
    """These do not outlive the test."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_nodes_whose_clocks_are_an_hour_off_do_no_harm(place: Place, undisturbed: Outcome) -> None:
    submit(place.connection, load_campaign(place.file), base=place.file.parent)
    early, late = (worker_in_another_hour(place, seconds) for seconds in (-HOUR, HOUR))
    seen: set[int] = set()
    run = place.start()
    with ended(run, early, late):

        def look() -> bool:
            for pid in running_jobs(place.folder):
                seen.update(w.pid for w in (early, late) if pid in descendants(w.pid))
            return seen == {early.pid, late.pid}

        watch(run, look)
        kill(early.pid)
        assert run.wait(240) == 0, place.log
    assert seen == {early.pid, late.pid}
    place.insist_that_nothing_is_lost(undisturbed)
    assert "iteration 3 train" in place.log  # told, though it happened in another hour
    with Store(place.connection) as store:
        seconds = [s for it in store.iterations.all("cheap") for s in it.seconds.values()]
    assert all(0 <= one < HOUR / 2 for one in seconds)
