"""The database: how fast, how safe, and by which clock."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import datetime, timezone

from al_loop.campaign.spec import SCHEMA_VERSION
from al_loop.launch.doctor.report import Finding
from al_loop.store import Store

SLOW_MS = 50.0
SKEW_SECONDS = 30.0
_PINGS = 7


def round_trip_ms(store: Store) -> float:
    """Median time of a question and its answer, ms."""
    times = []
    for _ in range(_PINGS):
        began = time.perf_counter()
        store.ping()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def clock_ahead(store: Store) -> float:
    """Our clock minus the server's, s."""
    before = datetime.now(timezone.utc)
    server = store.clock()
    middle = before + (datetime.now(timezone.utc) - before) / 2
    return (middle - server).total_seconds()


def database(store: Store, *, ms: float, ahead: float) -> Iterator[Finding]:
    """Faults of the database, given its round trip (ms) and our clock's advance (s)."""
    where = store.connection.address
    if ms > SLOW_MS:
        yield Finding("database-slow", where, f"an answer takes {ms:.0f} ms")
    if abs(ahead) > SKEW_SECONDS:
        side = "ahead of" if ahead > 0 else "behind"
        yield Finding("clock-skew", where, f"this machine is {abs(ahead):.0f} s {side} the server")
    journal = {k.lower(): v for k, v in store.connection.driver_kwargs.items()}.get("journal")
    if journal is False:
        yield Finding("not-journaled", where, "the last writes are lost when the server is killed")
    newer = [r.name for r in store.campaigns.all() if r.schema_version > SCHEMA_VERSION]
    if newer or store.is_ahead():
        yield Finding("database-ahead", where, f"campaigns: {', '.join(newer) or 'none yet'}")
