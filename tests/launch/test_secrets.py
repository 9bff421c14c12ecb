"""A whole campaign under a password that can be recognised: afterwards it is found nowhere.

The database's user has the least rights that work: readWrite on one database.
"""

from __future__ import annotations

import base64
import pickle
import stat
import subprocess
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote_plus

import bson
import pytest
from fireworks import FWorker
from fireworks.core.rocket_launcher import launch_rocket
from pydantic import SecretStr

from al_loop.campaign import load_campaign
from al_loop.errors import DatabaseError
from al_loop.launch.launchpad import DiscreetLaunchPad, open_launchpad
from al_loop.launch.run import submit
from al_loop.store import Connection, Store
from tests.campaigns import AL_LOOP, CHEAP, start_run, write_campaign
from tests.mongo import ScratchServer

pytestmark = pytest.mark.engine

MARK = "Quarzglas8f3k"
SECRET = f"{MARK}/@:%"
TRACES = (MARK.encode(), base64.b64encode(SECRET.encode()), SECRET.encode().hex().encode())


def holds_secret(text: str | bytes) -> bool:
    raw = text.encode() if isinstance(text, str) else text
    return any(trace in raw for trace in TRACES)


def add_user(root: Connection, name: str, *, role: str) -> Connection:
    """As a site's administrator does it, by the commands in docs/security.md."""
    with Store(root) as store:
        roles = [{"role": role, "db": root.name}]
        store.database.command("createUser", name, pwd=SECRET, roles=roles)
    return root.model_copy(
        update={"username": name, "password": SecretStr(SECRET), "authsource": root.name}
    )


def as_uri(connection: Connection) -> Connection:
    login = f"{connection.username}:{quote_plus(SECRET)}"
    host = f"mongodb://{login}@{connection.host}:{connection.port}/?authSource={connection.name}"
    return Connection(host=host, uri_mode=True, name=connection.name)


@dataclass
class Watch:
    """Looks at the command lines and environments of all processes until it is told to stop."""

    seen: set[str] = field(default_factory=set)
    leaks: list[str] = field(default_factory=list)

    def __enter__(self) -> Watch:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(0.05):
            for process in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        content = (process / name).read_bytes()
                    except OSError:
                        continue
                    if name == "cmdline":
                        self.seen.add(content.replace(b"\0", b" ").decode(errors="replace"))
                    if holds_secret(content):
                        self.leaks.append(f"{name}: {content!r}")


@dataclass(frozen=True)
class Ran:
    """A campaign that has run to its end."""

    root: Connection
    worked_as: Connection
    reader: Connection
    folder: Path
    launchpad: Path
    watch: Watch


@pytest.fixture(scope="module", params=["password", "connection string"])
def ran(
    request: pytest.FixtureRequest,
    mongod: ScratchServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Ran]:
    root = mongod.fresh()
    folder = tmp_path_factory.mktemp("secret")
    how = as_uri if request.param == "connection string" else lambda user: user
    connection = how(add_user(root, "worker", role="readWrite"))
    reader = how(add_user(root, "watcher", role="read"))
    launchpad = folder / "my_launchpad.yaml"
    connection.to_launchpad_file(launchpad)
    file = write_campaign(folder, CHEAP, name="cheap")
    with Watch() as watch:
        code = start_run(file, launchpad).wait(300)
    assert code == 0, (folder / "run.log").read_text()
    yield Ran(
        root=root,
        worked_as=connection,
        reader=reader,
        folder=folder,
        launchpad=launchpad,
        watch=watch,
    )
    with Store(root) as store:
        store.database.command("dropAllUsersFromDatabase")
    mongod.drop(root)


def test_readwrite_on_one_database_is_enough_for_a_whole_campaign(ran: Ran) -> None:
    with Store(ran.worked_as) as store:
        (mine,) = store.database.command("connectionStatus")["authInfo"]["authenticatedUserRoles"]
        assert mine == {"role": "readWrite", "db": ran.root.name}
        assert store.campaigns.state("cheap") == "stopped"
        assert store.missing_indexes() == []


