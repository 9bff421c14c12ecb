"""Nobody sees anything without a login, and no form is taken that is not ours."""

from __future__ import annotations

import pytest
from flask import Flask

from al_loop.errors import UserError
from al_loop.web.login import OPEN, TRIES
from al_loop.web.serve import Address
from al_loop.web.users import Users
from tests.web.conftest import SignIn, token

pytestmark = pytest.mark.engine

VALUES = {
    "fw_id": "1", "wf_id": "1", "state": "READY", "sorting_key": "_id",
    "sorting_order": "ASCENDING",
    "key": "campaign", "value": "cheap", "interval": "days", "num_intervals": "3",
    "coll": "fireworks", "filename": "css/styles.css", "name": "cheap", "index": "0",
    "iteration": "0", "member": "0", "walker": "quartz-0", "frame": "0" * 64,
    "system": "silica",
}  # fmt: skip


def test_every_address_of_the_site_asks_for_a_login(site: Flask) -> None:
    """All rules that Flask knows, FireWorks' pictures and files among them."""
    tried = 0
    for rule in site.url_map.iter_rules():
        if rule.endpoint in OPEN:
            continue
        values = {name: VALUES[name] for name in rule.arguments}
        with site.test_request_context():
            path = site.url_for(rule.endpoint, **values)
        client = site.test_client()
        if "GET" in (rule.methods or ()):
            assert client.get(path, headers={"Accept": "image/png"}).status_code == 401, path
            answer = client.get(path, headers={"Accept": "text/html"})
            assert answer.status_code == 302, path
            assert answer.location.startswith("/login?next="), path
        else:
            assert client.post(path).status_code == 401, path
        tried += 1
    assert tried >= 20
    assert site.test_client().get("/no-such-page").status_code == 401


def test_a_wrong_password_is_refused_and_guessing_is_slowed(site: Flask, users: Users) -> None:
    password = users.add("ada", role="read")
    client = site.test_client()
    form = {"name": "ada", "csrf": token(client.get("/login").text)}
    for _ in range(TRIES):
        answer = client.post("/login", data={**form, "password": "guess"})
        assert answer.status_code == 401
    assert client.post("/login", data={**form, "password": password}).status_code == 429


def test_after_login_one_is_where_one_wanted_to_be_and_nowhere_else(
    site: Flask, users: Users
) -> None:
    password = users.add("grace", role="read")
    for wanted, reached in (
        ("/fw/", "/fw/"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example/", "/"),
        ("/\\elsewhere.example/", "/"),
    ):
        client = site.test_client()
        form = {"name": "grace", "password": password, "csrf": token(client.get("/login").text)}
        answer = client.post("/login", query_string={"next": wanted}, data=form)
        assert answer.location == reached


def test_a_new_password_or_no_account_ends_a_session(sign_in: SignIn, users: Users) -> None:
    client = sign_in("ada")
    assert client.get("/campaigns/").status_code == 200
    users.add("ada", role="work")
    assert client.get("/campaigns/").status_code == 401
    client = sign_in("bob")
    assert users.remove("bob")
    assert client.get("/campaigns/").status_code == 401


def test_names_that_nobody_has_do_not_fill_the_memory(
    site: Flask, users: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("al_loop.web.login.MOST_NAMES", 3)
    client = site.test_client()
    form = {"password": "x", "csrf": token(client.get("/login").text)}
    for number in range(6):
        assert client.post("/login", data={**form, "name": f"n{number}"}).status_code == 401
    kept = site.extensions["al_loop_wrong"]
    assert len(kept) == 3 and any(who.endswith(" n5") for who in kept)


def test_a_form_without_the_token_changes_nothing(sign_in: SignIn) -> None:
    client = sign_in()
    assert client.post("/logout").status_code == 400
    assert client.post("/logout", data={"csrf": "guess"}).status_code == 400
    page = client.get("/campaigns/").text
    assert client.post("/logout", data={"csrf": token(page)}).status_code == 302
    assert client.get("/campaigns/").status_code == 401


def test_headers_allow_nothing_but_files_of_the_site(sign_in: SignIn) -> None:
    answer = sign_in().get("/campaigns/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    cookie = sign_in("cookie").get("/login")
    assert "private" in cookie.headers["Cache-Control"]


def test_the_file_of_users_is_private_and_holds_no_password(users: Users) -> None:
    password = users.add("ada", role="work")
    assert users.file.stat().st_mode & 0o777 == 0o600
    assert password not in users.file.read_text()
    assert users.check("ada", password) is not None
    assert users.check("nobody", password) is None
    users.file.chmod(0o644)
    with pytest.raises(UserError, match="others can read"):
        users.get("ada")


def test_passwords_do_not_cross_a_network_in_the_clear() -> None:
    Address().check()
    with pytest.raises(UserError, match="unencrypted"):
        Address(host="0.0.0.0").check()
