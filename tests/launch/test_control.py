"""Pause, stop, resume and amend, as a person asks for them in mid-campaign."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fireworks import FWorker, LaunchPad

from al_loop.campaign import CampaignSpec, dump_campaign, load_campaign
from al_loop.errors import DatabaseError, MethodMismatch, UserError
from al_loop.launch import control
from al_loop.launch.child import run_job_in_child
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.mending import mend
from al_loop.launch.run import submit
from al_loop.launch.submit import register
from al_loop.launch.workflows import FireworksExecutor, remove_workflows
from al_loop.loop.advance import advance
from al_loop.loop.context import Context
from al_loop.loop.jobs import run_job
from al_loop.store import Connection, Store
from tests.campaigns import CHEAP, write_campaign

pytestmark = pytest.mark.engine

NAME = "cheap"


@pytest.fixture
def spec(tmp_path: Path) -> CampaignSpec:
    spec = load_campaign(write_campaign(tmp_path, CHEAP, name=NAME))
    return spec.model_copy(update={"folder": str(tmp_path / NAME)})


@pytest.fixture
def launchpad(connection: Connection, spec: CampaignSpec, tmp_path: Path) -> Iterator[LaunchPad]:
    submit(connection, spec, base=tmp_path)
    with open_launchpad(connection) as opened:
        yield opened


def waiting(launchpad: LaunchPad) -> int:
    return int(launchpad.fireworks.count_documents({"state": "READY"}))


def carry_to(store: Store, launchpad: LaunchPad, stage: str) -> None:
    """Run what is due in this process until a stage begins."""
    executor = FireworksExecutor(launchpad)
    for _ in range(30):
        advance(store, NAME, executor)
        latest = store.iterations.latest(NAME)
        if latest is not None and latest.stage == stage:
            return
        for job in store.jobs.all_due(NAME):
            run_job(Context(store, NAME).folder_of(job).path)
    raise AssertionError(f"never at {stage}")


def test_a_paused_campaign_has_nothing_up_and_goes_on_when_resumed(
    connection: Connection, launchpad: LaunchPad, store: Store
) -> None:
    before = waiting(launchpad)
    assert control.pause(connection, NAME).state == "paused"
    assert waiting(launchpad) == 0
    assert advance(store, NAME, FireworksExecutor(launchpad)) == "paused"
    assert waiting(launchpad) == 0
    assert control.resume(connection, NAME).state == "running"
    assert waiting(launchpad) == before
    kinds = [event.kind for event in store.events.latest(NAME, 10)]
    assert kinds[-2:] == ["campaign-paused", "campaign-resumed"]


def test_resume_puts_up_what_was_deleted(connection: Connection, launchpad: LaunchPad) -> None:
    before = waiting(launchpad)
    remove_workflows(launchpad, NAME)
    assert waiting(launchpad) == 0
    control.resume(connection, NAME)
    assert waiting(launchpad) == before


def test_resume_makes_a_lost_folder_again(
    connection: Connection, launchpad: LaunchPad, store: Store, spec: CampaignSpec
) -> None:
    folder = Context(store, NAME).folder
    before = {path.name for path in (folder / "iter.000000" / "start").iterdir()}
    shutil.rmtree(folder)
    control.resume(connection, NAME)
    assert {path.name for path in (folder / "iter.000000" / "start").iterdir()} == before


def test_a_campaign_whose_folder_is_lost_does_not_hold_up_the_others(
    connection: Connection, launchpad: LaunchPad, store: Store, spec: CampaignSpec, tmp_path: Path
) -> None:
    other = spec.model_copy(update={"name": "a-lost-one", "folder": str(tmp_path / "lost")})
    submit(connection, other, base=tmp_path)
    shutil.rmtree(tmp_path / "lost")
    before = waiting(launchpad)
    remove_workflows(launchpad, NAME)
    mend(store, launchpad)
    assert waiting(launchpad) == before
    assert not (tmp_path / "lost").exists()


def test_resume_makes_no_folder_a_campaigns_that_holds_something_else(
    connection: Connection, launchpad: LaunchPad, store: Store, tmp_path: Path
) -> None:
    """Who writes to the database could have named any folder."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".bashrc").touch()
    store.database["campaigns"].update_one({"_id": NAME}, {"$set": {"folder": str(home)}})
    with pytest.raises(DatabaseError, match=r"no campaign\.sha256"):
        control.resume(connection, NAME)
    assert [path.name for path in home.iterdir()] == [".bashrc"]


