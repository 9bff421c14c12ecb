"""What killed processes and careless hands leave behind in FireWorks and in folders."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from fireworks import FWorker, LaunchPad

from al_loop.campaign import CampaignSpec, load_campaign
from al_loop.errors import UserError
from al_loop.jobfolder import JobFolder
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.reconcile import reconcile, worker_name
from al_loop.launch.run import submit
from al_loop.loop.jobs import run_job
from al_loop.store import Connection, Store
from tests.campaigns import CHEAP, write_campaign

pytestmark = pytest.mark.engine


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


def states(launchpad: LaunchPad) -> list[str]:
    return [fw["state"] for fw in launchpad.fireworks.find({}, {"state": 1}).sort("fw_id", 1)]


def dead_process() -> str:
    code = "from al_loop.loop.advance import process_name; print(process_name())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_what_a_dead_worker_ran_is_put_back(launchpad: LaunchPad, tmp_path: Path) -> None:
    firework, _ = launchpad.checkout_fw(FWorker(worker_name(dead_process())), str(tmp_path))
    assert "RUNNING" in states(launchpad)
    assert reconcile(launchpad, "cheap") == [firework.fw_id]
    assert set(states(launchpad)) == {"READY"}


def test_what_a_live_worker_runs_is_left_alone(launchpad: LaunchPad, tmp_path: Path) -> None:
    from al_loop.loop.advance import process_name

    launchpad.checkout_fw(FWorker(worker_name(process_name())), str(tmp_path))
    assert reconcile(launchpad, "cheap") == []
    assert states(launchpad).count("RUNNING") == 1


def test_what_was_reserved_and_never_launched_is_put_back(launchpad: LaunchPad) -> None:
    long_ago = datetime.now(timezone.utc) - timedelta(minutes=1)
    launchpad.fireworks.update_one({}, {"$set": {"state": "RESERVED", "updated_on": long_ago}})
    assert len(reconcile(launchpad, "cheap")) == 1
    assert set(states(launchpad)) == {"READY"}


def test_a_lock_that_stays_is_taken_away(launchpad: LaunchPad) -> None:
    launchpad.workflows.update_many({}, {"$set": {"locked": True}})
    reconcile(launchpad, "cheap")
    assert launchpad.workflows.count_documents({"locked": {"$exists": True}}) == 0


def put_up_again(connection: Connection, spec: CampaignSpec, launchpad: LaunchPad) -> list[str]:
    submit(connection, spec, base=Path())
    nodes = set(launchpad.workflows.distinct("nodes"))
    assert nodes == set(launchpad.fireworks.distinct("fw_id"))
    return states(launchpad)


@pytest.mark.parametrize(
    "harm",
    [
        lambda lp: lp.archive_wf(lp.fireworks.find_one()["fw_id"]),
        lambda lp: lp.fireworks.delete_one({}),
        lambda lp: lp.fireworks.delete_many({}),
        lambda lp: lp.workflows.delete_many({}),
    ],
    ids=["archived", "one firework gone", "all fireworks gone", "workflows gone"],
)
def test_whatever_is_missing_in_fireworks_is_put_up_again(
    connection: Connection,
    spec: CampaignSpec,
    launchpad: LaunchPad,
    harm: Callable[[LaunchPad], None],
) -> None:
    before = states(launchpad)
    harm(launchpad)
    assert put_up_again(connection, spec, launchpad) == before


def test_a_job_folder_that_is_deleted_is_written_again(
    connection: Connection, spec: CampaignSpec, launchpad: LaunchPad, tmp_path: Path
) -> None:
    folder = tmp_path / "cheap" / "iter.000000" / "start" / "chunk-000"
    before = JobFolder(folder).spec()
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    put_up_again(connection, spec, launchpad)
    assert JobFolder(folder).spec() == before


def test_labels_of_another_job_are_never_taken_in(
    connection: Connection, spec: CampaignSpec, launchpad: LaunchPad, tmp_path: Path
) -> None:
    start = tmp_path / "cheap" / "iter.000000" / "start"
    run_job(start / "chunk-001")
    (start / "chunk-000").rename(tmp_path / "own")
    (start / "chunk-001").rename(start / "chunk-000")
    put_up_again(connection, spec, launchpad)
    with Store(connection) as store:
        due = {job.name for job in store.jobs.due("cheap", 0, "start")}
        kinds = {event.kind for event in store.events.latest("cheap", 20)}
    assert {"chunk-000", "chunk-001"} <= due
    assert "job-damaged" in kinds
    assert JobFolder(start / "chunk-000").spec() == JobFolder(tmp_path / "own").spec()


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
