"""`al-loop submitter` and `qlaunch` on a real Slurm: refusals, offline nodes, a whole campaign."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fireworks import Firework, ScriptTask

from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.offline import recover
from al_loop.store import Connection, Store
from tests.campaigns import AL_LOOP, CHEAP, Outcome, computed, outcome, write_campaign
from tests.slurm.fixture import OneNode

pytestmark = pytest.mark.engine

QUEUES = """\
resources:
  train: {{queue: gpu, cores: 1, gpus: 0, memory: 1, walltime: "00:10:00"}}
  explore: {{queue: gpu, cores: 2, gpus: 1, memory: 1.5, walltime: "00:20:00"}}
  label: {{queue: cpu, cores: 1, memory: 1, walltime: "00:30:00"}}
"""
SECONDS = 300.0


class Site:
    """A site's files for the one-node Slurm, and the cheap campaign, submitted."""

    def __init__(self, folder: Path, slurm: OneNode, connection: Connection, *init: str) -> None:
        self.folder, self.slurm, self.connection = folder, slurm, connection
        launchpad = folder / "database.yaml"
        connection.to_launchpad_file(launchpad)
        text = CHEAP.replace("resources: {{cores: 2}}\n", QUEUES)
        write_campaign(folder, text, name="cheap")
        queues = ("--scheduler", "slurm", "--gpu-queue", "gpu", "--cpu-queue", "cpu")
        said = self.ask("launchpad", "init", "site", *queues, "--database", str(launchpad), *init)
        assert said.returncode == 0, said.stdout
        said = self.ask("submit", "cheap.yaml", "--launchpad", str(launchpad))
        assert said.returncode == 0, said.stdout

    @property
    def environment(self) -> dict[str, str]:
        """Slurm's jobs inherit it: nothing of the database is in it."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, **self.slurm.environment, "PATH": path}

    def ask(self, *arguments: str, program: Path = AL_LOOP) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )

    def partition(self, name: str, state: str) -> None:
        self.slurm.run("scontrol", "update", f"PartitionName={name}", f"State={state}")

    def states(self) -> list[str]:
        with open_launchpad(self.connection) as launchpad:
            found = launchpad.fireworks.find({}, {"state": 1}).sort("fw_id", 1)
            return [firework["state"] for firework in found]

    def queue(self) -> list[str]:
        """Jobs of this site that wait or run: name, cpus, memory, generic resources, walltime."""
        listed = self.slurm.run("squeue", "--noheader", "--format=%Z|%j|%C|%m|%b|%l|%P")
        return [line for line in listed.splitlines() if line.startswith(str(self.folder))]


def until(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, what()
        time.sleep(0.2)


def test_a_campaign_goes_through_the_queue_to_its_end(
    slurm: OneNode, connection: Connection, undisturbed: Outcome, tmp_path: Path
) -> None:
    site = Site(tmp_path, slurm, connection)
    fast = ("--every", "1", "--mend-every", "2", "--max-jobs", "3")
    with (tmp_path / "submitter.log").open("w") as log:
        submitter = subprocess.Popen(
            [AL_LOOP, "submitter", "site", *fast],
            cwd=tmp_path,
            env=site.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        with Store(connection) as store:
            until(
                lambda: store.campaigns.state("cheap") != "running",
                lambda: (tmp_path / "submitter.log").read_text(),
            )
            found = outcome(store, "cheap")
    finally:
        submitter.terminate()
        code = submitter.wait(timeout=60)
    assert code == 0
    assert found == undisturbed
    assert set(computed(tmp_path / "cheap").values()) == {1}
    with open_launchpad(connection) as launchpad:
        assert sorted(launchpad.launches.distinct("fworker.env.fworker")) == ["cpu", "gpu"]


def test_each_job_asks_the_queue_for_its_own_resources_and_no_more_than_allowed(
    slurm: OneNode, connection: Connection, tmp_path: Path
) -> None:
    site = Site(tmp_path, slurm, connection)
    slurm.run("scontrol", "update", f"NodeName={os.uname().nodename}", "State=DRAIN", "Reason=test")
    try:
        for _ in range(2):
            done = site.ask("submitter", "site", "--once", "--max-jobs", "2")
            assert done.returncode == 0, done.stdout
        jobs = [line.split("|")[1:] for line in site.queue()]
        assert len(jobs) == 2, jobs
        for name, cores, memory, _, walltime, partition in jobs:
            assert name.startswith("cheap-0-chunk-")
            assert (cores, memory, walltime, partition) == ("1", "1G", "30:00", "cpu")
        script = next(tmp_path.glob("cheap/iter.000000/start/*/FW_submit.script")).read_text()
        assert "--signal=B:TERM@180" in script
        assert "gres" not in script
        assert "$$" not in script
    finally:
        slurm.run("scancel", "--partition=cpu")
        slurm.run("scontrol", "update", f"NodeName={os.uname().nodename}", "State=RESUME")


def test_what_the_queue_says_is_shown_written_down_and_nothing_is_lost(
    slurm: OneNode, connection: Connection, tmp_path: Path
) -> None:
    site = Site(tmp_path, slurm, connection)
    before = site.states()
    site.partition("cpu", "INACTIVE")
    try:
        done = site.ask("submitter", "site", "--once")
    finally:
        site.partition("cpu", "UP")
    assert done.returncode == 1, done.stdout
    assert "sbatch" in done.stdout
    assert "state (not available)" in done.stdout or "partition" in done.stdout.lower()
    assert site.states() == before
    with Store(connection) as store:
        events = [e for e in store.events.latest("cheap", 20) if e.kind == "queue-refused"]
    assert len(events) == 1
    assert "sbatch" in events[0].text
    assert site.ask("submitter", "site", "--once").returncode == 0
    slurm.run("scancel", "--partition=cpu")


def test_fireworks_of_others_never_reach_the_queue(
    slurm: OneNode, connection: Connection, tmp_path: Path
) -> None:
    site = Site(tmp_path, slurm, connection)
    with open_launchpad(connection) as launchpad:
        launchpad.fireworks.delete_many({})
        evil = {"_queueadapter": {"pre_rocket": f"touch {tmp_path}/owned"}, "_category": "cpu"}
        launchpad.add_wf(Firework([ScriptTask.from_str("true")], spec=evil))
    with Store(connection) as store:
        store.campaigns.set_state("cheap", "stopped", "test")
    done = site.ask("submitter", "site", "--once")
    assert "submitted 0 jobs" in done.stdout
    files = ("-w", "site/fworkers/cpu.yaml", "-q", "site/qadapters/cpu.yaml")
    qlaunch = AL_LOOP.with_name("qlaunch")
    done = site.ask("-c", "site", *files, "-r", "rapidfire", program=qlaunch)
    assert done.returncode == 0, done.stdout
    assert site.queue() == []
    assert site.states() == ["READY"]
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("by", ["submitter", "qlaunch"])
def test_nodes_without_a_database_run_jobs_and_the_login_node_recovers_them(
    by: str, slurm: OneNode, connection: Connection, tmp_path: Path
) -> None:
    site = Site(tmp_path, slurm, connection, "--offline")
    if by == "submitter":
        done = site.ask("submitter", "site", "--once")
    else:
        files = ("-w", "site/fworkers/cpu.yaml", "-q", "site/qadapters/cpu.yaml")
        qlaunch = AL_LOOP.with_name("qlaunch")
        done = site.ask("-c", "site", *files, "-r", "rapidfire", program=qlaunch)
    assert done.returncode == 0, done.stdout
    assert set(site.states()) == {"RESERVED"}
    jobs = sorted(tmp_path.glob("cheap/iter.000000/start/chunk-*"))
    until(lambda: site.queue() == [], lambda: str(site.queue()))
    for job in jobs:
        assert json.loads((job / "FW_offline.json").read_text())["state"] == "COMPLETED"
        logs = "".join(log.read_text() for log in job.glob("queue-*.log"))
        assert "offline job: COMPLETED" in logs
    half = jobs[0] / "FW_offline.json"
    half.write_text(half.read_text()[:40])
    with Store(connection) as store:
        assert len(store.jobs.due("cheap", 0, "start")) == len(jobs), "not before it is recovered"
    done = site.ask("submitter", "site", "--once")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("COMPLETED") == len(jobs)
    with Store(connection) as store:
        latest = store.iterations.latest("cheap")
        assert latest is not None
        assert latest.stage == "train"
    with open_launchpad(connection) as launchpad:
        assert recover(launchpad) == []
    slurm.run("scancel", "--partition=gpu")


def test_a_queue_without_its_commands_is_an_error_with_a_way_out(
    slurm: OneNode, connection: Connection, tmp_path: Path
) -> None:
    site = Site(tmp_path, slurm, connection)
    adapter = tmp_path / "site" / "qadapters" / "cpu.yaml"
    override = "_q_commands_override: {submit_cmd: no-such-sbatch}\n"
    adapter.write_text(adapter.read_text() + override)
    done = site.ask("submitter", "site", "--once")
    assert done.returncode == 1, done.stdout
    assert "no-such-sbatch" in done.stdout
    assert set(site.states()) == {"READY"}
    done = site.ask("launchpad", "check", "site")
    assert done.returncode == 2
    assert "no-such-sbatch" in done.stdout
