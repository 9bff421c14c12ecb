"""The site on a real database, and people who are signed in to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from al_loop.store import Connection, Store
from al_loop.web.site import open_site
from al_loop.web.users import Users, WebRole
from tests.web.states import all_of_them

SignIn = Callable[..., FlaskClient]


def token(page: str) -> str:
    """The CSRF token that a page carries."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None, page
    return found[1]


def signed_in(site: Flask, users: Users, name: str, *, role: WebRole) -> FlaskClient:
    """A browser in which a new user has signed in."""
    password = users.add(name, role=role)
    client = site.test_client()
    form = {"name": name, "password": password, "csrf": token(client.get("/login").text)}
    assert client.post("/login", data=form).status_code == 302
    return client


@pytest.fixture(scope="session")
def states(
    new_database: Callable[[], Connection], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """Campaigns in each state, in one database; who changes something puts it back."""
    with Store(new_database()) as store:
        all_of_them(store, tmp_path_factory.mktemp("states"))
        yield store


@pytest.fixture
def users(tmp_path: Path) -> Users:
    return Users(tmp_path / "users.json")


@pytest.fixture
def site(connection: Connection, users: Users) -> Iterator[Flask]:
    users.add("reader", role="read")
    with open_site(connection, users) as app:
        app.testing = False  # errors become pages, as for a user
        yield app


@pytest.fixture
def sign_in(site: Flask, users: Users) -> SignIn:
    """A browser in which a new user has signed in."""

    def sign(name: str = "ada", *, role: WebRole = "work") -> FlaskClient:
        return signed_in(site, users, name, role=role)

    return sign
