"""A finished campaign with the cheap engines, whose description is hostile; and the command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from al_loop.campaign import CampaignSpec, dump_campaign, load_campaign
from al_loop.launch.submit import register
from al_loop.loop.context import Context
from al_loop.report.source import Source
from al_loop.store import Connection, Store
from tests.campaigns import CHEAP, write_campaign
from tests.cli.conftest import al_loop
from tests.loop.test_late_labels import NAME, Hands, carry_on, state

__all__ = ["al_loop"]

GIVEN_UP = f"{NAME}/0/start/chunk-000"
HOSTILE = "<img src=x onerror=alert(1)>"


def begin(store: Store, folder: Path) -> None:
    """Put the campaign up; nothing has run."""
    data = dump_campaign(load_campaign(write_campaign(folder, CHEAP, name=NAME)))
    data |= {"description": HOSTILE, "folder": str(folder / NAME)}
    data["budget"]["iterations"] = 2
    data["label"]["frames_per_job"] = 2
    data["select"]["trust"]["lower"] = 0.5
    data["split"] = {"valid": 0.1, "test": 0.4}
    register(store, CampaignSpec.model_validate(data), base=folder)


@pytest.fixture(scope="session")
def finished(
    new_database: Callable[[], Connection], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """Two iterations and the last training; a job of labels was given up on the way."""
    with Store(new_database()) as store:
        begin(store, tmp_path_factory.mktemp("finished"))
        hands = Hands()
        hands.break_ = lambda job: job.id == GIVEN_UP
        carry_on(store, hands, lambda: state(store) != "running")
        record = store.campaigns.get(NAME)
        assert record is not None and record.state == "stopped", record and record.reason
        yield store


@pytest.fixture(scope="session")
def source(finished: Store) -> Source:
    return Source(Context(finished, NAME))
