"""Nodes that reach no database: run from a folder, recovered from the login node."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fireworks import FWorker, LaunchPad
from fireworks.queue.queue_launcher import setup_offline_job
from monty.os import cd

from al_loop.campaign import CampaignSpec, load_campaign
from al_loop.jobfolder import JobFolder
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.mending import mend
from al_loop.launch.offline import recover
from al_loop.launch.run import submit
from al_loop.store import Connection, Store
from tests.campaigns import AL_LOOP, CHEAP, computed, write_campaign

pytestmark = pytest.mark.engine

GATED = Path(__file__).with_name("gated")
SECONDS = 120.0


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(GATED))
    (tmp_path / "gate").mkdir()
    return tmp_path / "gate"


@pytest.fixture
def spec(tmp_path: Path, gate: Path) -> CampaignSpec:
    gated = f"engine: gated\n  options: {{{{gate: {gate}}}}}"
    text = CHEAP.replace("engine: pair", gated)
    spec = load_campaign(write_campaign(tmp_path, text, name="cheap"))
    return spec.model_copy(update={"folder": str(tmp_path / "cheap")})


@pytest.fixture
def launchpad(connection: Connection, spec: CampaignSpec, tmp_path: Path) -> Iterator[LaunchPad]:
    submit(connection, spec, base=tmp_path)
    with open_launchpad(connection) as opened:
        yield opened


@pytest.fixture
def folder(launchpad: LaunchPad, tmp_path: Path) -> Path:
    """A job's folder as FireWorks' `qlaunch -r` leaves it for `--offline`."""
    firework, launch = launchpad.reserve_fw(FWorker("site"), str(tmp_path))
    place = Path(firework.spec["_launch_dir"])
    launchpad.change_launch_dir(launch, str(place))
    with cd(place):
        setup_offline_job(launchpad, firework, launch)
    return place


def node(folder: Path) -> subprocess.Popen[str]:
    """`al-loop worker --offline` on a node that knows nothing of a database."""
    kept = {k: v for k, v in os.environ.items() if k not in ("AL_LOOP_LAUNCHPAD", "FW_CONFIG_FILE")}
    return subprocess.Popen(
        [AL_LOOP, "worker", "singleshot", "--offline", "--fw_id", "1"],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(GATED), "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=SECONDS)
    return process.returncode, said


def until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def state(launchpad: LaunchPad, folder: Path) -> str:
    found = launchpad.fireworks.find_one({"spec._launch_dir": str(folder)}, {"state": 1})
    return str(found["state"])


def is_due(connection: Connection, folder: Path) -> bool:
    with Store(connection) as store:
        return folder.name in {job.name for job in store.jobs.due("cheap", 0, "start")}


def test_a_job_that_ran_without_a_database_is_taken_in(
    launchpad: LaunchPad, folder: Path, connection: Connection
) -> None:
    code, said = ended(node(folder))
    assert code == 0, said
    assert "COMPLETED" in said
    assert state(launchpad, folder) == "RESERVED"
    assert [one.state for one in recover(launchpad)] == ["COMPLETED"]
    assert state(launchpad, folder) == "COMPLETED"
    assert recover(launchpad) == [], "what is recovered is not recovered again"
    with Store(connection) as store:
        mend(store, launchpad, "cheap")
    assert not is_due(connection, folder)
    assert set(computed(folder.parents[1]).values()) == {1}


def test_the_mending_pass_recovers_too(
    launchpad: LaunchPad, folder: Path, connection: Connection
) -> None:
    assert ended(node(folder))[0] == 0
    with Store(connection) as store:
        mend(store, launchpad, "cheap")
    assert state(launchpad, folder) == "COMPLETED"
    assert not is_due(connection, folder)


def test_while_it_runs_it_is_running_and_no_more(
    launchpad: LaunchPad, folder: Path, gate: Path
) -> None:
    (gate / "shut").touch()
    process = node(folder)
    until((gate / "held.none").exists, process)
    assert recover(launchpad) == []
    assert state(launchpad, folder) == "RUNNING"
    (gate / "shut").unlink()
    assert ended(process)[0] == 0
    assert [one.state for one in recover(launchpad)] == ["COMPLETED"]


def test_a_job_that_was_stopped_is_ready_again_and_has_not_failed(
    launchpad: LaunchPad, folder: Path, gate: Path, connection: Connection
) -> None:
    (gate / "shut").touch()
    process = node(folder)
    until((gate / "held.none").exists, process)
    process.terminate()
    code, said = ended(process)
    assert code == 0, said
    assert "offline job: stopped" in said
    assert [one.state for one in recover(launchpad)] == ["stopped"]
    with Store(connection) as store:
        mend(store, launchpad, "cheap")
    assert state(launchpad, folder) == "READY"
    assert JobFolder(folder).failures() == []


@pytest.mark.parametrize("left", ["", '{"launch_id": 1, "state": "COMPL'], ids=["gone", "half"])
def test_a_file_that_is_lost_costs_nothing_when_the_result_is_there(
    left: str, launchpad: LaunchPad, folder: Path
) -> None:
    assert ended(node(folder))[0] == 0
    (folder / "FW_offline.json").write_text(left)
    assert [one.state for one in recover(launchpad)] == ["COMPLETED"]


@pytest.mark.parametrize("left", ["", "{", "[]", '{"launch_id": 99, "state": "COMPLETED"}'])
def test_nothing_is_concluded_from_a_file_that_says_nothing(
    left: str, launchpad: LaunchPad, folder: Path
) -> None:
    (folder / "FW_offline.json").write_text(left)
    assert recover(launchpad) == []
    assert state(launchpad, folder) == "RESERVED"


def test_what_was_put_back_meanwhile_is_forgotten(launchpad: LaunchPad, folder: Path) -> None:
    launchpad.rerun_fw(launchpad.fireworks.find_one({"state": "RESERVED"})["fw_id"])
    assert recover(launchpad) == []
    assert launchpad.offline_runs.distinct("deprecated") == [True]
    assert state(launchpad, folder) == "READY"


def test_what_is_not_ours_is_not_run_offline_either(folder: Path, tmp_path: Path) -> None:
    firework = json.loads((folder / "FW.json").read_text())
    script = {"_fw_name": "ScriptTask", "script": f"touch {tmp_path}/owned", "use_shell": True}
    firework["spec"]["_tasks"][0] = script
    (folder / "FW.json").write_text(json.dumps(firework))
    code, said = ended(node(folder))
    assert code == 3, said
    assert "left alone" in said
    assert not (tmp_path / "owned").exists()
