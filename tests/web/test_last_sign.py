"""The last sign of life of a campaign in which nothing happens that is worth an event."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fireworks import FWorker
from flask import Flask

from al_loop.campaign import load_campaign
from al_loop.launch.alive import worker_name
from al_loop.launch.run import submit
from al_loop.loop.advance import advance
from al_loop.loop.overview import overview
from al_loop.store import Connection, Store
from tests.campaigns import CHEAP, write_campaign
from tests.loop.test_late_labels import Hands
from tests.store.records import WHEN
from tests.web.conftest import SignIn
from tests.web.states import begin

pytestmark = pytest.mark.engine

NAME = "cheap"


def long_ago(store: Store) -> None:
    """All that has happened in the campaigns happened then."""
    store.database["campaigns"].update_many({}, {"$set": {"created": WHEN}})
    store.database["iterations"].update_many({}, {"$set": {"stage_started": WHEN}})
    store.database["events"].update_many({}, {"$set": {"when": WHEN}})


def seen(store: Store) -> datetime:
    (line,) = overview(store, lambda names: {})
    return line.seen


def test_a_result_that_is_taken_in_is_a_sign_of_life(store: Store, tmp_path: Path) -> None:
    begin(store, tmp_path, NAME)
    hands = Hands()
    hands.hold = lambda job: True
    advance(store, NAME, hands)
    long_ago(store)
    before = seen(store)
    assert before < store.clock() - timedelta(days=1)
    first, *others = store.jobs.due(NAME, 0, "start")
    assert others, "the stage would end"
    hands.hold = lambda job: job.id != first.id
    start = store.clock()
    for _ in range(2):
        advance(store, NAME, hands)
    after = store.jobs.get(first.id)
    assert after is not None and after.state == "done" and after.taken_in is not None
    assert start <= after.taken_in <= store.clock()
    assert seen(store) == after.taken_in
    assert store.events.latest(NAME, 1) == []
    store.campaigns.set_state(NAME, "stopped", "by hand", when=start)
    assert seen(store) == start, "of one that has ended, its end"


@pytest.fixture
def launch(connection: Connection, store: Store, site: Flask, tmp_path: Path) -> dict[str, Any]:
    """A job that a worker runs, in a campaign in which nothing else has happened for long."""
    spec = load_campaign(write_campaign(tmp_path, CHEAP, name=NAME))
    submit(connection, spec.model_copy(update={"folder": str(tmp_path / NAME)}), base=tmp_path)
    launchpad = site.lp  # type: ignore[attr-defined]
    _, number = launchpad.checkout_fw(FWorker(worker_name("node:1:1")), str(tmp_path))
    long_ago(store)
    return {"launch_id": number}


def test_a_job_that_runs_says_that_it_lives(
    store: Store, site: Flask, sign_in: SignIn, launch: dict[str, Any]
) -> None:
    """Its heartbeat is by the clock of its node; one that is ahead tells no future."""
    launchpad, client = site.lp, sign_in(role="read")  # type: ignore[attr-defined]

    def listed(beat: datetime) -> datetime:
        launchpad.ping_launch(launch["launch_id"], ptime=beat.replace(tzinfo=None))
        (line,) = client.get("/campaigns.json").json
        return datetime.fromisoformat(line["seen"].replace("Z", "+00:00"))

    earlier = store.clock() - timedelta(minutes=7)
    assert listed(earlier) == earlier
    start = store.clock()
    assert start <= listed(start + timedelta(hours=3)) <= store.clock()
    launchpad.launches.update_one(launch, {"$set": {"state": "COMPLETED"}})
    launchpad.fireworks.update_many({}, {"$set": {"state": "COMPLETED"}})
    assert listed(earlier) < earlier, "it runs no longer"
