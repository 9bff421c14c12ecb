"""A real mongod for tests: one server a session, one database a test.

tests/conftest.py makes the fixtures known to all tests. A test that uses them is marked ``engine``.
"""

import os
import signal
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from pymongo import MongoClient

from al_loop.store import Connection, LocalServer, Store
from al_loop.store.mongod import _is_alive

TESTER = "tester"
PASSWORD = "a-secret-of-the-tests"


class ScratchServer:
    """A LocalServer with an administrator besides, who may use any database."""

    def __init__(self, folder: Path) -> None:
        self.server = LocalServer(folder)
        self.own = self.server.start()
        self.server.stop()
        with (
            tempfile.TemporaryDirectory(prefix="al-loop-") as private,
            self.server._mongod.open_privately(Path(private)) as uri,
            MongoClient(uri, directConnection=True) as client,
        ):
            client.admin.command("createUser", TESTER, pwd=PASSWORD, roles=["root"])
        self.own = self.server.start()

    def fresh(self) -> Connection:
        """A database that nobody has used."""
        return Connection(
            host=self.own.host,
            port=self.own.port,
            name=f"test_{uuid.uuid4().hex[:12]}",
            username=TESTER,
            password=SecretStr(PASSWORD),
            authsource="admin",
        )

    def drop(self, connection: Connection) -> None:
        """Forget a database."""
        with Store(connection) as store:
            store.database.client.drop_database(connection.name)


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchServer]:
    server = ScratchServer(tmp_path_factory.mktemp("mongod") / "al-loop-db")
    yield server
    server.server.stop()


@pytest.fixture
def connection(mongod: ScratchServer) -> Iterator[Connection]:
    fresh = mongod.fresh()
    yield fresh
    mongod.drop(fresh)


@pytest.fixture
def store(connection: Connection) -> Iterator[Store]:
    with Store(connection) as opened:
        yield opened


def kill_server(server: LocalServer) -> None:
    """SIGKILL a mongod and wait until it is gone, with all of its threads."""
    pid = server._mongod.pid()
    assert pid is not None, "this mongod does not run"
    os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + 20
    while _is_alive(pid):  # its port is open until the last thread has ended
        assert time.monotonic() < end, "a killed mongod does not end"
        time.sleep(0.005)
