"""mongod killed under load, or away for a minute; FireWorks emptied: nothing is lost."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from al_loop.launch.launchpad import open_launchpad
from al_loop.store import LocalServer
from tests.campaigns import Outcome, Place, start_run
from tests.mongo import kill_server
from tests.processes import running_jobs

pytestmark = pytest.mark.engine

MINUTE = 60.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    """A database that is not the campaign's own: nobody else starts it again."""
    server = LocalServer(tmp_path / "site")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalServer]:
    """The database that `al-loop run` finds in its folder."""
    server = LocalServer(tmp_path / "al-loop-db")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def place(server: LocalServer, tmp_path: Path) -> Place:
    return Place.make(tmp_path, server.connection())


def wait_for(run: subprocess.Popen[bytes], place: Place, where: str) -> None:
    """Until a job runs in a folder that fits ``where``."""
    end = time.monotonic() + 240
    while not any(folder.match(where) for folder in running_jobs(place.folder).values()):
        assert run.poll() is None, place.log
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_database_of_ones_own_that_dies_is_started_again(
    own: LocalServer, tmp_path: Path, undisturbed: Outcome
) -> None:
    place = Place.make(tmp_path, own.connection())
    run = start_run(place.file, None)  # it finds ./al-loop-db
    for where in ("start/*", "iter.000000/train/*", "iter.000001/explore/*", "iter.000002/label/*"):
        wait_for(run, place, where)
        kill_server(own)
    assert run.wait(240) == 0, place.log
    assert "the database is away" in place.log  # four times, or fewer that lasted longer
    place.insist_that_nothing_is_lost(undisturbed)


def test_a_database_that_is_away_for_a_minute_is_waited_for(
    server: LocalServer, place: Place, undisturbed: Outcome
) -> None:
    run = place.start()
    wait_for(run, place, "iter.000001/*/*")
    kill_server(server)
    end = time.monotonic() + MINUTE
    with pytest.raises(subprocess.TimeoutExpired):
        run.wait(end - time.monotonic())
    server.start()
    assert run.wait(240) == 0, place.log
    assert place.log.count("the database is away") == 1
    assert place.log.count("the database was away for") == 1
    place.insist_that_nothing_is_lost(undisturbed)


def test_fireworks_emptied_while_it_runs_loses_nothing(place: Place, undisturbed: Outcome) -> None:
    run = place.start()
    for where in ("start/*", "iter.000001/*/*", "iter.000002/*/*"):
        wait_for(run, place, where)
        with open_launchpad(place.connection) as launchpad:
            for collection in (launchpad.workflows, launchpad.fireworks, launchpad.launches):
                collection.delete_many({})
    assert run.wait(240) == 0, place.log
    place.insist_that_nothing_is_lost(undisturbed)
