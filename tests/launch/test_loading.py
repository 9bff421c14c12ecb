"""Objects that others hide in FireWorks' documents: reading them imports nothing of theirs."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fireworks import Firework, FWAction, FWorker, LaunchPad, Workflow
from fireworks.core.rocket_launcher import launch_rocket

from al_loop.campaign import load_campaign
from al_loop.launch.guard import OurFWorker, open_guarded
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.loading import NotOurs, only_our_objects
from al_loop.launch.run import submit
from al_loop.launch.tasks import AdvanceTask, ComputeTask
from al_loop.store import Connection
from tests.campaigns import CHEAP, write_campaign

EVIL = {"_fw_name": "{{al_loop_test_evil.Evil}}"}
MONTY = {"@module": "al_loop_test_evil", "@class": "Evil"}
CODE = """
import pathlib
pathlib.Path({owned!r}).touch()
class Evil:
    @classmethod
    def from_dict(cls, d):
        return cls()
"""


@pytest.fixture
def owned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that is there once the evil module has been imported; the module can be found."""
    place = tmp_path / "path"
    place.mkdir()
    owned = tmp_path / "owned"
    (place / "al_loop_test_evil.py").write_text(CODE.format(owned=str(owned)))
    monkeypatch.syspath_prepend(str(place))
    yield owned
    sys.modules.pop("al_loop_test_evil", None)


@pytest.mark.parametrize(
    "spec",
    [
        {"_tasks": [EVIL]},
        {"_tasks": [], "a": [{"b": EVIL}]},
        {"_tasks": [], "_dupefinder": EVIL},
        {"_tasks": [], "a": {"b": MONTY}},
    ],
    ids=["task", "deep inside", "duplicate finder", "monty"],
)
def test_fireworks_imports_what_a_document_names_and_within_al_loop_does_not(
    owned: Path, spec: dict[str, object]
) -> None:
    document = {"fw_id": 1, "spec": spec}
    with only_our_objects(), pytest.raises(NotOurs, match="it is not read"):
        Firework.from_dict(document)
    assert not owned.exists()
    with contextlib.suppress(AttributeError, TypeError, ValueError):  # what it then makes of it
        Firework.from_dict(document)
    assert owned.exists(), "the test can see an import"


def test_our_own_tasks_and_results_are_read() -> None:
    workflow = Workflow(
        [
            Firework(
                [ComputeTask(folder="/f", engines={}), AdvanceTask(campaign="c", job="j")],
                spec={"al_loop": {"id": "j"}},
            )
        ]
    )
    with only_our_objects():
        again = Workflow.from_dict(workflow.to_dict())
        action = FWAction.from_dict(FWAction(stored_data={"a": [1, {"b": "c"}]}).to_dict())
    assert [type(task) for task in again.fws[0].tasks] == [ComputeTask, AdvanceTask]
    assert action.stored_data == {"a": [1, {"b": "c"}]}


def test_others_in_this_process_get_fireworks_back(owned: Path) -> None:
    with only_our_objects():
        with only_our_objects():
            pass
        with pytest.raises(NotOurs):
            FWAction.from_dict({**FWAction().to_dict(), "stored_data": {"a": EVIL}})
    FWAction.from_dict({**FWAction().to_dict(), "stored_data": {"a": EVIL}})
    assert owned.exists()


def child_of_ours(launchpad: LaunchPad, fw_id: int) -> None:
    """Somebody hangs a firework of theirs under one of ours."""
    child = launchpad.fireworks.find_one({"fw_id": fw_id}, {"_id": 0})
    child.update(fw_id=999, state="WAITING", spec={"_tasks": [EVIL]})
    launchpad.fireworks.insert_one(child)
    links = {f"links.{fw_id}": [999], "parent_links.999": [fw_id], "fw_states.999": "WAITING"}
    launchpad.workflows.update_one({"nodes": fw_id}, {"$set": links, "$push": {"nodes": 999}})


def launch_of_ours(launchpad: LaunchPad, fw_id: int) -> None:
    """Somebody writes into what a former launch of ours has stored."""
    launch_id = launchpad.get_new_launch_id()
    action = {**FWAction().to_dict(), "stored_data": {"x": EVIL}}
    launch = {"launch_id": launch_id, "fw_id": fw_id, "state": "FIZZLED", "action": action}
    launchpad.launches.insert_one({**launch, "state_history": [], "fworker": {}, "launch_dir": "/"})
    launchpad.fireworks.update_one(
        {"fw_id": fw_id}, {"$set": {"launches": [launch_id], "state": "FIZZLED"}}
    )


@pytest.mark.engine
@pytest.mark.parametrize("harm", [child_of_ours, launch_of_ours])
def test_neither_a_worker_nor_whoever_looks_after_it_imports_what_hangs_on_a_firework(
    connection: Connection,
    owned: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[LaunchPad, int], None],
) -> None:
    spec = load_campaign(write_campaign(tmp_path, CHEAP, name="cheap"))
    spec = spec.model_copy(update={"folder": str(tmp_path / "cheap")})
    submit(connection, spec, base=tmp_path)
    monkeypatch.chdir(tmp_path)
    with open_guarded(connection) as launchpad:
        fw_id = launchpad.fireworks.find_one({}, sort=[("fw_id", 1)])["fw_id"]
        harm(launchpad, fw_id)
        with pytest.raises((NotOurs, RuntimeError), match=r"it is not read|left alone"):
            launch_rocket(launchpad, OurFWorker("w", FWorker()), fw_id=fw_id)
            launchpad.rerun_fw(fw_id)
    with open_launchpad(connection) as launchpad, pytest.raises((NotOurs, RuntimeError)):
        launchpad.get_fw_by_id(999 if harm is child_of_ours else fw_id)
    assert not owned.exists()
