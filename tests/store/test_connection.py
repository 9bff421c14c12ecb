"""Where the database is: found in the documented order, and never a secret shown."""

import os
import stat
import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from al_loop.errors import DatabaseError
from al_loop.store import Connection, Store, find_connection
from al_loop.store.faults import translate

SECRET = "s3cr3t/p@ss"


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def example(**changes: object) -> Connection:
    values = {"username": "me", "password": SecretStr(SECRET), **changes}
    return Connection.model_validate(values)


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AL_LOOP_LAUNCHPAD", "FW_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)


def shown(connection: Connection) -> str:
    return f"{connection!r} {connection} {connection.address} {connection.__rich_repr__()}"


@pytest.mark.parametrize(
    "connection",
    [
        example(),
        example(mongoclient_kwargs={"tlsCertificateKeyFilePassword": SECRET}),
        Connection(host=f"mongodb://me:{SECRET}@host:27017/?w=1", uri_mode=True),
        Connection(host="mongodb+srv://me:s3cr3t%2F@h.example.org", uri_mode=True),
    ],
)
def test_no_secret_is_shown(connection: Connection) -> None:
    text = f"user me, password {SECRET} and mongodb://me:{SECRET}@host and {connection.host}"
    assert "s3cr3t" not in shown(connection) + connection.redact(text)


def test_a_connection_that_is_wrong_does_not_show_its_password() -> None:
    with pytest.raises(ValidationError) as caught:
        Connection.model_validate({"password": SECRET, "port": "p"})
    assert SECRET not in str(caught.value) and SECRET not in repr(caught.value)


def test_a_bad_connection_string_does_not_show_its_password() -> None:
    connection = Connection(host=f"mongodb://me:{SECRET}@host:port", uri_mode=True)
    with Store(connection) as store, pytest.raises(DatabaseError, match="percent-encoded") as error:
        store.ping()
    words = "".join(traceback.format_exception(error.value))
    assert "s3cr3t" not in words and "p@ss" not in words.replace("p@ss'", "")


def test_fireworks_reads_the_file_and_only_its_owner(tmp_path: Path) -> None:
    from fireworks import LaunchPad

    path = write(tmp_path / "my_launchpad.yaml", "old", 0o644)
    example(port=27999, mongoclient_kwargs={"w": 1}).to_launchpad_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["my_launchpad.yaml"]
    launchpad = LaunchPad.from_file(str(path))
    launchpad.connection.close()
    assert (launchpad.port, launchpad.name, launchpad.password) == (27999, "al_loop", SECRET)
    assert launchpad.authsource == "al_loop"
    assert launchpad.mongoclient_kwargs["journal"] is True
    assert launchpad.mongoclient_kwargs["w"] == 1
    assert Connection.from_launchpad_file(path).launchpad_dict() == example(
        port=27999, authsource="al_loop", mongoclient_kwargs=launchpad.mongoclient_kwargs
    ).launchpad_dict() | {"mongoclient_kwargs": Connection.from_launchpad_file(path).driver_kwargs}


def test_what_a_site_sets_is_not_overridden() -> None:
    kwargs = example(mongoclient_kwargs={"serverselectiontimeoutms": 5, "Journal": False})
    assert kwargs.driver_kwargs == {
        "serverselectiontimeoutms": 5,
        "Journal": False,
        "appname": "al_loop",
    }
    uri = Connection(host="mongodb://h/?journal=false&appName=x", uri_mode=True).driver_kwargs
    assert uri == {"serverSelectionTimeoutMS": 120_000}


def test_the_shipped_example_is_valid_once_it_is_closed(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "launchpad" / "my_launchpad.yaml"
    path = write(tmp_path / "my_launchpad.yaml", shipped.read_text())
    found = Connection.from_launchpad_file(path)
    assert found.mongoclient_kwargs["tls"] is True
    assert found.driver_kwargs["serverSelectionTimeoutMS"] == 600_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port: 1\n", "'host' is missing"),
        ("host: h\nuri_mode: true\n", "uri_mode needs the key 'name'"),
        ("host: h\nport: many\n", "port: "),
        ("host: h\npasword: x\n", "pasword: "),
        ("host: h\nssl: true\nssl_ca_file: f\n", "ssl, ssl_ca_file: FireWorks 2 ignores this"),
        ("- host\n", "a mapping of keys"),
        ("host: [\n", "not YAML .line"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_the_way_out(
    tmp_path: Path, text: str, words: str
) -> None:
    path = write(tmp_path / "my_launchpad.yaml", text + f"# {SECRET}")
    with pytest.raises(DatabaseError, match=words) as error:
        Connection.from_launchpad_file(path)
    assert error.value.where == str(path)
    assert SECRET not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"absent\.yaml: no such file"):
        find_connection(tmp_path / "absent.yaml", tmp_path)


def test_a_password_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    path = write(folder / "my_launchpad.yaml", "host: h\npassword: x\n", 0o644)
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == path.stat().st_uid and not parent.stat().st_mode & stat.S_IXOTH:
            parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
    with pytest.raises(DatabaseError, match="chmod 600"):
        Connection.from_launchpad_file(path)
    folder.chmod(0o700)
    assert Connection.from_launchpad_file(path).host == "h"
    folder.chmod(0o755)
    path.chmod(0o640)
    assert Connection.from_launchpad_file(path).host == "h"
    path.write_text("host: h\n")
    path.chmod(0o644)
    assert Connection.from_launchpad_file(path).password is None


def test_a_file_that_everybody_can_write_to_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "my_launchpad.yaml", "host: h\n", 0o666)
    for parent in path.parents:
        if parent.stat().st_uid == path.stat().st_uid:
            parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
    with pytest.raises(DatabaseError, match="another database"):
        Connection.from_launchpad_file(path)
    path.chmod(0o644)
    assert Connection.from_launchpad_file(path).host == "h"


