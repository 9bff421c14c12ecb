"""Whole campaigns: on FireWorks, without it, killed in every stage, with FireWorks emptied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from al_loop.campaign import load_campaign
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.run import submit
from al_loop.launch.workflows import remove_workflows
from al_loop.store import Connection, Store
from tests.campaigns import (
    CHEAP,
    REAL,
    Outcome,
    computed,
    finish_run,
    kill_at,
    kill_in_every_stage,
    outcome,
    write_campaign,
)

pytestmark = pytest.mark.engine

NewDatabase = Callable[[], Connection]


def test_the_undisturbed_campaign_did_what_the_comparisons_need(undisturbed: Outcome) -> None:
    reasons = {why for _, _, why in undisturbed.chosen}
    iterations = {iteration for _, iteration, why in undisturbed.chosen if why == "candidate"}
    assert undisturbed.state == "stopped"
    assert reasons == {"initial", "candidate", "audit"}
    assert iterations == {0, 1, 2}
    assert len(undisturbed.labels) == len(undisturbed.chosen)


def test_fireworks_and_the_local_runner_give_the_same_labels(
    undisturbed: Outcome, new_database: NewDatabase, tmp_path: Path
) -> None:
    connection = new_database()
    launchpad = tmp_path / "my_launchpad.yaml"
    connection.to_launchpad_file(launchpad)
    finish_run(write_campaign(tmp_path, CHEAP, name="cheap"), launchpad)
    with Store(connection) as store:
        assert outcome(store, "cheap") == undisturbed
    with open_launchpad(connection) as opened:
        names = {w["name"] for w in opened.workflows.find({}, {"name": 1})}
        assert "cheap iteration 1 label" in names
        assert opened.workflows.count_documents({"state": {"$ne": "COMPLETED"}}) == 0


def test_killed_in_every_stage_a_campaign_ends_as_if_undisturbed(
    undisturbed: Outcome, new_database: NewDatabase, tmp_path: Path
) -> None:
    connection = new_database()
    launchpad = tmp_path / "my_launchpad.yaml"
    connection.to_launchpad_file(launchpad)
    file = write_campaign(tmp_path, CHEAP, name="cheap")
    killed = kill_in_every_stage(file, launchpad, connection, "cheap")
    finish_run(file, launchpad)
    assert killed >= {"start", "train", "explore", "label"}
    with Store(connection) as store:
        assert outcome(store, "cheap") == undisturbed
    assert set(computed(tmp_path / "cheap").values()) == {1}


def test_with_every_workflow_deleted_a_campaign_continues(
    undisturbed: Outcome, new_database: NewDatabase, tmp_path: Path
) -> None:
    connection = new_database()
    launchpad = tmp_path / "my_launchpad.yaml"
    connection.to_launchpad_file(launchpad)
    file = write_campaign(tmp_path, CHEAP, name="cheap")
    assert kill_at(file, launchpad, connection, "cheap", stage="explore")
    with open_launchpad(connection) as opened:
        assert remove_workflows(opened, "cheap") > 0
    finish_run(file, launchpad)
    with Store(connection) as store:
        assert outcome(store, "cheap") == undisturbed


def test_submitting_twice_puts_up_each_job_once(new_database: NewDatabase, tmp_path: Path) -> None:
    connection = new_database()
    spec = load_campaign(write_campaign(tmp_path, CHEAP, name="cheap"))
    spec = spec.model_copy(update={"folder": str(tmp_path / "cheap")})
    submit(connection, spec, base=tmp_path)
    with open_launchpad(connection) as opened:
        before = opened.fireworks.count_documents({})
        submit(connection, spec, base=tmp_path)
        assert before > 0
        assert opened.fireworks.count_documents({}) == before


def test_killed_in_every_stage_real_engines_lose_and_repeat_no_label(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    connection = new_database()
    launchpad = tmp_path / "my_launchpad.yaml"
    connection.to_launchpad_file(launchpad)
    file = write_campaign(tmp_path, REAL, name="real")
    killed = kill_in_every_stage(file, launchpad, connection, "real")
    finish_run(file, launchpad)
    assert killed >= {"start", "train", "explore", "label"}
    with Store(connection) as store:
        found = outcome(store, "real")
    assert found.state == "stopped"
    assert set(found.labels) == {frame for frame, _, _ in found.chosen}
    counts = computed(tmp_path / "real")
    assert set(counts) == set(found.labels)
    assert set(counts.values()) == {1}
