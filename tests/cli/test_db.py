"""`al-loop db`: what it says and with which exit code."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from al_loop.cli.db import NOT_RUNNING, app
from al_loop.errors import DatabaseError
from al_loop.store import LocalServer, Store, find_connection

pytestmark = pytest.mark.engine


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    work = tmp_path / "my glass"
    work.mkdir()
    monkeypatch.chdir(work)
    for name in ("AL_LOOP_LAUNCHPAD", "FW_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    yield work
    LocalServer(work / "al-loop-db").stop()


def db(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def test_a_server_is_started_found_and_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert db("status").exit_code == NOT_RUNNING
    started = db("start")
    assert started.exit_code == 0 and "running" in started.output
    assert "127.0.0.1:" in started.output and str(folder) in started.output
    with Store(find_connection(None, folder) or pytest.fail("not found")) as store:
        store.ping()
    # The printed line is for a shell: the path holds a space.
    (line,) = [line for line in started.output.splitlines() if "export" in line]
    name, _, value = shlex.split(line)[1].partition("=")
    monkeypatch.setenv(name, value)
    assert find_connection(None, Path(os.sep)) == find_connection(
        folder / "al-loop-db" / "my_launchpad.yaml", folder
    )
    assert db("status").exit_code == 0
    assert db("stop").output.startswith("stopped")
    assert db("stop").output.startswith("was not running")
    assert db("status").exit_code == NOT_RUNNING
    assert "stopped" in db("status").output


def test_a_folder_that_cannot_be_used_is_our_error(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(DatabaseError, match="cannot be used"):
        db("start", "--folder", "file/db")
