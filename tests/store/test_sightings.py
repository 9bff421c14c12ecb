"""How long something has looked the same is told by the server's clock, whoever asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from al_loop.store import Connection, Store

pytestmark = pytest.mark.engine

AT_ONCE = 1.0
"""Longer than writing and reading may take on a busy machine, s."""


def age_when_it_exceeds(store: Store, key: str, value: str, seconds: float) -> float:
    end = time.monotonic() + 20
    while (age := store.sightings.look({key: value})[key]) <= seconds:
        assert time.monotonic() < end, f"{key} does not grow older: {age} s"
    return age


def test_what_is_new_has_been_so_for_no_time(store: Store) -> None:
    ages = store.sightings.look({"a": "1", "b": "1"})
    assert set(ages) == {"a", "b"}
    assert max(ages.values()) < AT_ONCE


def test_what_stays_the_same_grows_older_until_it_changes(store: Store) -> None:
    age_when_it_exceeds(store, "launch/1", "beat 1", 2 * AT_ONCE)
    assert store.sightings.look({"launch/1": "beat 2"})["launch/1"] < AT_ONCE


def test_a_value_is_never_taken_for_an_expression(store: Store) -> None:
    age_when_it_exceeds(store, "a.b", "$$NOW", 0.01)


def test_a_clock_that_is_an_hour_off_changes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.sightings.look({"launch/1": "beat"})
    real = time.time
    for skew in (3600.0, -3600.0):
        monkeypatch.setattr(time, "time", lambda skew=skew: real() + skew)
        assert store.sightings.look({"launch/1": "beat"})["launch/1"] < 60


def test_one_process_may_do_something_about_it(store: Store) -> None:
    store.sightings.look({"launch/1": "beat"})
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda _: store.sightings.claim("launch/1", "beat"), range(8)))
    assert won.count(True) == 1


def test_a_claim_lapses_and_ends_with_what_it_was_for(store: Store) -> None:
    store.sightings.look({"launch/1": "beat"})
    assert store.sightings.claim("launch/1", "beat")
    end = time.monotonic() + 20
    while not store.sightings.claim("launch/1", "beat", seconds=0.05):
        assert time.monotonic() < end
    assert not store.sightings.claim("launch/1", "beat")
    store.sightings.look({"launch/1": "next beat"})
    assert not store.sightings.claim("launch/1", "beat")
    assert store.sightings.claim("launch/1", "next beat")


def look_many_times(connection: Connection) -> float:
    with Store(connection) as store:
        return max(store.sightings.look({f"k{i}": "v" for i in range(50)})["k0"] for _ in range(20))


def test_many_may_look_at_once(
    store: Store,
    connection: Connection,
    in_processes: Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], list[Any]],
) -> None:
    assert min(in_processes(look_many_times, [(connection,)] * 3)) > 0
    assert store.sightings.table.count({}) == 50


def test_indexes_that_are_missing_are_found_and_made(store: Store) -> None:
    assert store.missing_indexes() == []
    store.database["jobs"].drop_indexes()
    store.database["labels"].drop_indexes()
    missing = store.missing_indexes()
    assert {name.split(".")[0] for name in missing} == {"jobs", "labels"}
    store.make_indexes()
    assert store.missing_indexes() == []


def test_the_servers_clock_is_told(store: Store) -> None:
    assert abs(store.clock().timestamp() - time.time()) < 60
