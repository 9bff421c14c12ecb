"""FireWorks' own pages work within the site, without what was unsafe in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fireworks import Firework, LaunchPad, ScriptTask, Workflow
from flask import Flask

from al_loop.campaign import load_campaign
from al_loop.launch.run import submit
from al_loop.store import Connection, Store
from al_loop.store.campaigns import CampaignRecord
from tests.campaigns import CHEAP, write_campaign
from tests.web.conftest import SignIn

pytestmark = pytest.mark.engine

HOSTILE = "<script>alert(1)</script>"


def add_workflow(site: Flask) -> int:
    launchpad: LaunchPad = site.lp  # type: ignore[attr-defined]
    spec = {"db_password": "Quarzglas", "nested": [{"api_key": "Quarzglas"}], "plain": "seen"}
    first = Firework(ScriptTask.from_str("true"), name=HOSTILE, spec=spec, fw_id=-1)
    second = Firework(ScriptTask.from_str("true"), name="after", parents=[first], fw_id=-2)
    ids = launchpad.add_wf(Workflow([first, second], name=f"workflow {HOSTILE}"))
    return int(ids[-1])


def test_each_page_of_fireworks_is_there(site: Flask, sign_in: SignIn) -> None:
    fw = add_workflow(site)
    client = sign_in()
    for path in (
        "/fireworks/", "/fw/", "/wf/", "/fw/READY/", "/wf/READY/created_on/ASCENDING/",
        f"/fw/{fw}", f"/wf/{fw}", f"/fw/{fw}/details", f"/wf/{fw}/json", "/dashboard/",
        "/report/days/3/",
    ):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "Quarzglas" not in answer.text, path
        if answer.is_json or "json" in path:
            assert answer.mimetype == "application/json", path
            continue
        assert HOSTILE not in answer.text, path
        assert not re.search(r"<script(?![^>]* src=\"/)|\son\w+=|style=|//code", answer.text), path
    assert "seen" in client.get(f"/fw/{fw}").text
    picture = client.get("/reports/fireworks/days/3/fig.png")
    assert picture.data.startswith(b"\x89PNG")
    assert client.get("/").location == "/campaigns/"


def test_what_is_not_there_is_a_page_not_a_crash(sign_in: SignIn) -> None:
    client = sign_in()
    for path in (
        "/fw/12345", "/wf/12345", "/wf/12345/json", "/fw/12345/details",
        "/fw/READY/spec/ASCENDING/",
        "/fw/READY/_id/SIDEWAYS/", "/report/eons/3/", "/report/days/many/", "/report/days/99999/",
        "/reports/users/days/3/fig.png", "/fw/?page=0", "/wf/metadata/$where/1/",
    ):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert "Not Found" in answer.text


def test_raw_queries_are_refused(sign_in: SignIn) -> None:
    client = sign_in()
    for name in ("fw_query", "wf_query"):
        for path in ("/", "/fireworks/", "/fw/", "/wf/"):
            answer = client.get(path, query_string={name: '{"$where": "sleep(1000)"}'})
            assert answer.status_code == 400, path


def test_the_site_of_lpad_webgui_is_left_alone(site: Flask) -> None:
    from fireworks.flask_site.app import app

    assert app is not site
    assert "al_loop" not in app.blueprints
    assert "fireworks_home" not in app.view_functions


def test_campaigns_are_listed_with_what_they_wait_for(
    site: Flask, sign_in: SignIn, connection: Connection, store: Store, tmp_path: Path
) -> None:
    client = sign_in(role="read")
    assert "No campaigns yet" in client.get("/campaigns/").text
    spec = load_campaign(write_campaign(tmp_path, CHEAP, name="cheap"))
    submit(connection, spec.model_copy(update={"folder": str(tmp_path / "cheap")}), base=tmp_path)
    due = store.jobs.count_due("cheap", 0, "start")
    assert due > 0
    page = client.get("/campaigns/").text
    assert f"{due} of {due} start jobs" in page
    (line,) = client.get("/campaigns.json").json
    assert (line["name"], line["state"], line["stage"]) == ("cheap", "running", "start")
    assert line["most_iterations"] == spec.budget.iterations
    workflow = site.lp.workflows.find_one({"metadata.campaign": "cheap"})  # type: ignore[attr-defined]
    node = workflow["nodes"][0]
    page = client.get("/campaigns/cheap/").text
    assert f'href="/wf/{node}"' in page
    assert f"0 of {due} jobs" in page
    for path in (f"/wf/{node}", f"/fw/{node}"):
        assert 'href="/campaigns/cheap/"' in client.get(path).text


def test_names_are_escaped_and_an_unchanged_page_is_not_sent_again(
    sign_in: SignIn, store: Store
) -> None:
    record = CampaignRecord(name=HOSTILE, spec={}, schema_version=1, folder="/x", reason=HOSTILE)
    store.campaigns.create(record.model_copy(update={"state": "paused"}))
    client = sign_in()
    answer = client.get("/campaigns/")
    assert HOSTILE not in answer.text
    assert "&lt;script&gt;" in answer.text
    for path in ("/campaigns/", "/campaigns.json"):
        tag = client.get(path).headers["ETag"]
        again = client.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b"")
    store.campaigns.set_state(HOSTILE, "stopped", "by hand")
    changed = client.get("/campaigns/", headers={"If-None-Match": answer.headers["ETag"]})
    assert changed.status_code == 200