def test_no_document_of_any_collection_holds_the_password(ran: Ran) -> None:
    with Store(ran.root) as store:
        database = store.database
        names = set(database.list_collection_names())
        found = {
            name: sum(holds_secret(bson.encode(document)) for document in database[name].find())
            for name in names
        }
    assert {"fireworks", "launches", "workflows", "events", "campaigns", "jobs"} <= names
    assert not any(found.values()), found


def test_no_file_but_the_launchpad_holds_the_password_and_that_is_closed(ran: Ran) -> None:
    files = [path for path in ran.folder.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"FW.json", "job.json", "result.json", "workers.log", "run.log"} <= names
    holders = [path for path in files if holds_secret(path.read_bytes())]
    assert holders == [ran.launchpad]
    assert stat.S_IMODE(ran.launchpad.stat().st_mode) == 0o600


def test_the_server_s_log_does_not_hold_the_password(ran: Ran, mongod: ScratchServer) -> None:
    log = mongod.server.folder / "mongod.log"
    assert log.stat().st_size > 0
    assert not holds_secret(log.read_bytes())


def test_no_command_line_and_no_environment_held_the_password(ran: Ran) -> None:
    assert any("al-loop run" in line for line in ran.watch.seen)
    assert any("multiprocessing" in line for line in ran.watch.seen), "no worker was seen"
    assert ran.watch.leaks == []


