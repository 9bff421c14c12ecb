"""No secret, no foreign code and no open door on any address that the site has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from fireworks import Firework, ScriptTask
from flask import Flask
from flask.testing import FlaskClient

from al_loop.masking import hide_logins
from al_loop.store import Event, Store
from al_loop.web.headers import HEADERS
from al_loop.web.site import open_site
from al_loop.web.users import Users
from tests.mongo import PASSWORD
from tests.web.addresses import addresses
from tests.web.conftest import signed_in, token
from tests.web.states import BROKEN, ENDED, HOSTILE, HOSTILE_NAME, RUNNING
from tests.web.test_fireworks_site import add_workflow

pytestmark = pytest.mark.engine

LEAKED = "Rosenquarz"
INLINE = re.compile(r"<script(?![^>]* src=\"/)|<style|\son\w+=|\sstyle=", re.IGNORECASE)
ELSEWHERE = re.compile(
    r"(?:src|href|action)=\"(?:https?:)?//(?!doi\.org/[^\"]*\" rel=\"noreferrer\">)", re.IGNORECASE
)
"""But for a paper's address, which nobody asks for but a person who follows it."""


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Users:
    return Users(tmp_path_factory.mktemp("people") / "users.json")


@pytest.fixture(scope="module")
def site(states: Store, users: Users) -> Iterator[Flask]:
    users.add("nobody", role="read")
    with open_site(states.connection, users) as app:
        add_workflow(app)
        spec = {"_priority": 1, "where": f"mongodb://ada:{LEAKED}@db.example:27017/al_loop"}
        fw = Firework(ScriptTask.from_str("true"), name=HOSTILE_NAME, spec=spec)
        app.lp.add_wf(fw)  # type: ignore[attr-defined]
        text = f"cannot reach mongodb://ada:{LEAKED}@db.example/?authSource=admin"
        states.events.add(Event(campaign=RUNNING, kind="news", text=text))
        yield app


@pytest.fixture(scope="module")
def ada(site: Flask, users: Users) -> FlaskClient:
    return signed_in(site, users, "ada", role="work")


def everything(site: Flask, store: Store) -> list[str]:
    """All addresses, pages that are not there among them."""
    found = addresses(site, store, campaign=None)
    for name in (RUNNING, ENDED, BROKEN, HOSTILE_NAME):
        found += addresses(site, store, campaign=name)
    fireworks = site.lp.fireworks.find({}, {"fw_id": 1})  # type: ignore[attr-defined]
    numbers = [fw["fw_id"] for fw in fireworks]
    found += [f"/{what}/{n}" for n in numbers for what in ("fw", "wf")]
    found += [f"/fw/{n}/details" for n in numbers]
    here, much = f"/campaigns/{RUNNING}", 1 << 64  # more than the database can hold
    found += [f"{here}/iterations/{much}/", f"{here}/models/0/{much}.json", f"/fw/{much}"]
    found += [f"{here}/glass/{much}/", f"{here}/deviation/{much}.json", f"/wf/{much}"]
    return [*found, "/nowhere", "/campaigns/nobody/", f"/campaigns/{HOSTILE_NAME}x/", "/fw/0"]


def test_no_page_has_a_secret_a_script_of_its_own_or_somebody_elses_markup(
    site: Flask, states: Store, users: Users, ada: FlaskClient
) -> None:
    content = json.loads(users.file.read_text())
    secrets = [PASSWORD, LEAKED, content["secret_key"], "scrypt:", "Quarzglas"]
    seen = ""
    for path in everything(site, states):
        answer = ada.get(path)
        assert answer.status_code < 500, path
        text = answer.get_data().decode("latin-1")
        for secret in secrets:
            assert secret not in text, f"{secret} at {path}"
        if answer.mimetype == "text/html" and answer.status_code != 302:
            assert not INLINE.search(re.sub(r"\sonerror=alert\(1\)&gt;", "", text)), path
            assert not ELSEWHERE.search(text), path
            assert HOSTILE not in text and HOSTILE_NAME not in text, path
        seen += text
    assert "mongodb://ada:" in seen, "the addresses with a password are on no page at all"
    assert "&lt;script&gt;" in seen and "&lt;img src=x" in seen


def test_every_answer_has_the_headers(site: Flask, states: Store, ada: FlaskClient) -> None:
    nobody = site.test_client()
    more = ["/login", "/al-loop/static/style.css", "/static/css/styles.css"]
    for path in [*everything(site, states), *more]:
        for client in (ada, nobody):
            answer = client.get(path)
            assert HEADERS.items() <= dict(answer.headers).items(), path
            assert "private" in answer.headers["Cache-Control"], path
            answer.close()  # of a file
    refused = ada.post(f"/campaigns/{RUNNING}/pause")
    assert refused.status_code == 400
    assert HEADERS.items() <= dict(refused.headers).items()


def test_a_raw_query_is_refused_wherever_and_however_it_is_asked(
    site: Flask, states: Store, ada: FlaskClient
) -> None:
    query = {"fw_query": '{"$where": "sleep(1000)"}'}
    for path in addresses(site, states, campaign=None):
        assert ada.get(path, query_string=query).status_code == 400, path
        assert ada.head(path, query_string=query).status_code == 400, path
    with ada.session_transaction() as session:
        assert not {"fw_filt", "wf_filt"} & {key for key, value in session.items() if value}
    for template in ("home.html", "fw_state.html", "wf_state.html"):
        source, _, _ = site.jinja_env.loader.get_source(site.jinja_env, template)  # type: ignore[union-attr]
        assert "_query" not in source, template


def test_the_cookie_is_for_the_server_alone_and_cannot_be_made(site: Flask, users: Users) -> None:
    client = site.test_client()
    page = client.get("/login")
    (cookie,) = page.headers.getlist("Set-Cookie")
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    before = token(page.text)
    form = {"name": "bob", "password": users.add("bob", role="read"), "csrf": before}
    assert client.post("/login", data=form).status_code == 302
    assert token(client.get("/campaigns/").text) != before, "a token of before the login counts"
    client.set_cookie("al_loop", "eyJ1c2VyIjoiYWRhIn0.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb")
    assert client.get("/campaigns/").status_code == 401


def test_only_passwords_of_addresses_are_hidden() -> None:
    for text in ("see https://docs.example/a:b@c", "at 12:30 mail a@b", "http://127.0.0.1:8080/"):
        assert hide_logins(text) == text
    hidden = hide_logins("mongodb+srv://u:p%2Fw@h/ and redis://:pw@h")
    assert hidden == "mongodb+srv://u:•••@h/ and redis://:•••@h"
