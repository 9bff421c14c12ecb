"""What the tests of whole campaigns compare with, and where they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from al_loop.campaign import load_campaign
from al_loop.launch.local import run_local
from al_loop.store import Connection, Store
from tests.campaigns import CHEAP, Outcome, Place, end_runs, outcome, write_campaign


@pytest.fixture(scope="session")
def undisturbed(
    new_database: Callable[[], Connection], tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    """The cheap campaign, run in one go, without FireWorks."""
    folder = tmp_path_factory.mktemp("undisturbed")
    file = write_campaign(folder, CHEAP, name="cheap")
    spec = load_campaign(file).model_copy(update={"folder": str(folder / "cheap")})
    with Store(new_database()) as store:
        run_local(store, spec, base=folder, cores=2)
        return outcome(store, "cheap")


@pytest.fixture(autouse=True)
def _no_run_outlives_its_test() -> Iterator[None]:
    yield
    end_runs()


@pytest.fixture
def place(connection: Connection, tmp_path: Path) -> Place:
    """The cheap campaign, not begun."""
    return Place.make(tmp_path, connection)
