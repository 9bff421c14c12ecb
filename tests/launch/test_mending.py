"""What killed processes and careless hands leave behind is put right, once, and nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from fireworks import Firework, FWAction, FWorker, LaunchPad

from al_loop.campaign import CampaignSpec, load_campaign
from al_loop.errors import UserError
from al_loop.jobfolder import JobFolder
from al_loop.launch import control
from al_loop.launch.alive import WORKER_PREFIX, worker_name
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.mending import Mended, Scene, damage, locks, mend, orphans, runs, states
from al_loop.launch.run import submit
from al_loop.launch.schedulers import QueueJob
from al_loop.launch.tasks import ComputeTask
from al_loop.launch.workflows import remove_workflows
from al_loop.loop.advance import process_name
from al_loop.loop.context import STAMP
from al_loop.loop.jobs import run_job
from al_loop.store import Connection, Store
from tests.campaigns import CHEAP, write_campaign

pytestmark = pytest.mark.engine

TASK = ComputeTask(folder="/tmp", engines={})

LONG = 30.0
"""A patience (s) that is never used up, only waited for what must happen before."""


@pytest.fixture
def spec(tmp_path: Path) -> CampaignSpec:
    spec = load_campaign(write_campaign(tmp_path, CHEAP, name="cheap"))
    return spec.model_copy(update={"folder": str(tmp_path / "cheap")})


@pytest.fixture
def launchpad(connection: Connection, spec: CampaignSpec, tmp_path: Path) -> Iterator[LaunchPad]:
    """The cheap campaign, submitted: its first label jobs wait for workers."""
    submit(connection, spec, base=tmp_path)
    with open_launchpad(connection) as opened:
        yield opened


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What must look broken for seconds is broken at once."""
    monkeypatch.setattr(locks, "HELD_SECONDS", 0.0)
    monkeypatch.setattr(runs, "UNLAUNCHED_SECONDS", 0.0)
    monkeypatch.setattr(runs, "QUEUE_SECONDS", 0.0)
    monkeypatch.setattr(states, "HALFWAY_SECONDS", 0.0)
    monkeypatch.setattr(orphans, "PUT_UP_SECONDS", 0.0)


def fireworks(launchpad: LaunchPad) -> list[str]:
    return [fw["state"] for fw in launchpad.fireworks.find({}, {"state": 1}).sort("fw_id", 1)]


def noted(launchpad: LaunchPad) -> dict[str, str]:
    """States as the workflows note them."""
    return {k: v for wf in launchpad.workflows.find() for k, v in wf["fw_states"].items()}


def codes(mended: list[Mended]) -> list[str]:
    return [one.code for one in mended]


def all_ready(launchpad: LaunchPad) -> bool:
    return set(fireworks(launchpad)) == {"READY"} == set(noted(launchpad).values())


def dead_process() -> str:
    code = "from al_loop.loop.advance import process_name; print(process_name())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def start(launchpad: LaunchPad, folder: Path, worker: str, host: str = "here") -> int:
    """A worker checks a firework out; the launch's id."""
    _, launch = launchpad.checkout_fw(FWorker(worker), str(folder), host=host)
    assert launch is not None
    return int(launch)


def beat(launchpad: LaunchPad, launch: int, when: datetime) -> None:
    """The heartbeat of a launch, written with a clock that may be wrong."""
    launchpad.launches.update_one(
        {"launch_id": launch}, {"$set": {"state_history.$[].updated_on": when.isoformat()}}
    )


# -- runs


def test_what_a_dead_worker_ran_is_put_back_at_once(
    store: Store, launchpad: LaunchPad, tmp_path: Path
) -> None:
    launch = start(launchpad, tmp_path, worker_name(dead_process()))
    assert "RUNNING" in fireworks(launchpad)
    (found,) = mend(store, launchpad, "cheap")
    assert (found.code, found.campaign) == ("run-lost", "cheap")
    assert all_ready(launchpad)
    assert launchpad.launches.find_one({"launch_id": launch})["state"] == "FIZZLED"
    assert "mended" in {event.kind for event in store.events.latest("cheap", 5)}


