"""A page costs no more when the campaign grows: counted, since time depends on the machine.

benchmarks/web.py measures it with 100,000 labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo.database import Database

from al_loop.loop.context import Context
from al_loop.loop.review import find_frames
from al_loop.store import Connection, Event, Store
from al_loop.web.site import open_site
from al_loop.web.users import Users
from benchmarks.large_campaign import NAME, Size, Writer
from tests.web.addresses import addresses
from tests.web.conftest import signed_in

pytestmark = pytest.mark.engine

SMALL, LARGE = Size(labels=240, iterations=4, walkers=8), Size(labels=960, iterations=16, walkers=8)
FIRST_LABELS = SMALL.labels // SMALL.iterations
MOST_BYTES = 1_000_000
LISTS_ALL = {"campaigns"}
"""Collections that a page may read as a whole."""


@pytest.fixture(scope="module")
def sites(
    new_database: Callable[[], Connection], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Size, tuple[Store, Flask, FlaskClient]]]:
    """A site with a small campaign, and one where it is four times as large."""
    folder = tmp_path_factory.mktemp("speed")
    users = Users(folder / "users.json")
    users.add("nobody", role="read")
    with (
        _filled(new_database(), folder, users, SMALL) as small,
        _filled(new_database(), folder, users, LARGE) as large,
    ):
        yield {SMALL: small, LARGE: large}


@contextmanager
def _filled(
    connection: Connection, folder: Path, users: Users, size: Size
) -> Iterator[tuple[Store, Flask, FlaskClient]]:
    with Store(connection) as store:
        place = folder / str(size.labels)
        place.mkdir()
        Writer(store, place, size).write()
        with open_site(connection, users) as site:
            yield store, site, signed_in(site, users, f"ada-{size.labels}", role="read")


def watched(database: Database[Any], action: Callable[[], object]) -> list[dict[str, Any]]:
    """What the server did meanwhile, as its own profiler tells."""
    database.command("profile", 0)
    database.drop_collection("system.profile")
    database.create_collection("system.profile", capped=True, size=16 << 20)
    database.command("profile", 2)
    try:
        action()
    finally:
        database.command("profile", 0)
    names = {"$nin": [f"{database.name}.system.profile", f"{database.name}.$cmd"]}
    return list(database["system.profile"].find({"ns": names}))


def _keep(answers: list[Any], client: FlaskClient, path: str) -> None:
    answers.append(client.get(path))


def test_pages_read_by_indexes_and_as_often_as_in_a_small_campaign(
    sites: dict[Size, tuple[Store, Flask, FlaskClient]],
) -> None:
    """All that the site has of a campaign, and the list of all."""
    asked: dict[Size, dict[str, int]] = {}
    for size, (store, site, client) in sites.items():
        paths = ["/campaigns/", *addresses(site, store, campaign=NAME)]
        asked[size] = {endpoint(site, path): cost(store, size, client, path) for path in paths}
    assert asked[SMALL].keys() == asked[LARGE].keys()
    assert len(asked[LARGE]) >= 6
    for page, often in asked[LARGE].items():
        assert often <= asked[SMALL][page] + 1, page
        assert often <= 45, page


@pytest.mark.parametrize("ending", ["/", ".json"])
def test_a_training_set_is_not_read_again_for_each_model_that_had_it(
    sites: dict[Size, tuple[Store, Flask, FlaskClient]], ending: str
) -> None:
    store, _, client = sites[LARGE]
    (one, other, *_) = store.models.of_iteration(NAME, LARGE.iterations - 1)
    assert one.training_set == other.training_set
    assert store.training_sets.count(one.training_set) > LARGE.labels / 2
    address = f"/campaigns/{NAME}/models/{one.iteration}"
    assert client.get(f"{address}/{one.member}/").status_code == 200
    path = f"{address}/{other.member}{ending}"
    done = watched(store.database, lambda: client.get(path))
    assert done, "the profiler saw nothing"
    assert sum(one.get("nreturned", 0) for one in done) < LARGE.labels / 2


def test_a_button_beside_a_label_does_not_read_all_frames(
    sites: dict[Size, tuple[Store, Flask, FlaskClient]],
) -> None:
    store, _, _ = sites[LARGE]
    ctx, frame = Context(store, NAME), min(store.selections.hashes(NAME))
    found: list[list[str]] = []
    done = watched(store.database, lambda: found.append(find_frames(ctx, [frame])))
    assert found == [[frame]]
    assert sum(one.get("nreturned", 0) for one in done) < 10


def endpoint(site: Flask, path: str) -> str:
    return str(site.url_map.bind("here").match(path)[0])


def cost(store: Store, size: Size, client: FlaskClient, path: str) -> int:
    """How often a page asks the server; insists that it does so well."""
    # Something is new, so that nothing is answered as before.
    store.events.add(Event(campaign=NAME, kind="news", text=path))
    answer: list[Any] = []
    done = watched(store.database, partial(_keep, answer, client, path))
    assert answer[0].status_code in (200, 404), path  # no parity without models, say
    assert len(answer[0].data) < MOST_BYTES, path
    assert done, "the profiler saw nothing"
    for one in done:
        if one["ns"].split(".", 1)[1] not in LISTS_ALL:
            assert "COLLSCAN" not in one.get("planSummary", ""), (path, one)
        # Documents that are read and thrown away would grow with a campaign. Some need not be
        # wanted: the records of all iterations are summed up, first labels show no error.
        spared = size.iterations + FIRST_LABELS
        assert one.get("docsExamined", 0) <= one.get("nreturned", 0) + spared, (path, one)
    return sum(one["op"] != "getmore" for one in done)
