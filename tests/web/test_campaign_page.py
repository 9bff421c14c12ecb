"""The page of a campaign that runs: its numbers, against the store."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from al_loop.store import Store
from al_loop.web.site import open_site
from al_loop.web.users import Users
from tests.web.conftest import token
from tests.web.states import ENDED, HOSTILE
from tests.web.states import RUNNING as NAME

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def running(states: Store) -> Store:
    """A campaign whose second iteration explores, with a job of the first given up."""
    return states


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Users:
    return Users(tmp_path_factory.mktemp("people") / "users.json")


@pytest.fixture(scope="module")
def site_of_it(running: Store, people: Users) -> Iterator[Flask]:
    people.add("nobody", role="read")
    with open_site(running.connection, people) as app:
        yield app


@pytest.fixture(scope="module")
def client(site_of_it: Flask, people: Users) -> FlaskClient:
    browser = site_of_it.test_client()
    form = {"name": "ada", "password": people.add("ada", role="read")}
    form["csrf"] = token(browser.get("/login").text)
    assert browser.post("/login", data=form).status_code == 302
    return browser


def test_learning_points_count_the_labels_that_trained_each_committee(
    client: FlaskClient, running: Store
) -> None:
    curves = client.get(f"/campaigns/{NAME}/curves.json").json
    assert [point["iteration"] for point in curves["learning"]] == [0, 1]
    for point in curves["learning"]:
        (model, *_) = running.models.of_iteration(NAME, point["iteration"])
        assert point["labels"] == len(running.training_sets.frames(model.training_set))
    assert curves["learning"][0]["labels"] < curves["learning"][1]["labels"]
    first = running.iterations.get(NAME, 0)
    assert first is not None and first.test_errors is not None
    assert curves["learning"][0]["test"] == first.test_errors.force_rmse
    (row,) = curves["fractions"]
    assert row["accurate"] + row["candidate"] + row["failed"] == pytest.approx(1.0)
    points = curves["calibration"]
    assert points["deviation"] == sorted(points["deviation"])
    errors = {one.error for one in running.selections.of_iteration(NAME, 0)} - {None}
    assert points["error"] and set(points["error"]) <= errors


def test_the_histogram_holds_each_sample_once(client: FlaskClient, running: Store) -> None:
    found = client.get(f"/campaigns/{NAME}/deviation/0.json").json
    walks = running.walks.of_iteration(NAME, 0)
    samples = np.concatenate([walk.max_force_deviation for walk in walks])
    assert sum(found["counts"]) == np.isfinite(samples).sum() > 0
    assert len(found["edges"]) == len(found["counts"]) + 1
    for i in range(1, len(found["counts"])):
        assert sum(found["counts"][i:]) == (samples >= found["edges"][i]).sum()
    assert client.get(f"/campaigns/{NAME}/deviation/1.json").status_code == 404


def test_the_page_says_where_the_loop_stands_and_what_failed(client: FlaskClient) -> None:
    text = client.get(f"/campaigns/{NAME}/").text
    assert 'aria-current="step"' in text
    assert "was given up" in text and "no such device" in text
    assert "What to do:" in text
    assert HOSTILE not in text and "&lt;img src=x" in text
    for path in ("/", "/curves.json", ".json", "/deviation/0.json"):
        answer = client.get(f"/campaigns/{NAME}{path}")
        tag = {"If-None-Match": answer.headers["ETag"]}
        assert client.get(f"/campaigns/{NAME}{path}", headers=tag).status_code == 304
        assert client.get(f"/campaigns/other{path}").status_code == 404


def test_one_that_has_ended_says_when_and_how_long_it_took(
    client: FlaskClient, running: Store
) -> None:
    record = running.campaigns.get(ENDED)
    assert record is not None and record.ended is not None
    seconds = (record.ended - record.created).total_seconds()
    page = client.get(f"/campaigns/{ENDED}/").text
    found = re.search(r"ended <time[^>]*>([^<]+)</time>, ([\d.]+) (s|min) after it began", page)
    assert found is not None and "begun" not in page
    assert found[1] == f"{record.ended:%Y-%m-%d %H:%M} UTC"
    assert float(found[2]) * {"s": 1, "min": 60}[found[3]] == pytest.approx(seconds, abs=4)
    running_one = client.get(f"/campaigns/{NAME}/").text
    assert "begun <time" in running_one and "ended <time" not in running_one