def test_what_a_live_worker_runs_is_left_alone(
    store: Store, launchpad: LaunchPad, tmp_path: Path, hasty: None
) -> None:
    launch = start(launchpad, tmp_path, worker_name(process_name()))
    beat(launchpad, launch, datetime.now(timezone.utc) - timedelta(days=9))
    assert mend(store, launchpad, "cheap") == []
    assert fireworks(launchpad).count("RUNNING") == 1


def test_a_run_whose_end_could_not_be_written_is_lost_when_its_worker_goes_on(
    store: Store, launchpad: LaunchPad, tmp_path: Path
) -> None:
    me = worker_name(process_name())
    start(launchpad, tmp_path, me)
    start(launchpad, tmp_path, me)
    assert codes(mend(store, launchpad, "cheap")) == ["run-lost"]
    assert fireworks(launchpad).count("RUNNING") == 1


OTHER_HOST = f"{WORKER_PREFIX}node17:4711:boot-1"


@pytest.mark.parametrize("worker", [OTHER_HOST, "rlaunch on node17"])
@pytest.mark.parametrize("hours_off", [-1, 0, 1])
def test_a_worker_elsewhere_is_dead_when_its_heartbeat_stops_whatever_its_clock(
    store: Store,
    launchpad: LaunchPad,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    worker: str,
    hours_off: int,
) -> None:
    monkeypatch.setattr(runs, "silence", lambda _: 0.3)
    launch = start(launchpad, tmp_path, worker)
    clock = datetime.now(timezone.utc) + timedelta(hours=hours_off)
    for beats in range(4):
        beat(launchpad, launch, clock + timedelta(seconds=beats))
        assert mend(store, launchpad, "cheap") == []
    assert codes(mend(store, launchpad, "cheap", patience=LONG)) == ["run-lost"]
    assert all_ready(launchpad)


def test_silence_is_ten_minutes_for_our_workers_and_as_configured_for_others() -> None:
    assert runs.silence(OTHER_HOST) == 600
    assert runs.silence("rlaunch") == 4 * 3600


def test_a_heartbeat_of_last_week_needs_no_second_look(
    store: Store, launchpad: LaunchPad, tmp_path: Path
) -> None:
    launch = start(launchpad, tmp_path, OTHER_HOST)
    beat(launchpad, launch, datetime.now(timezone.utc) - timedelta(days=7))
    assert codes(mend(store, launchpad, "cheap")) == ["run-lost"]


def test_a_job_whose_folder_is_held_by_a_process_runs_whatever_its_heartbeat_says(
    store: Store, launchpad: LaunchPad, tmp_path: Path
) -> None:
    launch = start(launchpad, tmp_path, OTHER_HOST)
    beat(launchpad, launch, datetime.now(timezone.utc) - timedelta(days=7))
    running = launchpad.fireworks.find_one({"state": "RUNNING"})
    with JobFolder(Path(running["spec"]["_launch_dir"])).lock():
        assert mend(store, launchpad, "cheap") == []
    assert codes(mend(store, launchpad, "cheap")) == ["run-lost"]


def test_a_kill_between_checkout_and_launch_is_put_back(store: Store, launchpad: LaunchPad) -> None:
    launchpad._get_a_fw_to_run()
    assert "RESERVED" in fireworks(launchpad)
    assert mend(store, launchpad, "cheap") == []  # a live worker may be just there
    assert codes(mend(store, launchpad, "cheap", patience=LONG)) == ["reservation-lost"]
    assert all_ready(launchpad)