def test_jobs_of_a_stopped_campaign_are_asked_to_stop_until_it_is_resumed(
    connection: Connection, launchpad: LaunchPad, store: Store
) -> None:
    ctx = Context(store, NAME)
    folders = [ctx.folder_of(job).path for job in store.jobs.all_due(NAME)]
    record = control.stop(connection, NAME)
    assert record.state == "stopped"
    assert record.reason.startswith("stopped by ")
    assert waiting(launchpad) == 0
    assert all((folder / "stop").exists() for folder in folders)
    with pytest.raises(UserError, match="not running"):
        control.pause(connection, NAME)
    assert control.resume(connection, NAME).state == "running"
    assert not any((folder / "stop").exists() for folder in folders)
    run_job_in_child(folders[0])
    assert (folders[0] / "result.json").exists()


def test_resume_tries_again_what_was_given_up(
    connection: Connection, launchpad: LaunchPad, store: Store
) -> None:
    ctx = Context(store, NAME)
    job = store.jobs.all_due(NAME)[0]
    for _ in range(3):
        ctx.folder_of(job).note_failure("disk-full", "No space left on device")
    advance(store, NAME, FireworksExecutor(launchpad))
    assert [one.id for one in store.jobs.quarantined(NAME)] == [job.id]
    control.resume(connection, NAME)
    assert store.jobs.quarantined(NAME) == []
    assert ctx.folder_of(job).failures() == []
    assert job.id in {one.id for one in store.jobs.all_due(NAME)}


def test_an_amended_campaign_runs_under_its_changed_file(
    connection: Connection, launchpad: LaunchPad, store: Store, spec: CampaignSpec, tmp_path: Path
) -> None:
    carry_to(store, launchpad, "train")
    data = dump_campaign(spec)
    data["select"]["batch"] = 3
    data["budget"]["iterations"] = 5
    changed = CampaignSpec.model_validate(data)
    with pytest.raises(UserError, match=r"budget, select[\s\S]*al-loop amend"):
        register(store, changed, base=tmp_path)
    changes = control.amend(connection, changed)
    assert {c.key: c.holds for c in changes} == {
        "budget.iterations": "now",
        "select.batch": "next iteration",
    }
    now = Context(store, NAME).spec
    assert (now.budget.iterations, now.select.batch) == (5, spec.select.batch)
    register(store, changed, base=tmp_path)
    store.iterations.move(NAME, 0, from_stage="train", to_stage="done", decision="continue")
    advance(store, NAME, FireworksExecutor(launchpad))
    assert Context(store, NAME).spec == changed
    texts = [event.text for event in store.events.latest(NAME, 20) if event.kind == "amended"]
    assert any(text.startswith("select.batch: 6 -> 3") for text in texts)


def test_an_amendment_to_another_method_changes_nothing(
    connection: Connection, launchpad: LaunchPad, store: Store, spec: CampaignSpec
) -> None:
    data = dump_campaign(spec)
    data["label"] |= {"engine": "xtb", "options": {}}
    with pytest.raises(MethodMismatch):
        control.amend(connection, CampaignSpec.model_validate(data))
    assert Context(store, NAME).spec == spec


