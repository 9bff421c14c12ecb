"""What may run: only fireworks that look exactly as ours do, by query and by check alike."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fireworks import Firework, FWorker, LaunchPad, PyTask, ScriptTask

from al_loop.campaign import CampaignSpec, load_campaign
from al_loop.launch.guard import NotOurs, check_firework, check_launches, check_spec, only_ours
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.run import submit
from al_loop.store import Connection
from tests.campaigns import CHEAP, write_campaign

pytestmark = pytest.mark.engine

Spec = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guard")


@pytest.fixture(scope="module")
def spec(folder: Path) -> CampaignSpec:
    spec = load_campaign(write_campaign(folder, CHEAP, name="cheap"))
    return spec.model_copy(update={"folder": str(folder / "cheap")})


@pytest.fixture(scope="module")
def database(new_database: Callable[[], Connection]) -> Connection:
    return new_database()


@pytest.fixture(scope="module")
def launchpad(database: Connection, spec: CampaignSpec, folder: Path) -> Iterator[LaunchPad]:
    """A campaign that was submitted; each test leaves its fireworks as they were."""
    submit(database, spec, base=folder)
    with open_launchpad(database) as opened:
        yield opened


def test_our_own_fireworks_pass_query_and_check(launchpad: LaunchPad) -> None:
    everything = list(launchpad.fireworks.find())
    assert everything
    assert launchpad.fireworks.count_documents(only_ours()) == len(everything)
    for firework in everything:
        assert check_spec(firework["spec"]).folder.is_absolute()


def put(path: str, value: Any) -> Callable[[Spec], None]:
    """A change of one key of a spec; the path is dotted, numbers are places in a list."""

    def change(spec: Spec) -> None:
        *way, last = path.split(".")
        for step in way:
            spec = spec[int(step)] if isinstance(spec, list) else spec.setdefault(step, {})
        spec[last if not isinstance(spec, list) else int(last)] = value

    return change


def both_folders(spec: Spec, folder: str) -> None:
    put("_launch_dir", folder)(spec)
    put("_tasks.0.folder", folder)(spec)


HOSTILE: dict[str, Callable[[Spec], None]] = {
    "a shell command": put("_tasks.0", ScriptTask.from_str("touch owned").to_dict()),
    "a Python function": put("_tasks.0", PyTask(func="os.system", args=["touch owned"]).to_dict()),
    "a third task": lambda s: s["_tasks"].append(ScriptTask.from_str("touch owned").to_dict()),
    "only half of it": lambda s: s["_tasks"].pop(),
    "tasks that are no list": put("_tasks", {"0": {}, "1": {}}),
    "a task in the background": put("_background_tasks", [{"_fw_name": "BackgroundTask"}]),
    "files to fetch": put("_files_in", {"a": "b"}),
    "a recovery": put("_recovery", {"_mode": "cp", "_prev_dir": "/"}),
    "a duplicate finder": put("_dupefinder", {"_fw_name": "DupeFinderExact"}),
    "a tracker": put("_trackers", [{"filename": "/etc/passwd"}]),
    "an environment": put("_fw_env", {"a": "b"}),
    "an unknown parameter": put("_tasks.0.command", "touch owned"),
    "an object among the engines": put("_tasks.0.engines.train", {"_fw_name": "ScriptTask"}),
    "an unknown kind of engine": put("_tasks.0.engines.shell", "sh"),
    "an object among the names": put("al_loop.id", {"@module": "os", "@class": "system"}),
    "names that are no mapping": put("al_loop", ["schema", 1]),
    "another schema": put("al_loop.schema", 2),
    "another folder than it says": put("_launch_dir", "/tmp"),
    "a relative folder": lambda s: both_folders(s, s["_launch_dir"].lstrip("/")),
    "a folder that is a command": lambda s: both_folders(
        s, f'/tmp"; touch owned; "{s["_launch_dir"]}'
    ),
    "a folder that is no job's": lambda s: both_folders(s, "/tmp"),
    "a folder that leads out of a campaign": lambda s: both_folders(
        s, f"{s['_launch_dir']}/../../../.."
    ),
    "the folder of another job": lambda s: both_folders(s, f"{s['_launch_dir']}-x"),
    "a folder of another stage": lambda s: both_folders(
        s, s["_launch_dir"].replace("/start/", "/train/")
    ),
    "a job whose name is a path": lambda s: (
        put("al_loop.job", "../x")(s),
        both_folders(s, s["_launch_dir"].rpartition("/")[0] + "/../x"),
    )[0],
    "a job whose name is a pattern": put("al_loop.job", ".*"),
    "a stage that does not exist": put("al_loop.stage", ".."),
    "a queue request that is a command": put("_queueadapter.job_name", "x\ntouch owned"),
    "a queue request that ends a line": put("_queueadapter.walltime", "01:00:00\n"),
    "a queue key of its own": put("_queueadapter.pre_rocket", "touch owned"),
    "a queue request that is no mapping": put("_queueadapter", ["pre_rocket"]),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_whatever_does_not_look_like_ours_is_neither_found_nor_accepted(
    launchpad: LaunchPad, change: Callable[[Spec], None]
) -> None:
    mine = launchpad.fireworks.find_one({}, sort=[("fw_id", 1)])
    hostile = copy.deepcopy(mine["spec"])
    change(hostile)
    launchpad.fireworks.update_one({"fw_id": mine["fw_id"]}, {"$set": {"spec": hostile}})
    with pytest.raises(NotOurs, match="left alone"):
        check_spec(hostile, fw_id=mine["fw_id"])
    query = {"fw_id": mine["fw_id"], **only_ours()}
    assert launchpad.fireworks.count_documents(query) == 0
    others = launchpad.fireworks.count_documents(only_ours())
    everything = launchpad.fireworks.count_documents({})
    launchpad.fireworks.update_one({"fw_id": mine["fw_id"]}, {"$set": {"spec": mine["spec"]}})
    assert others == everything - 1, "one must not hide the others"


def test_a_folder_that_no_campaign_has_claimed_is_left_alone(
    launchpad: LaunchPad, tmp_path: Path
) -> None:
    """Somebody who writes to the database and to /tmp: the spec alone shows nothing wrong."""
    raw = launchpad.fireworks.find_one({}, sort=[("fw_id", 1)])
    assert check_firework(launchpad, raw)
    names = raw["spec"]["al_loop"]
    folder = tmp_path / "iter.000000" / names["stage"] / names["job"]
    folder.mkdir(parents=True)
    both_folders(raw["spec"], str(folder))
    assert check_spec(raw["spec"]).folder == folder
    with pytest.raises(NotOurs, match=r"no campaign\.sha256"):
        check_firework(launchpad, raw)


def test_the_query_works_as_a_fireworks_worker_uses_it(launchpad: LaunchPad) -> None:
    launchpad.add_wf(Firework([ScriptTask.from_str("touch owned")], spec={"_priority": 10**9}))
    worker = FWorker.from_dict(FWorker("w", query=only_ours()).to_dict())
    firework, _ = launchpad.checkout_fw(worker, "/tmp")
    launchpad.rerun_fw(firework.fw_id)
    launchpad.delete_wf(launchpad.fireworks.find_one({"spec._priority": 10**9})["fw_id"])
    assert firework.spec["al_loop"]["campaign"] == "cheap"


def test_an_object_hidden_in_a_former_launch_is_found() -> None:
    good = {
        "action": {"stored_data": {"_task": {"_fw_name": "{{al_loop.launch.tasks.ComputeTask}}"}}}
    }
    check_launches([good], fw_id=1)
    bad = {"action": {"stored_data": [{"x": {"@module": "os", "@class": "system"}}]}}
    with pytest.raises(NotOurs, match="of class system"):
        check_launches([good, bad], fw_id=1)


def test_fireworks_that_no_worker_would_run_are_put_up_anew(
    database: Connection, spec: CampaignSpec, launchpad: LaunchPad, folder: Path
) -> None:
    before = launchpad.fireworks.count_documents({})
    launchpad.fireworks.update_one({}, {"$unset": {"spec.al_loop.schema": ""}})
    submit(database, spec, base=folder)
    assert launchpad.fireworks.count_documents(only_ours()) == before
    assert launchpad.fireworks.count_documents({}) == before
    nodes = [node for w in launchpad.workflows.find() for node in w["nodes"]]
    assert sorted(nodes) == sorted(launchpad.fireworks.distinct("fw_id"))
