"""A campaign through a real Slurm, with what a cluster does to it on the way.

A job is cancelled, another before it has begun; one is killed for its time limit, one is warned of
it and stops cleanly; a partition takes no jobs for a while. The campaign ends as if undisturbed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from al_loop.campaign import load_campaign
from al_loop.launch.launchpad import JOB_ID, open_launchpad
from al_loop.launch.local import run_local
from al_loop.store import Connection, Store
from tests.campaigns import AL_LOOP, CHEAP, Outcome, computed, outcome, write_campaign
from tests.slurm.fixture import OneNode

pytestmark = pytest.mark.engine

GATED = Path(__file__).with_name("gated")
SHORT = CHEAP.replace("iterations: 3", "iterations: 2")
QUEUED = """\
resources:
  cores: 2
  train: {{queue: gpu, cores: 1, memory: 1, walltime: "00:10:00"}}
  explore: {{queue: gpu, cores: 1, memory: 1, walltime: "00:10:00"}}
  label: {{queue: cpu, cores: 1, memory: 1, walltime: "00:10:00"}}
"""
SECONDS = 300.0


class Cluster:
    """A site on the one-node Slurm, and a campaign for it whose labels wait behind a gate."""

    def __init__(self, folder: Path, slurm: OneNode, connection: Connection) -> None:
        self.folder, self.slurm, self.connection = folder, slurm, connection
        self.gate, self.site, self.log = folder / "gate", folder / "site", folder / "submitter.log"
        self.gate.mkdir()
        (self.gate / "shut").touch()
        text = SHORT.replace("resources: {{cores: 2}}\n", QUEUED)
        gated = f"engine: gated\n  options: {{{{gate: {self.gate}}}}}"
        write_campaign(folder, text.replace("engine: pair", gated), name="cheap")
        launchpad = folder / "my_launchpad.yaml"
        connection.to_launchpad_file(launchpad)
        queues = ("--scheduler=slurm", "--cpu-queue=cpu", "--gpu-queue=gpu", "--account=")
        self.run(AL_LOOP, "launchpad", "init", "site", *queues, "--database", launchpad)
        self.run(AL_LOOP, "launchpad", "check", "site")

    @property
    def environment(self) -> dict[str, str]:
        """What a person's shell has, and Slurm's jobs inherit."""
        return {
            **os.environ,
            **self.slurm.environment,
            "PYTHONPATH": str(GATED),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "FW_CONFIG_FILE": str(self.site / "FW_config.yaml"),
        }

    def run(self, *command: str | Path) -> str:
        """A command that must succeed, in the folder of the campaign; all that it said."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}"
        return done.stdout

    def qlaunch(self, kind: str, count: int) -> None:
        """FireWorks' own submitter, with our site's files."""
        files = ("-w", self.site / "fworkers" / f"{kind}.yaml")
        adapter = ("-q", self.site / "qadapters" / f"{kind}.yaml")
        rapidfire = ("-r", "rapidfire", "--nlaunches", str(count))
        self.run(AL_LOOP.with_name("qlaunch"), *files, *adapter, *rapidfire)

    @contextmanager
    def submitter(self) -> Iterator[None]:
        """`al-loop submitter`, ended as a person or a system ends it."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [AL_LOOP, "submitter", "site", "--every=1", "--mend-every=5", "--max-jobs=3"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield
            assert process.poll() in (None, 0), self.log.read_text()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    def in_queue(self) -> set[str]:
        """Ids of the jobs that wait, run or are being ended."""
        return set(self.slurm.run("squeue", "--noheader", "--format=%A").split())

    def held(self) -> list[str]:
        """Ids of Slurm's jobs that have come to the gate, oldest first."""
        return sorted((path.suffix[1:] for path in self.gate.glob("held.*")), key=int)

    def ends(self) -> dict[str, str]:
        """Id -> how Slurm's jobs have ended."""
        ended = {}
        for line in (self.slurm.folder / "ended.txt").read_text().splitlines():
            told = dict(word.split("=", 1) for word in line.split() if "=" in word)
            ended[told["JobId"]] = told["JobState"]
        return ended

    def chunk_of(self, job: str) -> Path:
        """Folder in which a job of Slurm's worked."""
        [log] = self.folder.glob(f"cheap/*/*/*/queue-{job}.log")
        return log.parent

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < end, self.all_that_is_known()
            time.sleep(0.1)

    def all_that_is_known(self) -> str:
        """For the person who reads why the test failed."""
        with open_launchpad(self.connection) as launchpad:
            fields = {"_id": 0, "fw_id": 1, "state": 1, JOB_ID: 1}
            states = [str(firework) for firework in launchpad.fireworks.find({}, fields)]
        logs = [self.log, *sorted(self.folder.glob("cheap/*/*/*/queue-*.log"))[-3:]]
        said = [f"{log}\n{log.read_text()[-2000:]}" for log in logs if log.exists()]
        return "\n".join([self.slurm.run("squeue", "--states=all"), *states, *said])


