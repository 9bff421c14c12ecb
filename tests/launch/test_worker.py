"""`al-loop worker`: what it takes, what it leaves alone, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fireworks import Firework, LaunchPad, ScriptTask

from al_loop.campaign import load_campaign
from al_loop.jobfolder import JobFolder
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.run import submit
from al_loop.store import Connection, Store
from tests.campaigns import AL_LOOP, CHEAP, Outcome, outcome, write_campaign
from tests.processes import command, descendants

pytestmark = pytest.mark.engine

GATED = Path(__file__).with_name("gated")
SECONDS = 120.0


class Camp:
    """The cheap campaign, submitted, with its labels behind a gate; and workers for it."""

    def __init__(self, folder: Path, connection: Connection) -> None:
        self.folder, self.connection = folder, connection
        self.gate = folder / "gate"
        self.gate.mkdir()
        self.launchpad_file = folder / "site.yaml"
        connection.to_launchpad_file(self.launchpad_file)
        gated = f"engine: gated\n  options: {{{{gate: {self.gate}}}}}"
        queues = "resources: {{cores: 2, label: {{queue: cpu}}, train: {{queue: gpu}}}}"
        text = CHEAP.replace("engine: pair", gated).replace("resources: {{cores: 2}}", queues)
        spec = load_campaign(write_campaign(folder, text, name="cheap"))
        submit(connection, spec.model_copy(update={"folder": str(folder / "cheap")}), base=folder)

    def worker(self, *arguments: str | Path, engines: bool = True) -> subprocess.Popen[str]:
        """`al-loop worker`, in an empty folder."""
        place = self.folder / f"place-{time.monotonic_ns()}"
        place.mkdir()
        return subprocess.Popen(
            [AL_LOOP, "worker", *arguments, "-l", self.launchpad_file],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(GATED) if engines else ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def shut(self) -> None:
        (self.gate / "shut").touch()

    def is_held(self) -> bool:
        return (self.gate / "held.none").exists()

    @contextmanager
    def fireworks(self) -> Iterator[LaunchPad]:
        with open_launchpad(self.connection) as launchpad:
            yield launchpad

    def all_documents(self) -> list[Any]:
        with self.fireworks() as launchpad:
            return [
                list(table.find({}, {"_id": 0}))
                for table in (launchpad.fireworks, launchpad.launches, launchpad.workflows)
            ]

    def states(self) -> set[str]:
        with self.fireworks() as launchpad:
            return set(launchpad.fireworks.distinct("state"))


@pytest.fixture
def camp(tmp_path: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> Camp:
    monkeypatch.syspath_prepend(str(GATED))
    return Camp(tmp_path, connection)


def until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def insist_that_they_end(processes: list[int]) -> None:
    """Helpers of a worker notice within a moment that it is gone."""
    end = time.monotonic() + SECONDS
    while left := [command(pid) for pid in processes if command(pid)]:
        assert time.monotonic() < end, left
        time.sleep(0.02)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=SECONDS)
    return process.returncode, said


def test_one_worker_carries_a_campaign_to_its_end(camp: Camp, undisturbed: Outcome) -> None:
    code, said = ended(camp.worker("--campaign", "cheap"))
    assert code == 0, said
    with Store(camp.connection) as store:
        found = outcome(store, "cheap")
    assert (found.state, found.chosen) == (undisturbed.state, undisturbed.chosen)
    with camp.fireworks() as launchpad:
        workers = launchpad.launches.distinct("fworker.name")
        queries = launchpad.launches.distinct("fworker.query")
    assert len(workers) == 1
    assert workers[0].startswith("al-loop "), "others find its process by its name"
    assert max(map(len, queries)) < 100, "the guard's long query is not written in each launch"
    assert [p.name for p in camp.folder.glob("place-*/*")] == []
    assert len(list(camp.folder.glob("place-*"))) == 1, "FireWorks removes an empty folder"


def test_a_kind_of_node_takes_only_jobs_of_its_queue(camp: Camp, tmp_path: Path) -> None:
    file = tmp_path / "gpu.yaml"
    file.write_text("name: gpu nodes\ncategory: [gpu, null]\nquery: '{}'\n")
    before = camp.all_documents()
    code, said = ended(camp.worker("--fworker", file))
    assert (code, camp.all_documents()) == (0, before), said
    file.write_text("name: cpu nodes\ncategory: cpu\nquery: '{}'\n")
    code, said = ended(camp.worker("--fworker", file))
    assert code == 0, said
    with Store(camp.connection) as store:
        latest = store.iterations.latest("cheap")
        assert latest is not None
        assert (latest.index, latest.stage) == (0, "train")
    with camp.fireworks() as launchpad:
        assert launchpad.launches.distinct("fworker.env.fworker") == ["cpu nodes"]


def test_late_stages_of_old_iterations_are_taken_first(camp: Camp) -> None:
    with camp.fireworks() as launchpad:
        mine = launchpad.fireworks.find_one({}, sort=[("fw_id", -1)])
        urgent = {"$set": {"spec._priority": mine["spec"]["_priority"] + 1}}
        launchpad.fireworks.update_one({"fw_id": mine["fw_id"]}, urgent)
    code, said = ended(camp.worker("singleshot"))
    assert code == 0, said
    with camp.fireworks() as launchpad:
        assert launchpad.launches.distinct("fw_id") == [mine["fw_id"]]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_stops_the_job_cleanly_and_puts_it_back(camp: Camp, number: int) -> None:
    camp.shut()
    worker = camp.worker()
    until(camp.is_held, worker)
    family = descendants(worker.pid)
    worker.send_signal(number)
    code, said = ended(worker)
    assert code == 0, said
    assert camp.states() == {"READY"}
    insist_that_they_end(family)
    jobs = camp.folder.glob("cheap/iter.000000/start/*")
    assert all(JobFolder(job).failures() == [] for job in jobs), "a stop is no failure"


def test_a_job_that_does_not_stop_is_killed_after_the_grace(camp: Camp) -> None:
    camp.shut()
    (camp.gate / "deaf.none").touch()
    worker = camp.worker("--grace", "1")
    until(camp.is_held, worker)
    family = descendants(worker.pid)
    worker.terminate()
    code, said = ended(worker)
    assert code == 0, said
    assert camp.states() == {"READY"}
    insist_that_they_end(family)


def test_the_walltime_stops_a_job_where_the_queue_sends_no_signal(camp: Camp) -> None:
    camp.shut()
    worker = camp.worker("--walltime", "0:00:25")
    until(camp.is_held, worker)
    code, said = ended(worker)
    assert code == 0, said
    assert camp.states() == {"READY"}


def test_a_stopped_job_goes_on_by_plain_rlaunch_too(camp: Camp) -> None:
    """The firework ends without its second task; the next advance finds it due and reruns it."""
    camp.shut()
    worker = camp.worker()
    until(camp.is_held, worker)
    for stop in camp.folder.glob("cheap/iter.000000/start/*/.lock"):
        stop.with_name("stop").touch()
    until(lambda: "COMPLETED" in camp.states(), worker)
    (camp.gate / "shut").unlink()
    worker.terminate()
    assert ended(worker)[0] == 0
    for stop in camp.folder.glob("cheap/iter.000000/start/*/stop"):
        stop.unlink()
    spec = load_campaign(camp.folder / "cheap.yaml")
    submit(camp.connection, spec, base=camp.folder)
    assert camp.states() == {"READY"}


def test_a_machine_without_the_engine_touches_nothing(camp: Camp) -> None:
    before = camp.all_documents()
    code, said = ended(camp.worker(engines=False))
    assert code == 3, said
    assert "gated" in said
    assert "no label engine" in said
    assert camp.all_documents() == before


def test_a_queue_job_that_can_do_nothing_tells_the_campaign_why(camp: Camp) -> None:
    with camp.fireworks() as launchpad:
        fw_id = launchpad.fireworks.find_one({})["fw_id"]
    before = camp.all_documents()
    code, said = ended(camp.worker("singleshot", "--fw_id", str(fw_id), engines=False))
    assert code == 3, said
    assert camp.all_documents() == before
    with Store(camp.connection) as store:
        events = {event.kind: event.text for event in store.events.latest("cheap", 20)}
    assert "no label engine" in events["node-unfit"]


def test_a_machine_that_does_not_see_the_folders_touches_nothing(camp: Camp) -> None:
    before = camp.all_documents()
    (camp.folder / "cheap").rename(camp.folder / "elsewhere")
    code, said = ended(camp.worker())
    assert code == 3, said
    assert "this machine sees" in said
    assert camp.all_documents() == before
    assert not (camp.folder / "cheap").exists()


def test_what_is_not_ours_is_never_run(camp: Camp, tmp_path: Path) -> None:
    with camp.fireworks() as launchpad:
        touch = ScriptTask.from_str(f"touch {tmp_path}/owned")
        ids = launchpad.add_wf(Firework([touch], spec={"_priority": 10**9}))
        launchpad.add_wf(Firework([touch], spec={"al_loop": {"schema": 1}, "_priority": 10**9}))
        foreign = ids[min(ids)]
    code, said = ended(camp.worker("--timeout", "5"))
    assert code == 0, said
    assert "2 fireworks that are not al_loop's" in said
    code, said = ended(camp.worker("singleshot", "--fw_id", str(foreign)))
    assert code == 3, said
    assert f"firework {foreign}" in said
    assert not (tmp_path / "owned").exists()
    with camp.fireworks() as launchpad:
        assert launchpad.fireworks.find_one({"fw_id": foreign})["state"] == "READY"


def test_a_firework_that_is_not_waiting_any_more_is_left_alone(camp: Camp) -> None:
    with camp.fireworks() as launchpad:
        fw_id = launchpad.fireworks.find_one({})["fw_id"]
        launchpad.defuse_fw(fw_id)
    before = camp.all_documents()
    code, said = ended(camp.worker("singleshot", "--fw_id", str(fw_id)))
    assert code == 0, said
    assert "DEFUSED" in said
    assert camp.all_documents() == before
