"""Who looks after a campaign waits while the database is away, and replaces workers that die."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest
from pymongo.errors import AutoReconnect, OperationFailure

from al_loop.errors import DatabaseAway, DatabaseError
from al_loop.launch import crew as crew_module
from al_loop.launch.child import redirected
from al_loop.launch.crew import Crew
from al_loop.launch.outage import Outage
from al_loop.store import Connection


def test_an_outage_is_told_once_and_has_a_length() -> None:
    said: list[str] = []
    outage = Outage(Connection(), say=said.append, restart=None)
    assert outage.over() == ""
    for error in (DatabaseAway("no answer"), AutoReconnect("closed"), DatabaseAway("refused")):
        with outage.waited_out():
            raise error
    assert len(said) == 1 and "no answer" in said[0]
    assert outage.is_on
    assert outage.over() == "the database was away for 0 s"
    assert not outage.is_on and outage.over() == ""
    with outage.waited_out():
        raise DatabaseAway("no answer")
    assert len(said) == 2


def test_a_full_disk_is_told_once_and_other_troubles_with_files_are_errors() -> None:
    said: list[str] = []
    outage = Outage(Connection(), say=said.append, restart=None)
    for _ in range(2):
        with outage.waited_out():
            raise OSError(errno.ENOSPC, "No space left on device", "/scratch/cheap/job.json")
    assert len(said) == 1 and "/scratch/cheap/job.json" in said[0] and "make room" in said[0]
    assert outage.over() == "the disk was full for 0 s"
    with pytest.raises(PermissionError), outage.waited_out():
        raise PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.parametrize("error", [DatabaseError("wrong password"), OperationFailure("no", 18)])
def test_a_database_that_refuses_is_not_waited_for(error: Exception) -> None:
    outage = Outage(Connection(), say=lambda _: None, restart=None)
    with pytest.raises(DatabaseError, match=r"wrong password|wrong user name"), outage.waited_out():
        raise error


def test_a_database_of_ones_own_is_started_again_and_its_trouble_is_told() -> None:
    said: list[str] = []
    starts: list[int] = []

    def restart() -> None:
        starts.append(1)
        raise DatabaseError("the disk is full", remedy="make room")

    outage = Outage(Connection(), say=said.append, restart=restart)
    for _ in range(2):
        with outage.waited_out():
            raise DatabaseAway("no answer")
    assert len(starts) == 1  # not at every look
    assert any("make room" in text for text in said)


class Fake:
    def __init__(self) -> None:
        self.alive = True

    def is_alive(self) -> bool:
        return self.alive

    def kill(self) -> None:
        self.alive = False


def test_a_dead_worker_is_replaced_but_later_and_later_when_it_dies_young(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(crew_module.time, "monotonic", lambda: now[0])
    hired: list[Fake] = []

    def hire() -> Fake:
        hired.append(Fake())
        return hired[-1]

    def replaced_after(seconds: float) -> int:
        now[0] += seconds
        return crew.replace_dead()

    crew = Crew(hire, 2)
    assert replaced_after(100) == 0
    hired[0].kill()
    assert replaced_after(0) == 1  # it had lived long
    hired[2].kill()
    assert [replaced_after(s) for s in (0, 4, 1.5)] == [0, 0, 1]
    hired[3].kill()
    assert [replaced_after(s) for s in (0, 5.5, 5)] == [0, 0, 1]
    assert [worker.alive for worker in hired] == [False, True, False, False, True]
    crew.kill()
    assert not any(worker.alive for worker in hired)


def test_a_process_prints_into_a_full_disk_without_failing() -> None:
    with redirected(Path("/dev/full")):
        sys.stdout.write("this goes nowhere\n")
        sys.stderr.write("nor does this\n")
    with redirected(Path("/dev/null/not-a-folder/job.log")):
        sys.stdout.write("nor this: the log cannot even be opened\n")
    assert sys.stdout.writable()