def test_a_campaign_that_ended_on_its_budget_goes_on_with_a_larger_one(
    connection: Connection, store: Store, spec: CampaignSpec, tmp_path: Path
) -> None:
    small = spec.model_copy(update={"budget": spec.budget.model_copy(update={"iterations": 1})})
    submit(connection, small, base=tmp_path)
    with open_launchpad(connection) as launchpad:
        carry_to_end(store, launchpad)
        assert control.resume(connection, NAME).state == "stopped"
        control.amend(connection, spec)
        assert control.resume(connection, NAME).state == "running"
        latest = store.iterations.latest(NAME)
        assert latest is not None
        assert (latest.index, latest.stage) == (2, "train")
        carry_to(store, launchpad, "explore")


def carry_to_end(store: Store, launchpad: LaunchPad) -> None:
    executor = FireworksExecutor(launchpad)
    for _ in range(40):
        if advance(store, NAME, executor) == "ended":
            return
        for job in store.jobs.all_due(NAME):
            run_job(Context(store, NAME).folder_of(job).path)
    raise AssertionError("never at its end")


def test_the_next_training_is_by_the_amended_file(
    connection: Connection, launchpad: LaunchPad, store: Store, spec: CampaignSpec
) -> None:
    carry_to(store, launchpad, "train")
    data = dump_campaign(spec)
    data["train"]["members"] = spec.train.members + 1
    control.amend(connection, CampaignSpec.model_validate(data))
    store.iterations.move(NAME, 0, from_stage="train", to_stage="done", decision="continue")
    advance(store, NAME, FireworksExecutor(launchpad))
    assert store.jobs.count(NAME, 1, "train") == spec.train.members + 1


def test_a_campaign_that_is_not_there_cannot_be_amended(
    connection: Connection, spec: CampaignSpec
) -> None:
    with pytest.raises(UserError, match="no campaign called 'cheap'"):
        control.amend(connection, spec)


def test_resume_leaves_alone_what_still_runs(
    connection: Connection, launchpad: LaunchPad, store: Store
) -> None:
    running, _ = launchpad.checkout_fw(FWorker("al-loop another-host:1:1"), "/tmp")
    control.pause(connection, NAME)
    control.resume(connection, NAME)
    fireworks = list(launchpad.fireworks.find({}, {"fw_id": 1, "state": 1, "spec": 1}))
    assert [f["fw_id"] for f in fireworks if f["state"] == "RUNNING"] == [running.fw_id]
    jobs = [job.id for job in store.jobs.all_due(NAME)]
    assert sorted(f["spec"]["al_loop"]["id"] for f in fireworks) == sorted(jobs)


def test_resume_takes_the_stop_away_also_from_jobs_that_have_ended(
    connection: Connection, launchpad: LaunchPad, store: Store
) -> None:
    ctx = Context(store, NAME)
    job = store.jobs.all_due(NAME)[0]
    control.stop(connection, NAME)
    when = ctx.record.created
    store.jobs.mark_done(job.id, spans=(), started=when, ended=when, host="elsewhere")
    control.resume(connection, NAME)
    assert not (ctx.folder_of(job).path / "stop").exists()


def test_jobs_that_wait_are_put_up_with_amended_resources(
    connection: Connection, launchpad: LaunchPad, spec: CampaignSpec
) -> None:
    before = waiting(launchpad)
    data = dump_campaign(spec)
    data["resources"]["label"] = {"memory": 7}
    control.amend(connection, CampaignSpec.model_validate(data))
    ready = launchpad.fireworks.find({"state": "READY"})
    assert [fw["spec"]["_queueadapter"]["memory"] for fw in ready] == [7 * 1024] * before


def test_a_campaign_that_is_older_than_an_option_is_the_same_campaign(
    store: Store, spec: CampaignSpec, tmp_path: Path
) -> None:
    register(store, spec, base=tmp_path)
    older = dump_campaign(spec)
    del older["label"]["quorum"], older["explore"]["timestep"]
    store.campaigns.amend(NAME, older, pending=None)
    register(store, spec, base=tmp_path)
    changed = spec.model_copy(update={"label": spec.label.model_copy(update={"quorum": 0.5})})
    with pytest.raises(UserError, match="label"):
        register(store, changed, base=tmp_path)
