"""What is put up in FireWorks, put up again, and taken back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fireworks import FWAction, FWorker, LaunchPad

from al_loop.campaign import CampaignSpec, load_campaign
from al_loop.jobfolder import JobFolder
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.run import submit
from al_loop.launch.workflows import FireworksExecutor
from al_loop.loop.context import Context
from al_loop.store import Connection, Store
from tests.campaigns import CHEAP, write_campaign

pytestmark = pytest.mark.engine

LABEL = "resources: {{cores: 2, label: {{queue: big, cores: 4, memory: 2, walltime: 600}}}}"


@pytest.fixture
def spec(tmp_path: Path) -> CampaignSpec:
    text = CHEAP.replace("resources: {{cores: 2}}", LABEL)
    spec = load_campaign(write_campaign(tmp_path, text, name="cheap"))
    return spec.model_copy(update={"folder": str(tmp_path / "cheap")})


@pytest.fixture
def launchpad(connection: Connection, spec: CampaignSpec, tmp_path: Path) -> Iterator[LaunchPad]:
    submit(connection, spec, base=tmp_path)
    with open_launchpad(connection) as opened:
        yield opened


def states(launchpad: LaunchPad) -> list[str]:
    return [fw["state"] for fw in launchpad.fireworks.find({}, {"state": 1}).sort("fw_id", 1)]


def consistent(launchpad: LaunchPad) -> bool:
    """Workflows and fireworks speak of the same things."""
    said: dict[int, str] = {}
    for workflow in launchpad.workflows.find():
        assert set(workflow["links"]) == {str(node) for node in workflow["nodes"]}
        assert set(workflow["fw_states"]) == set(workflow["links"])
        assert set(workflow["parent_links"]) <= set(workflow["links"])
        said.update(dict.fromkeys(workflow["nodes"], ""))
    return set(said) == set(launchpad.fireworks.distinct("fw_id"))


def test_a_firework_says_what_its_stage_asks_for(launchpad: LaunchPad) -> None:
    for firework in launchpad.fireworks.find():
        spec: dict[str, Any] = firework["spec"]
        assert spec["_category"] == "big"
        asked = dict(spec["_queueadapter"])
        assert asked.pop("job_name") == f"cheap-0-{spec['al_loop']['job']}"
        assert asked == {
            "cores": 4,
            "memory": 2048,
            "walltime": "00:10:00",
            "warning": 120,
            "grace": 60,
        }
        assert spec["al_loop"]["schema"] == 1


def test_what_does_not_run_is_taken_back_and_put_up_anew(
    connection: Connection, spec: CampaignSpec, launchpad: LaunchPad, tmp_path: Path
) -> None:
    everything = len(states(launchpad))
    firework, _ = launchpad.checkout_fw(FWorker("w"), str(tmp_path))
    launchpad.reserve_fw(FWorker("w"), str(tmp_path))
    paused = launchpad.fireworks.find_one({"state": "READY"})["fw_id"]
    launchpad.pause_fw(paused)
    stopped, launch = launchpad.checkout_fw(FWorker("w"), str(tmp_path))
    launchpad.complete_launch(launch, FWAction(), "COMPLETED")
    with Store(connection) as store:
        executor, ctx = FireworksExecutor(launchpad), Context(store, "cheap")
        for _ in range(2):  # harmless when it is done twice
            executor.withdraw(ctx)
            assert sorted(states(launchpad)) == ["PAUSED", "RUNNING"]
            assert launchpad.fireworks.distinct("fw_id") == sorted([firework.fw_id, paused])
            assert consistent(launchpad)
        job = store.jobs.due("cheap", 0, "start")[-1]
        executor.ensure(ctx, store.jobs.due("cheap", 0, "start"))
        assert len(states(launchpad)) == everything
        assert consistent(launchpad)
        assert job.state == "due"
    launchpad.complete_launch(
        launchpad.launches.find_one({"state": "RUNNING"})["launch_id"], FWAction()
    )
    assert consistent(launchpad), "what ran ends in a workflow that is whole"
    assert stopped.fw_id not in launchpad.fireworks.distinct("fw_id")


def test_what_is_done_stays_to_be_looked_at(
    connection: Connection, spec: CampaignSpec, launchpad: LaunchPad, tmp_path: Path
) -> None:
    firework, launch = launchpad.checkout_fw(FWorker("w"), str(tmp_path))
    launchpad.complete_launch(launch, FWAction(), "COMPLETED")
    with Store(connection) as store:
        ours = firework.spec["al_loop"]["id"]
        store.jobs.table.change({"_id": ours}, {"$set": {"state": "done"}})
        FireworksExecutor(launchpad).withdraw(Context(store, "cheap"))
    assert states(launchpad) == ["COMPLETED"]
    assert consistent(launchpad)


@pytest.mark.parametrize("state", ["PAUSED", "DEFUSED"])
def test_what_a_person_has_set_aside_stays_so_and_fails_nothing(
    state: str, connection: Connection, spec: CampaignSpec, launchpad: LaunchPad, tmp_path: Path
) -> None:
    fw_id = launchpad.fireworks.find_one({})["fw_id"]
    (launchpad.pause_fw if state == "PAUSED" else launchpad.defuse_fw)(fw_id)
    submit(connection, spec, base=tmp_path)
    assert launchpad.fireworks.find_one({"fw_id": fw_id})["state"] == state
    with Store(connection) as store:
        assert store.campaigns.state("cheap") == "running"


def test_what_ended_without_its_job_being_done_runs_again_however_often(
    connection: Connection, spec: CampaignSpec, launchpad: LaunchPad, tmp_path: Path
) -> None:
    for end in ("FIZZLED", "COMPLETED", "FIZZLED", "FIZZLED"):
        _, launch = launchpad.checkout_fw(FWorker("w"), str(tmp_path))
        launchpad.complete_launch(launch, FWAction(), end)
        submit(connection, spec, base=tmp_path)
        assert set(states(launchpad)) == {"READY"}


def test_what_failed_because_its_folder_is_gone_is_run_again_in_a_whole_one(
    connection: Connection, spec: CampaignSpec, launchpad: LaunchPad, tmp_path: Path
) -> None:
    firework, launch = launchpad.checkout_fw(FWorker("w"), str(tmp_path))
    shutil.rmtree(firework.spec["_launch_dir"])
    launchpad.complete_launch(launch, FWAction(), "FIZZLED")
    with Store(connection) as store:
        due = store.jobs.due("cheap", 0, "start")
        FireworksExecutor(launchpad).ensure(Context(store, "cheap"), due)
    assert set(states(launchpad)) == {"READY"}
    JobFolder(Path(firework.spec["_launch_dir"])).check_inputs()