def test_a_kill_between_reservation_and_sbatch_is_put_back_after_a_while(
    store: Store, launchpad: LaunchPad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launchpad.reserve_fw(FWorker("queue"), str(tmp_path))
    assert mend(store, launchpad, "cheap", patience=1.0) == []
    monkeypatch.setattr(runs, "UNSUBMITTED_SECONDS", 0.0)
    assert codes(mend(store, launchpad, "cheap")) == ["reservation-lost"]
    assert all_ready(launchpad)


@pytest.mark.parametrize(
    ("state", "lost"), [("waiting", False), ("running", False), ("ended", True), ("unknown", True)]
)
@pytest.mark.parametrize("launched", [False, True])
def test_the_queue_knows_whether_a_reservation_or_its_run_is_lost(
    store: Store,
    launchpad: LaunchPad,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hasty: None,
    state: str,
    lost: bool,
    launched: bool,
) -> None:
    firework, launch = launchpad.reserve_fw(FWorker("queue"), str(tmp_path))
    launchpad.set_reservation_id(launch, 4711)
    if launched:
        launchpad.checkout_fw(FWorker("queue"), str(tmp_path), fw_id=firework.fw_id)
    known = {"4711": QueueJob("4711", state)}  # type: ignore[arg-type]
    monkeypatch.setattr(runs, "_ask_queue", lambda ids: known if "4711" in set(ids) else {})
    found = codes(mend(store, launchpad, "cheap"))
    assert found == ((["run-lost"] if launched else ["reservation-lost"]) if lost else [])
    assert all_ready(launchpad) == lost


def test_a_reservation_is_left_alone_where_the_queue_cannot_be_asked(
    store: Store,
    launchpad: LaunchPad,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hasty: None,
) -> None:
    _, launch = launchpad.reserve_fw(FWorker("queue"), str(tmp_path))
    launchpad.set_reservation_id(launch, 4711)
    monkeypatch.setattr(runs, "_ask_queue", lambda ids: {})
    monkeypatch.setattr(runs, "UNSUBMITTED_SECONDS", 0.0)
    assert mend(store, launchpad, "cheap") == []


# -- locks and states


def test_a_lock_that_stays_is_taken_away(store: Store, launchpad: LaunchPad) -> None:
    launchpad.workflows.update_many({}, {"$set": {"locked": True}})
    assert codes(mend(store, launchpad, "cheap")) == ["lock-stale"]
    assert launchpad.workflows.count_documents({"locked": {"$exists": True}}) == 0


def test_a_lock_is_left_while_its_workflow_changes(store: Store, launchpad: LaunchPad) -> None:
    launchpad.workflows.update_many({}, {"$set": {"locked": True}})
    scene = Scene(store, launchpad, "cheap")
    for i in range(4):
        launchpad.workflows.update_many({}, {"$set": {"updated_on": f"moment {i}"}})
        assert damage(scene) == []


def test_a_kill_while_a_workflow_is_locked_for_a_checkout_leaves_nothing(
    store: Store, launchpad: LaunchPad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worst moment: firework and launch are written, the workflow is locked, not updated."""

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    locked = launchpad.workflows.find_one({})["_id"]
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(launchpad, "_update_wf", killed)
        patch.setattr("fireworks.core.launchpad.WFLock.__exit__", lambda *_: None)
        start(launchpad, tmp_path, worker_name(dead_process()))
    assert "locked" in launchpad.workflows.find_one({"_id": locked})
    found = codes(mend(store, launchpad, "cheap", patience=LONG))
    assert found[0] == "lock-stale"
    assert "run-lost" in found
    assert all_ready(launchpad)
    start(launchpad, tmp_path, worker_name(process_name()))


def test_an_end_that_reached_the_launch_but_not_the_firework_is_carried_on(
    store: Store,
    launchpad: LaunchPad,
    tmp_path: Path,
    hasty: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    launch = start(launchpad, tmp_path, worker_name(process_name()))
    with monkeypatch.context() as patch:
        patch.setattr(launchpad, "_refresh_wf", lambda _: None)
        launchpad.complete_launch(launch, FWAction())
    assert "RUNNING" in fireworks(launchpad)
    assert codes(mend(store, launchpad, "cheap")) == ["workflow-inconsistent"]
    assert fireworks(launchpad) == [
        noted(launchpad)[key] for key in sorted(noted(launchpad), key=int)
    ]


def test_an_end_that_fireworks_cannot_read_is_run_again(
    store: Store,
    launchpad: LaunchPad,
    tmp_path: Path,
    hasty: None,
) -> None:
    launch = start(launchpad, tmp_path, worker_name(process_name()))
    launchpad.launches.update_one({"launch_id": launch}, {"$set": {"state": "COMPLETED"}})
    assert codes(mend(store, launchpad, "cheap")) == ["workflow-inconsistent"]
    assert all_ready(launchpad)


@pytest.mark.parametrize("wrong", ["RUNNING", "RESERVED", "COMPLETED", "FIZZLED", "WAITING"])
def test_a_workflow_that_notes_another_state_than_its_firework_is_corrected(
    store: Store, launchpad: LaunchPad, hasty: None, wrong: str
) -> None:
    fw_id = launchpad.fireworks.find_one({})["fw_id"]
    launchpad.workflows.update_one({"nodes": fw_id}, {"$set": {f"fw_states.{fw_id}": wrong}})
    assert codes(mend(store, launchpad, "cheap")) == ["workflow-inconsistent"]
    assert all_ready(launchpad)


# -- fireworks and workflows that are gone


HARMS: dict[str, Callable[[LaunchPad], object]] = {
    "archived": lambda lp: lp.archive_wf(lp.fireworks.find_one()["fw_id"]),
    "one firework archived": lambda lp: lp.fireworks.update_one(
        {}, {"$set": {"state": "ARCHIVED"}}
    ),
    "one firework gone": lambda lp: lp.fireworks.delete_one({}),
    "all fireworks gone": lambda lp: lp.fireworks.delete_many({}),
    "workflows gone": lambda lp: lp.workflows.delete_many({}),
    "launches and fireworks gone": lambda lp: (
        lp.launches.delete_many({}),
        lp.fireworks.delete_many({}),
    ),
}


@pytest.mark.parametrize("harm", HARMS)
def test_whatever_is_missing_in_fireworks_is_put_up_again(
    store: Store, launchpad: LaunchPad, hasty: None, harm: str
) -> None:
    before = fireworks(launchpad)
    HARMS[harm](launchpad)
    mend(store, launchpad, "cheap")
    assert fireworks(launchpad) == before
    assert set(launchpad.workflows.distinct("nodes")) == set(launchpad.fireworks.distinct("fw_id"))
    assert all_ready(launchpad)


def test_an_orphan_of_a_job_that_is_done_is_removed(
    store: Store, launchpad: LaunchPad, hasty: None
) -> None:
    """advance() looks at what is due only; a worker that took this one would come to grief."""
    orphan = launchpad.fireworks.find_one({})
    launchpad.workflows.delete_many({"nodes": orphan["fw_id"]})
    store.database["jobs"].update_one(
        {"_id": orphan["spec"]["al_loop"]["id"]}, {"$set": {"state": "done"}}
    )
    assert "firework-orphan" in codes(mend(store, launchpad, "cheap"))
    assert launchpad.fireworks.count_documents({"fw_id": orphan["fw_id"]}) == 0


def test_fireworks_of_other_products_are_never_touched(
    store: Store, launchpad: LaunchPad, tmp_path: Path, hasty: None
) -> None:
    """They may be lost, locked, orphaned and inconsistent: that is for their owners to see."""
    launchpad.add_wf(Firework(TASK, name="foreign"))
    foreign = launchpad.fireworks.find_one({"name": "foreign"})["fw_id"]
    launchpad.checkout_fw(FWorker(worker_name(dead_process())), str(tmp_path), fw_id=foreign)
    launchpad.workflows.update_one(
        {"nodes": foreign}, {"$set": {"locked": True, f"fw_states.{foreign}": "READY"}}
    )
    launchpad.add_wf(Firework(TASK, name="orphan"))
    orphan = launchpad.fireworks.find_one({"name": "orphan"})["fw_id"]
    launchpad.workflows.delete_one({"nodes": orphan})
    everything = (
        list(launchpad.fireworks.find({"fw_id": {"$in": [foreign, orphan]}})),
        list(launchpad.workflows.find({"nodes": foreign})),
        list(launchpad.launches.find({"fw_id": foreign})),
    )
    assert mend(store, launchpad) == []
    assert everything == (
        list(launchpad.fireworks.find({"fw_id": {"$in": [foreign, orphan]}})),
        list(launchpad.workflows.find({"nodes": foreign})),
        list(launchpad.launches.find({"fw_id": foreign})),
    )


# -- several at once


def test_many_menders_at_once_put_each_thing_right_once(
    connection: Connection, launchpad: LaunchPad, tmp_path: Path
) -> None:
    lost = launchpad.fireworks.count_documents({"state": "READY"})
    dead = worker_name(dead_process())
    for _ in range(lost):
        start(launchpad, tmp_path, dead)

    def one(_: int) -> list[Mended]:
        with Store(connection) as store, open_launchpad(connection) as mine:
            return mend(store, mine, "cheap")

    with ThreadPoolExecutor(4) as threads:
        found = [m for done in threads.map(one, range(4)) for m in done]
    assert sorted(m.where for m in found) == sorted({m.where for m in found})
    assert len(found) == lost
    assert all_ready(launchpad)
    runs_again = {len(fw["archived_launches"]) for fw in launchpad.fireworks.find({})}
    assert runs_again == {1}


# -- folders and the database


def test_a_result_that_nobody_took_in_is_found_and_taken_in(
    store: Store, launchpad: LaunchPad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("al_loop.launch.mending.folders.NOTICED_SECONDS", 0.0)
    run_job(tmp_path / "cheap" / "iter.000000" / "start" / "chunk-000")
    assert codes(mend(store, launchpad, "cheap")) == ["result-waiting"]
    job = store.jobs.get("cheap/0/start/chunk-000")
    assert job is not None and job.state == "done"
    assert mend(store, launchpad, "cheap") == []


def test_a_result_that_is_cut_off_is_no_result(
    store: Store, launchpad: LaunchPad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("al_loop.launch.mending.folders.NOTICED_SECONDS", 0.0)
    folder = tmp_path / "cheap" / "iter.000000" / "start" / "chunk-000"
    run_job(folder)
    whole = (folder / "result.json").read_bytes()
    os.truncate(folder / "result.json", len(whole) // 2)
    assert mend(store, launchpad, "cheap") == []
    job = store.jobs.get("cheap/0/start/chunk-000")
    assert job is not None and job.state == "due"
    assert all_ready(launchpad)


def test_a_job_folder_that_is_deleted_is_written_again(
    store: Store, launchpad: LaunchPad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("al_loop.launch.mending.folders.NOTICED_SECONDS", 0.0)
    folder = tmp_path / "cheap" / "iter.000000" / "start" / "chunk-000"
    before = JobFolder(folder).spec()
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    assert codes(mend(store, launchpad, "cheap")) == ["folder-lost"]
    assert JobFolder(folder).spec() == before


def test_a_campaign_whose_disk_is_not_mounted_here_is_not_written_anywhere_else(
    store: Store, launchpad: LaunchPad, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "not-mounted" / "cheap"
    store.database["campaigns"].update_one({}, {"$set": {"folder": str(elsewhere)}})
    mend(store, launchpad, "cheap")
    assert not elsewhere.parent.exists()


def test_indexes_that_were_dropped_are_made_again(store: Store, launchpad: LaunchPad) -> None:
    store.database["selections"].drop_indexes()
    launchpad.workflows.drop_indexes()
    assert codes(mend(store, launchpad, "cheap")) == ["database-behind"]
    assert store.missing_indexes() == []
    assert any("metadata.key" in str(i["key"]) for i in launchpad.workflows.list_indexes())


def test_labels_of_another_job_are_never_taken_in(
    store: Store, launchpad: LaunchPad, tmp_path: Path
) -> None:
    start_folder = tmp_path / "cheap" / "iter.000000" / "start"
    run_job(start_folder / "chunk-001")
    (start_folder / "chunk-000").rename(tmp_path / "own")
    (start_folder / "chunk-001").rename(start_folder / "chunk-000")
    mend(store, launchpad, "cheap")
    due = {job.name for job in store.jobs.due("cheap", 0, "start")}
    kinds = {event.kind for event in store.events.latest("cheap", 20)}
    assert {"chunk-000", "chunk-001"} <= due
    assert "job-damaged" in kinds
    assert JobFolder(start_folder / "chunk-000").spec() == JobFolder(tmp_path / "own").spec()


# -- campaigns that do not run


def test_what_a_paused_campaign_lost_waits_until_it_is_resumed(
    connection: Connection, store: Store, launchpad: LaunchPad, tmp_path: Path
) -> None:
    jobs = len(fireworks(launchpad))
    start(launchpad, tmp_path, worker_name(dead_process()))
    control.pause(connection, "cheap")
    assert codes(mend(store, launchpad, "cheap")) == ["run-lost"]
    assert not launchpad.run_exists()
    control.resume(connection, "cheap")
    assert fireworks(launchpad) == ["READY"] * jobs


def test_what_a_stopped_campaign_lost_stays_lost_until_it_is_resumed(
    connection: Connection, store: Store, launchpad: LaunchPad, tmp_path: Path
) -> None:
    jobs = len(fireworks(launchpad))
    start(launchpad, tmp_path, worker_name(dead_process()))
    control.stop(connection, "cheap")
    assert mend(store, launchpad, "cheap") == []
    assert not launchpad.run_exists()
    control.resume(connection, "cheap")
    assert fireworks(launchpad) == ["READY"] * jobs


def test_a_campaign_is_not_resumed_where_its_disk_is_missing(
    connection: Connection, store: Store, launchpad: LaunchPad, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "not-mounted" / "cheap"
    store.database["campaigns"].update_one({}, {"$set": {"folder": str(elsewhere)}})
    with pytest.raises(UserError, match="not on this machine"):
        control.resume(connection, "cheap")


# -- other hands


def test_a_folder_of_a_campaign_that_asked_for_something_else_is_refused(
    connection: Connection, spec: CampaignSpec, launchpad: LaunchPad, tmp_path: Path
) -> None:
    other = spec.model_copy(update={"name": "other", "seed": 12})
    with pytest.raises(UserError, match="asks for something else"):
        submit(connection, other, base=tmp_path)


def test_a_campaign_cannot_change_what_it_asks_for_under_the_same_name(
    connection: Connection, spec: CampaignSpec, launchpad: LaunchPad, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="seed"):
        submit(connection, spec.model_copy(update={"seed": 12}), base=tmp_path)


def test_a_campaign_that_cannot_be_carried_on_here_does_not_keep_the_others(
    launchpad: LaunchPad, store: Store, spec: CampaignSpec, tmp_path: Path
) -> None:
    record = store.campaigns.get("cheap")
    assert record is not None
    label = {**record.spec["label"], "engine": "not-installed-here"}
    folder = tmp_path / "before"
    folder.mkdir()
    (folder / STAMP).touch()
    change = {
        "name": "before",
        "spec": {**record.spec, "name": "before", "label": label},
        "folder": str(folder),
        "created": record.created - timedelta(days=1),
    }
    store.campaigns.create(record.model_copy(update=change))
    remove_workflows(launchpad, "cheap")
    with pytest.raises(UserError, match="no label engine is called 'not-installed-here'"):
        mend(store, launchpad)
    assert launchpad.fireworks.count_documents({"state": "READY"}) > 0
