"""A mongod that is killed and started again, or away for a while: no verb notices."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pymongo import errors
from pymongo.collection import Collection

from al_loop.errors import DatabaseAway, DatabaseError
from al_loop.store import CampaignRecord, Connection, LocalServer, Store
from al_loop.store.faults import translate
from al_loop.store.outages import passes_by_itself, persist
from al_loop.store.table import Client, Table
from tests.mongo import kill_server

KILLS = 4


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    server = LocalServer(tmp_path / "al-loop-db")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def table(server: LocalServer) -> Iterator[Table]:
    client = Client(server.connection())
    client.ping()  # the first contact is less patient, and is not what is tested here
    yield Table(client, "numbers")
    client.close()


def killed_while(server: LocalServer, work: Callable[[], bool]) -> int:
    """Do ``work`` until it says that it is enough, under kills; how often it was done."""
    over = threading.Event()

    def kill() -> None:
        for _ in range(KILLS):
            kill_server(server)
            server.start()
        over.set()

    done = 0
    with ThreadPoolExecutor(1) as pool:
        killer = pool.submit(kill)
        while not over.is_set():
            assert work()
            done += 1
            if killer.done():
                break
        killer.result()
    return done


@pytest.mark.engine
def test_each_write_under_kills_happens_once_and_stays(server: LocalServer, table: Table) -> None:
    numbers = iter(range(1 << 30))

    def work() -> bool:
        n = next(numbers)
        first = table.insert_new({"_id": f"new-{n}", "n": 0})
        again = table.insert_new({"_id": f"new-{n}", "n": 1})
        table.insert_absent({"_id": f"many-{n}-{i}", "n": i} for i in range(50))
        moved = table.change_if(f"new-{n}", {"n": 0}, {"$set": {"n": 1}})
        late = table.change_if(f"new-{n}", {"n": 0}, {"$set": {"n": 2}})
        table.replace_where([{"_id": f"many-{n}-0", "n": 100}], {"n": 0})
        table.delete({"_id": f"many-{n}-1"})
        return (first, again, moved, late) == (True, False, True, False)

    done = killed_while(server, work)
    assert done > 0
    assert table.count({"_id": {"$regex": "^new"}, "n": 1}) == done
    assert table.count({"_id": {"$regex": "^many"}}) == 49 * done
    assert table.count({"n": 100}) == done


@pytest.mark.engine
def test_each_reading_under_kills_is_whole(server: LocalServer, table: Table) -> None:
    table.insert_absent({"_id": str(i), "n": i, "text": "x" * 1000} for i in range(3000))
    keys = [str(i) for i in range(3000)]

    def work() -> bool:
        found = table.find({}, sort=[("n", 1)])
        summed = table.aggregate([{"$group": {"_id": None, "sum": {"$sum": "$n"}}}])
        return (
            [d["n"] for d in found] == list(range(3000))
            and len(table.find_keys(keys, fields={"_id": 1})) == 3000
            and summed[0]["sum"] == sum(range(3000))
            and table.get("7") is not None
        )

    assert killed_while(server, work) > 0


@pytest.mark.engine
def test_a_reading_that_lost_its_server_between_two_parts_begins_again(
    server: LocalServer, table: Table
) -> None:
    table.insert_absent({"_id": str(i)} for i in range(10))
    tries = []

    def read(collection: Collection[dict[str, Any]]) -> int:
        cursor = collection.find({}, batch_size=4)
        next(cursor)
        tries.append(1)
        if len(tries) == 1:
            kill_server(server)
            server.start()
            collection.count_documents({})  # the driver has found the new server
        return 1 + len(list(cursor))

    assert table._run(read) == 10
    assert len(tries) == 2


@pytest.mark.engine
def test_a_first_contact_waits_as_long_as_it_was_told(server: LocalServer) -> None:
    connection = server.connection()
    kill_server(server)
    with Store(connection, patience=0.3) as hasty, pytest.raises(DatabaseAway, match="db start"):
        hasty.ping()
    with Store(connection, patience=60) as patient, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(patient.campaigns.all)
        with pytest.raises(TimeoutError):
            asked.result(timeout=0.5)
        server.start()
        assert asked.result(timeout=60) == []


@pytest.mark.engine
def test_an_outage_beyond_the_patience_is_an_error_and_the_next_call_works(
    server: LocalServer,
) -> None:
    with Store(server.connection().with_patience(0.5)) as store:
        store.campaigns.create(CampaignRecord(name="c", spec={}, schema_version=1, folder="/f"))
        kill_server(server)
        with pytest.raises(DatabaseAway, match=r"no database answers|ended the connection"):
            store.campaigns.all()
        server.start()
        assert [c.name for c in store.campaigns.all()] == ["c"]


def test_patience_is_the_drivers_own_wherever_it_is_set() -> None:
    uri = Connection(host="mongodb://h/?serverSelectionTimeoutMS=3000&w=1", uri_mode=True)
    site = Connection(mongoclient_kwargs={"serverselectiontimeoutms": 600_000, "w": 1})
    assert (Connection().patience, uri.patience, site.patience) == (120, 3, 600)
    assert (uri.with_patience(1).patience, site.with_patience(1).patience) == (1, 1)
    assert site.with_patience(1).mongoclient_kwargs == {"w": 1, "serverSelectionTimeoutMS": 1000}


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (errors.AutoReconnect("connection closed"), True),
        (errors.ServerSelectionTimeoutError("no servers"), True),
        (errors.OperationFailure("interrupted at shutdown", 11600), True),
        (errors.OperationFailure("cursor id 7 not found", 43), True),
        (errors.BulkWriteError({"writeErrors": [{"code": 11000}, {"code": 91}]}), True),
        (errors.BulkWriteError({"writeErrors": [{"code": 11000}]}), False),
        (errors.OperationFailure("not authorized", 13), False),
        (errors.OperationFailure("Authentication failed", 18), False),
        (errors.ConfigurationError("unknown option"), False),
    ],
)
def test_what_passes_by_itself_is_told_from_what_does_not(
    error: errors.PyMongoError, passes: bool
) -> None:
    assert passes_by_itself(error) is passes
    assert isinstance(translate(error, Connection()), DatabaseAway) is passes
    assert isinstance(translate(error, Connection()), DatabaseError)


def test_what_does_not_pass_is_tried_once_and_what_does_until_time_is_up() -> None:
    calls: list[int] = []

    def fail_with(error: errors.PyMongoError) -> None:
        calls.append(1)
        raise error

    for error, often in (
        (errors.OperationFailure("no", 13), False),
        (errors.AutoReconnect("away"), True),
        (errors.ServerSelectionTimeoutError("the driver has waited already"), False),
    ):
        calls.clear()
        with pytest.raises(type(error)):
            persist(lambda error=error: fail_with(error), seconds=0.2)  # type: ignore[misc]
        assert (len(calls) > 2) is often