def processes_of(*jobs: str) -> list[str]:
    """Processes of Slurm's jobs, wherever they have gone to: they inherit its environment."""
    marks = {f"SLURM_JOB_ID={job}".encode() for job in jobs}
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if marks & set((place / "environ").read_bytes().split(b"\0")):
                found.append((place / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.fixture
def undisturbed(new_database: Callable[[], Connection], tmp_path: Path) -> Outcome:
    """The same campaign without gate, queue and FireWorks."""
    spec = load_campaign(write_campaign(tmp_path / "undisturbed", SHORT, name="cheap"))
    spec = spec.model_copy(update={"folder": str(tmp_path / "undisturbed" / "cheap")})
    with Store(new_database()) as store:
        run_local(store, spec, base=tmp_path, cores=2)
        return outcome(store, "cheap")


@pytest.fixture
def gated_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(GATED))


@pytest.mark.usefixtures("gated_is_installed")
def test_cancelled_killed_warned_and_refused_a_campaign_ends_as_if_undisturbed(
    slurm: OneNode, connection: Connection, tmp_path: Path, undisturbed: Outcome
) -> None:
    cluster = Cluster(tmp_path, slurm, connection)
    cluster.run(AL_LOOP, "submit", "cheap.yaml")
    cluster.qlaunch("cpu", 3)
    cluster.until(lambda: len(cluster.held()) == 3)
    cancelled, killed, warned = jobs = cluster.held()
    folders = {job: cluster.chunk_of(job) for job in jobs}

    slurm.run("scontrol", "update", "partitionname=cpu", "state=DOWN")  # jobs may wait in it
    cluster.qlaunch("cpu", 1)
    [waiting] = cluster.in_queue() - set(jobs)
    slurm.run("scancel", waiting)

    # Slurm looks at time limits every 30 s; the warning is due 120 s (and such a round) before.
    (cluster.gate / f"deaf.{killed}").touch()
    slurm.run("scontrol", "update", f"jobid={killed}", "EndTime=now+1")
    slurm.run("scontrol", "update", f"jobid={warned}", "EndTime=now+100")
    slurm.run("scancel", cancelled)
    slurm.run("scontrol", "update", "partitionname=cpu", "state=INACTIVE")
    with cluster.submitter():
        cluster.until(lambda: "Required partition not available" in cluster.log.read_text())
        slurm.run("scontrol", "update", "partitionname=cpu", "state=UP")
        cluster.until(lambda: cluster.in_queue().isdisjoint(jobs))
        ends = cluster.ends()
        assert [ends[job] for job in jobs] == ["CANCELLED", "TIMEOUT", "COMPLETED"]
        assert ends[waiting] == "CANCELLED"
        assert processes_of(*jobs) == []
        for job, labels in ((cancelled, 1), (killed, 0), (warned, 1)):
            assert len(list((folders[job] / "labels").glob("*.npz"))) == labels
            assert not (folders[job] / "result.json").exists()
        (cluster.gate / "shut").unlink()
        with Store(connection) as store:
            cluster.until(lambda: store.campaigns.state("cheap") != "running")
    assert f"its job {waiting} is not in the queue any more (CANCELLED)" in cluster.log.read_text()
    for job, folder in folders.items():
        assert {log.name for log in folder.glob("queue-*.log")} > {f"queue-{job}.log"}

    assert undisturbed.state == "stopped"
    with Store(connection) as store:
        assert outcome(store, "cheap") == undisturbed
        assert store.jobs.quarantined("cheap") == []
        events = store.events.latest("cheap", 1000)
    [refused] = [event.text for event in events if event.kind == "queue-refused"]
    assert "Required partition not available" in refused
    assert set(computed(tmp_path / "cheap").values()) == {1}
    cluster.until(lambda: not cluster.in_queue())
    assert processes_of(*cluster.ends()) == []