def test_an_exported_potential_and_data_set_do_not_hold_the_password(
    ran: Ran, tmp_path: Path
) -> None:
    for what in ("model", "dataset"):
        done = al_loop("export", what, "cheap", "-o", what, "-l", ran.launchpad, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 3
    assert not any(holds_secret(path.read_bytes()) for path in files)


def test_one_who_may_only_read_sees_status_and_exports_and_nothing_changes(
    ran: Ran, tmp_path: Path
) -> None:
    launchpad = tmp_path / "watcher.yaml"
    ran.reader.to_launchpad_file(launchpad)
    before = contents(ran.root)
    for words in (
        ("status",),
        ("status", "cheap", "--json"),
        ("doctor",),
        ("export", "model", "cheap", "-o", tmp_path / "model"),
        ("export", "dataset", "cheap", "-o", tmp_path / "dataset"),
    ):
        done = al_loop(*words, "--launchpad", launchpad, cwd=tmp_path)
        assert done.returncode == 0, (words, done.stderr)
        assert "cheap" in done.stdout or words[0] == "export"
    assert contents(ran.root) == before


def test_one_who_may_only_read_is_told_so_when_more_is_asked_for(ran: Ran, tmp_path: Path) -> None:
    launchpad = tmp_path / "watcher.yaml"
    ran.reader.to_launchpad_file(launchpad)
    before = contents(ran.root)
    file = write_campaign(tmp_path, CHEAP, name="another")
    for words in (("submit", file), ("run", file), ("resume", "cheap")):
        done = al_loop(*words, "--launchpad", launchpad, cwd=tmp_path)
        said = done.stdout + done.stderr
        assert done.returncode == 2, (words, said)
        assert "this user may not do that here" in said, (words, said)
        assert "Traceback" not in said and not holds_secret(said)
    assert contents(ran.root) == before


def contents(root: Connection) -> dict[str, str]:
    """Digests of all collections, as the server computes them."""
    with Store(root) as store:
        hashes: dict[str, str] = store.database.command("dbHash")["collections"]
    assert "fireworks" in hashes
    return hashes


def al_loop(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command, as a person gives it in a folder."""
    return subprocess.run(
        [AL_LOOP, *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def login(**changes: object) -> Connection:
    values = {"host": "127.0.0.1", "username": "me", "password": SecretStr(SECRET), **changes}
    return Connection.model_validate(values)


def wrong(mongod: ScratchServer, how: str) -> Connection:
    """Connections that fail, each in its way."""
    port = mongod.own.port
    quick = {"serverSelectionTimeoutMS": 500}
    userinfo = f"me:{quote_plus(SECRET)}@127.0.0.1"
    return {
        "wrong password": lambda: login(port=port, mongoclient_kwargs=quick),
        "away": lambda: login(port=9, mongoclient_kwargs=quick),
        "no tls": lambda: login(port=port, mongoclient_kwargs={**quick, "tls": True}),
        "wrong option": lambda: login(port=port, mongoclient_kwargs={"tlsCAFile": SECRET}),
        "wrong login in a string": lambda: login(
            host=f"mongodb://{userinfo}:{port}/?serverSelectionTimeoutMS=500", uri_mode=True
        ),
        "away by a string": lambda: login(
            host=f"mongodb://{userinfo}:9/?serverSelectionTimeoutMS=500", uri_mode=True
        ),
        "unescaped string": lambda: login(host=f"mongodb://me:{SECRET}@h:x", uri_mode=True),
    }[how]()


WRONG = (
    "wrong password",
    "away",
    "no tls",
    "wrong option",
    "wrong login in a string",
    "away by a string",
    "unescaped string",
)


@pytest.mark.parametrize("how", WRONG)
def test_no_error_of_a_connection_that_fails_holds_the_password(
    mongod: ScratchServer, how: str, tmp_path: Path
) -> None:
    connection = wrong(mongod, how)
    caught = []
    with Store(connection, patience=1) as store, pytest.raises(DatabaseError) as by_store:
        store.ping()
    caught.append(by_store.value)
    with pytest.raises(DatabaseError) as by_launchpad, open_launchpad(connection):
        pass
    caught.append(by_launchpad.value)
    for error in caught:
        shown = "".join(traceback.format_exception(error)) + repr(error) + repr(connection)
        assert not holds_secret(shown)
        assert not holds_secret(pickle.dumps(error)), "it crosses processes without the password"


@pytest.mark.parametrize("how", ["wrong password", "away", "unescaped string"])
@pytest.mark.parametrize("verb", ["status", "submit"])
def test_the_command_says_what_is_wrong_and_not_the_password(
    mongod: ScratchServer, how: str, verb: str, tmp_path: Path
) -> None:
    launchpad = tmp_path / "my_launchpad.yaml"
    wrong(mongod, how).to_launchpad_file(launchpad)
    file = write_campaign(tmp_path, CHEAP, name="cheap")
    words = ("submit", file) if verb == "submit" else ("status",)
    done = al_loop(*words, "--launchpad", launchpad, cwd=tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode == 2 and "error: " in said
    assert "Traceback" not in said and not holds_secret(said), said


def test_the_last_words_of_a_firework_that_fails_do_not_hold_the_password(
    mongod: ScratchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = mongod.fresh()
    worker = add_user(root, "worker", role="readWrite")
    spec = load_campaign(write_campaign(tmp_path, CHEAP, name="cheap"))
    submit(worker, spec.model_copy(update={"folder": str(tmp_path / "cheap")}), base=tmp_path)
    (tmp_path / "cheap" / "campaign.sha256").unlink()
    monkeypatch.chdir(tmp_path)
    with Store(root) as store, open_launchpad(worker) as launchpad:
        launch_rocket(launchpad, FWorker("w"), strm_lvl="CRITICAL")
        (failed,) = store.database["launches"].find({"state": "FIZZLED"})
    assert "no campaign.sha256" in str(failed["action"]["stored_data"]["_exception"])
    assert not holds_secret(bson.encode(failed))
    mongod.drop(root)


def test_a_launchpad_and_a_connection_do_not_show_the_password() -> None:
    for connection in (login(), as_uri(login())):
        launchpad = DiscreetLaunchPad(**connection.launchpad_dict())
        launchpad.connection.close()
        assert holds_secret(pickle.dumps(connection)), "the test can see a password"
        shown = f"{connection!r} {connection} {connection.address} {launchpad!r} {launchpad}"
        assert not holds_secret(shown) and connection.address in repr(launchpad)
