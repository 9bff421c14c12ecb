"""Who looks after a campaign waits while the database is away, and replaces workers that die."""

from __future__ import annotations

import pytest
from pymongo.errors import AutoReconnect, OperationFailure

from al_loop.errors import DatabaseAway, DatabaseError
from al_loop.launch import crew as crew_module
from al_loop.launch.crew import Crew
from al_loop.launch.outage import Outage
from al_loop.store import Connection


def test_an_outage_is_told_once_and_has_a_length() -> None:
    said: list[str] = []
    outage = Outage(Connection(), say=said.append, restart=None)
    assert outage.over() == 0
    for error in (DatabaseAway("no answer"), AutoReconnect("closed"), DatabaseAway("refused")):
        with outage.waited_out():
            raise error
    assert len(said) == 1 and "no answer" in said[0]
    assert outage.over() > 0
    assert outage.over() == 0
    with outage.waited_out():
        raise DatabaseAway("no answer")
    assert len(said) == 2


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


def test_a_dead_worker_is_replaced_but_not_one_that_died_young(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hired: list[Fake] = []

    def hire() -> Fake:
        hired.append(Fake())
        return hired[-1]

    crew = Crew(hire, 2)
    hired[0].kill()
    assert crew.replace_dead() == 0
    monkeypatch.setattr(crew_module, "YOUNG_SECONDS", 0.0)
    assert crew.replace_dead() == 1
    assert [worker.alive for worker in hired] == [False, True, True]
    crew.kill()
    assert not any(worker.alive for worker in hired)
