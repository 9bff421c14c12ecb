"""Users with the least rights: what each may do, on a real mongod."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator

import pytest
from pymongo import errors
from typer.testing import CliRunner

from al_loop.cli.db import app
from al_loop.errors import DatabaseError
from al_loop.store import CampaignRecord, Connection, LocalServer, Store
from al_loop.store.roles import ROLES

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    server = LocalServer(tmp_path_factory.mktemp("roles") / "al-loop-db")
    server.start()
    yield server
    server.stop()


def record(name: str) -> CampaignRecord:
    return CampaignRecord(name=name, spec={}, schema_version=1, folder="/f")


def test_one_who_reads_sees_everything_and_changes_nothing(server: LocalServer) -> None:
    file = server.add_user("watcher", role="read")
    with Store(server.connection()) as store:
        store.campaigns.create(record("glass"))
    with Store(Connection.from_launchpad_file(file)) as store:
        assert [c.name for c in store.campaigns.all()] == ["glass"]
        with pytest.raises(DatabaseError, match="may not do that"):
            store.campaigns.create(record("another"))
        for name in ("frames", "fireworks", "al_loop_meta"):
            with pytest.raises(errors.OperationFailure, match="not authorized"):
                store.database[name].delete_many({})


def test_one_who_reads_sees_for_how_long_others_have_seen_something(server: LocalServer) -> None:
    file = server.add_user("doctor", role="read")
    with (
        Store(server.connection()) as store,
        Store(Connection.from_launchpad_file(file)) as reader,
    ):
        store.sightings.look({"worker": "beat 1"})
        end = time.monotonic() + 20
        while not reader.sightings.look({"worker": "beat 1"})["worker"] > 0:
            assert time.monotonic() < end
        assert reader.sightings.look({"worker": "beat 2", "new": "x"}) == {"worker": 0, "new": 0}


def test_one_who_reads_a_new_database_finds_it_empty(server: LocalServer) -> None:
    """No indexes are there yet, and this user cannot make them: that is no obstacle."""
    with Store(server.connection()) as store:
        store.database.drop_collection("al_loop_meta")
    with Store(Connection.from_launchpad_file(server.add_user("early", role="read"))) as store:
        assert store.events.latest("glass", 5) == []
    with Store(server.connection()) as store:
        store.ping()
        assert store.missing_indexes() == []


@pytest.mark.parametrize("role", ["work", "read"])
def test_no_user_may_leave_the_database_or_make_users(server: LocalServer, role: str) -> None:
    file = server.add_user(f"a-{role}-er", role="work" if role == "work" else "read")
    with Store(Connection.from_launchpad_file(file)) as store:
        for name in ("admin", "another", "config", "local"):
            with pytest.raises(errors.OperationFailure, match="not authorized"):
                store.database.client[name]["x"].find_one({})
        for command in (
            {"createUser": "x", "pwd": "x", "roles": []},
            {"grantRolesToUser": f"a-{role}-er", "roles": ["dbOwner"]},
            {"usersInfo": 1},
            {"profile": 2},
        ):
            with pytest.raises(errors.OperationFailure, match="not authorized"):
                store.database.command(command)
        with pytest.raises(errors.OperationFailure):
            store.database["campaigns"].find_one({"$where": "true"})
        (mine,) = store.database.command("connectionStatus")["authInfo"]["authenticatedUserRoles"]
    assert mine == {"role": ROLES["work" if role == "work" else "read"], "db": "al_loop"}


def test_a_user_added_again_has_a_new_password_and_the_old_one_is_void(server: LocalServer) -> None:
    old = Connection.from_launchpad_file(server.add_user("again", role="work"))
    new = Connection.from_launchpad_file(server.add_user("again", role="read"))
    with Store(old) as store, pytest.raises(DatabaseError, match="wrong user name or password"):
        store.ping()
    with Store(new) as store:
        store.ping()
        with pytest.raises(DatabaseError, match="may not do that"):
            store.campaigns.create(record("x"))


def test_a_removed_user_is_gone_with_its_file(server: LocalServer) -> None:
    file = server.add_user("gone", role="read")
    left = Connection.from_launchpad_file(file)
    assert server.remove_user("gone") and not file.exists()
    assert not server.remove_user("gone")
    with Store(left) as store, pytest.raises(DatabaseError, match="wrong user name or password"):
        store.ping()
    with Store(server.connection()) as store:
        store.ping()


def test_only_the_owner_can_read_a_user_s_file(server: LocalServer) -> None:
    file = server.add_user("private", role="read")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    password = Connection.from_launchpad_file(file).password
    assert password is not None
    secret = password.get_secret_value().encode()
    holders = [p for p in server.folder.rglob("*") if p.is_file() and secret in p.read_bytes()]
    assert holders == [file]


@pytest.mark.parametrize("name", ["../../x", "al_loop", "", ".hidden", "a/b"])
def test_a_name_that_cannot_be_a_users_is_refused(server: LocalServer, name: str) -> None:
    for verb in (lambda: server.add_user(name, role="read"), lambda: server.remove_user(name)):
        with pytest.raises(DatabaseError, match=r"cannot be the name|own user"):
            verb()
    with Store(server.connection()) as store:
        store.ping()


def test_users_find_a_server_that_had_to_move(server: LocalServer) -> None:
    file = server.add_user("faithful", role="read")
    moved = server.connection().model_copy(update={"port": 1})
    server.stop()
    moved.to_launchpad_file(server.launchpad_file)  # as if its port had been another
    Connection.from_launchpad_file(file).model_copy(update={"port": 1}).to_launchpad_file(file)
    server.start()
    assert Connection.from_launchpad_file(file).port == server.connection().port
    with Store(Connection.from_launchpad_file(file)) as store:
        store.ping()


def test_the_command_adds_and_removes(server: LocalServer) -> None:
    def db(*words: str) -> str:
        done = CliRunner().invoke(
            app, [*words, "--folder", str(server.folder)], catch_exceptions=False
        )
        assert done.exit_code == 0
        return done.output

    said = db("user", "add", "colleague")
    file = server.user_file("colleague")
    password = Connection.from_launchpad_file(file).password
    assert password is not None
    assert "(read)" in said and str(file) in said
    assert password.get_secret_value() not in said
    assert db("user", "remove", "colleague").startswith("removed")
    assert db("user", "remove", "colleague").startswith("there is no user")
