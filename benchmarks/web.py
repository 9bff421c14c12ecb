"""What the pages of a large campaign cost: time, bytes, and against reading all labels.

    python benchmarks/web.py [--labels 100000] [--iterations 50] [--walkers 1000] [--quick]

A campaign as it is late in its life (:mod:`benchmarks.large_campaign`) is written into a mongod of
its own. Then each page is asked for as a browser does, by a signed-in user: once by a site that has
just been started (``first_ms``), then ``--asks`` times with something new in the campaign each time
(``ms``: median of wall times; ``cpu_ms``: of CPU times, ours and mongod's, which say what an idle
machine would need). ``ratio`` is that CPU time over the one of reading all labels. The last line is
one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from al_loop.loop.context import Context
from al_loop.store import Connection, Event, LocalServer, Store
from al_loop.web.site import open_site
from al_loop.web.users import Users

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.large_campaign import NAME, SYSTEMS, Size, Writer
from benchmarks.watch import Watch


def pages_of(size: Size, frame: str) -> tuple[str, ...]:
    """Addresses of what is asked for; the model is the last one, trained on nearly all labels."""
    model = f"/campaigns/{NAME}/models/{size.iterations - 1}/0"
    campaign = f"/campaigns/{NAME}"
    return (
        "/campaigns/",
        f"{campaign}/",
        f"{campaign}/labels/",
        f"{campaign}/coverage/",
        f"{campaign}/iterations/1/",
        f"{campaign}/iterations/1/walkers/walker-00000/",
        f"{model}/",
        f"{model}.json",
        f"{campaign}/frames/{frame}/",
        f"{campaign}/frames/{frame}.json",
        f"{campaign}/glass/",
        f"{campaign}/glass/{size.iterations - 2}/{SYSTEMS[0]}.json",
        f"{campaign}.json",
        f"{campaign}/curves.json",
        f"{campaign}/deviation/0.json",
    )


def browser(site: Any, users: Users) -> FlaskClient:
    """Signed in, without the form: what is measured are pages."""
    client: FlaskClient = site.test_client()
    users.add("ada", role="read")
    found = users.get("ada")
    assert found is not None
    with client.session_transaction() as session:
        session["user"], session["stamp"] = found.name, found.stamp
    return client


def ask(client: FlaskClient, path: str) -> int:
    """Ask for a page; its bytes."""
    answer = client.get(path)
    if answer.status_code != 200:
        raise SystemExit(f"{path}: {answer.status}")
    return len(answer.data)


def measure(
    connection: Connection, folder: Path, watch: Watch, *, pages: Sequence[str], asks: int
) -> dict[str, Any]:
    """Each page, by a fresh site and by one that has answered before."""
    users = Users(folder / "users.json")
    users.add("ada", role="read")
    found: dict[str, Any] = {}
    for path in pages:
        with open_site(connection, users) as site, Store(connection) as store:
            client = browser(site, users)
            first = watch.measure(partial(ask, client, path))
            costs = []
            for n in range(asks):
                store.events.add(Event(campaign=NAME, kind="news", text=f"{path} {n}"))
                costs.append(watch.measure(partial(ask, client, path)))
            found[path] = {
                "first_ms": round(1000 * first.wall, 1),
                "first_cpu_ms": round(1000 * first.cpu, 1),
                "ms": round(1000 * statistics.median(one.wall for one in costs), 1),
                "cpu_ms": round(1000 * statistics.median(one.cpu for one in costs), 1),
                "bytes": ask(client, path),
            }
    return found


def read_all_labels(store: Store) -> None:
    """What a page would do that worked its numbers out from the labels."""
    ctx = Context(store, NAME)
    for part in _parts(sorted(store.selections.hashes(NAME)), 5000):
        ctx.labels_of(part)


def _parts(items: list[str], size: int) -> Iterator[list[str]]:
    for i in range(0, len(items), size):
        yield items[i : i + size]


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--labels", type=int, default=100_000)
    parser.add_argument("--iterations", type=int, default=50)
    parser.add_argument("--walkers", type=int, default=1000, help="walkers of an iteration")
    parser.add_argument("--asks", type=int, default=15, help="times that each page is asked for")
    parser.add_argument("--quick", action="store_true", help="2,000 labels, 50 walkers")
    given = parser.parse_args()
    size = Size(given.labels, given.iterations, given.walkers)
    if given.quick:
        size = Size(2000, 10, 50)
    with tempfile.TemporaryDirectory(prefix="al-loop-web-") as made:
        folder = Path(made)
        server = LocalServer(folder / "db")
        connection = server.start()
        try:
            with Store(connection) as store:
                say(f"writing {size}")
                writer = Writer(store, folder, size)
                writer.write()
                say("reading all labels")
                watch = Watch(server.status().pid or 0)
                all_labels = watch.measure(lambda: read_all_labels(store))
            say("asking for pages")
            pages = measure(
                connection, folder, watch, pages=pages_of(size, writer.frame), asks=given.asks
            )
        finally:
            server.stop()
    for one in pages.values():
        one["ratio"] = round(one["cpu_ms"] / (1000 * all_labels.cpu), 5)
    print(
        json.dumps(
            {
                "quick": given.quick,
                "labels": size.labels,
                "iterations": size.iterations,
                "walkers": size.walkers,
                "all_labels_ms": round(1000 * all_labels.wall, 1),
                "all_labels_cpu_ms": round(1000 * all_labels.cpu, 1),
                "slowest_ms": max(one["ms"] for one in pages.values()),
                "slowest_cpu_ms": max(one["cpu_ms"] for one in pages.values()),
                "slowest_first_ms": max(one["first_ms"] for one in pages.values()),
                "slowest_first_cpu_ms": max(one["first_cpu_ms"] for one in pages.values()),
                "most_bytes": max(one["bytes"] for one in pages.values()),
                "pages": pages,
            }
        )
    )


if __name__ == "__main__":
    main()