def test_a_file_of_another_user_is_used_when_it_is_named_and_not_when_it_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "al-loop-db" / "my_launchpad.yaml", "host: trap\n", 0o644)
    work = tmp_path / "work"
    work.mkdir()
    assert find_connection(None, work) is not None
    if os.getuid() == 0:
        os.chown(path, 4242, -1)
    else:
        monkeypatch.setattr(os, "getuid", lambda: 4242)
    with pytest.raises(DatabaseError, match=r"belongs to another user(.|\n)*--launchpad"):
        find_connection(None, work)
    found = find_connection(path, work)
    assert found is not None and found.host == "trap"


def test_the_order_in_which_a_database_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def host(explicit: Path | None = None) -> str | None:
        found = find_connection(explicit, start)
        return found.host if found else None

    start = tmp_path / "work" / "glass"
    start.mkdir(parents=True)
    assert host() is None
    write(tmp_path / "al-loop-db" / "my_launchpad.yaml", "host: far-parent\n")
    assert host() == "far-parent"
    write(tmp_path / "work" / "al-loop-db" / "my_launchpad.yaml", "host: parent\n")
    assert host() == "parent"
    write(start / "al-loop-db" / "my_launchpad.yaml", "host: here\n")
    assert host() == "here"
    write(start / "my_launchpad.yaml", "host: plain\n")
    assert host() == "plain"
    write(tmp_path / "fw" / "my_launchpad.yaml", "host: config-dir\n")
    config = write(tmp_path / "FW_config.yaml", f"CONFIG_FILE_DIR: {tmp_path / 'fw'}\n")
    monkeypatch.setenv("FW_CONFIG_FILE", str(config))
    assert host() == "config-dir"
    other = write(tmp_path / "site.yaml", "host: location\n")
    write(config, f"LAUNCHPAD_LOC: {other}\n")
    assert host() == "location"
    monkeypatch.setenv("AL_LOOP_LAUNCHPAD", str(write(tmp_path / "env.yaml", "host: env\n")))
    assert host() == "env"
    assert host(write(tmp_path / "explicit.yaml", "host: explicit\n")) == "explicit"


def test_a_fireworks_config_without_a_launchpad_is_an_error_not_another_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "my_launchpad.yaml", "host: plain\n")
    config = write(tmp_path / "FW_config.yaml", f"CONFIG_FILE_DIR: {tmp_path / 'absent'}\n")
    monkeypatch.setenv("FW_CONFIG_FILE", str(config))
    with pytest.raises(DatabaseError, match="LAUNCHPAD_LOC"):
        find_connection(None, tmp_path)


def test_a_server_that_is_gone_is_a_clear_error_at_once() -> None:
    with (
        Store(example(host="127.0.0.1", port=9), patience=0.5) as store,
        pytest.raises(DatabaseError, match=r"al-loop db start") as error,
    ):
        store.campaigns.all()
    assert SECRET not in "".join(traceback.format_exception(error.value))


def test_a_host_that_does_not_exist_is_said() -> None:
    with (
        Store(example(host="no-such-host.invalid"), patience=2) as store,
        pytest.raises(DatabaseError, match=r"no machine has this name|no database answers"),
    ):
        store.ping()


def test_a_tls_file_that_is_missing_is_said(tmp_path: Path) -> None:
    kwargs = {"tls": True, "tlsCAFile": str(tmp_path / "absent.pem")}
    with (
        Store(example(mongoclient_kwargs=kwargs)) as store,
        pytest.raises(DatabaseError, match=r"TLS files"),
    ):
        store.ping()


def test_an_option_that_does_not_exist_is_said() -> None:
    with (
        Store(example(mongoclient_kwargs={"journl": True})) as store,
        pytest.raises(DatabaseError, match=r"check mongoclient_kwargs"),
    ):
        store.ping()


def test_a_translated_error_holds_no_secret() -> None:
    text = str(translate(OSError(f"cannot read with {SECRET}"), example()))
    assert SECRET not in text
