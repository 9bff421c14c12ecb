"""What a process keeps in mind of a campaign is forgotten where the campaign is another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from al_loop.loop.coverage import Coverage
from al_loop.store import Selection, Store
from al_loop.web.data import Reader
from tests.web.states import begin

pytestmark = pytest.mark.engine

NAME = "cheap"


def choose(store: Store, *, density: float, first: int) -> None:
    store.selections.put_many(
        Selection(
            campaign=NAME, frame=f"{first + i:064x}", iteration=0, chosen="candidate",
            split="train", source="walker", group="SiO2, melt", temperature=300.0, density=density,
        )
        for i in range(3)
    )  # fmt: skip


def covered(reader: Reader) -> Coverage:
    record = reader.store.campaigns.get(NAME)
    assert record is not None
    return reader.coverage(record)


def test_a_campaign_made_again_with_as_many_frames_is_looked_at_again(
    store: Store, tmp_path: Path
) -> None:
    reader = Reader(store)
    begin(store, tmp_path, NAME)
    choose(store, density=2.2, first=0)
    before = covered(reader)
    assert before.densities == pytest.approx([2.2])
    assert covered(reader) is before, "worked out once"
    store.campaigns.set_state(NAME, "stopped", "by hand")
    store.delete_campaign(NAME)
    begin(store, tmp_path, NAME)
    choose(store, density=2.6, first=10)
    assert covered(reader).densities == pytest.approx([2.6])
    choose(store, density=3.0, first=20)
    assert covered(reader).densities == pytest.approx([2.6, 3.0])
