"""What a process keeps in mind of a campaign is forgotten where the campaign is another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from al_loop.loop.coverage import Coverage
from al_loop.loop.glass_view import GlassView
from al_loop.store import CampaignRecord, Selection, Store
from al_loop.web import data
from al_loop.web.data import Reader
from tests.glasses import hot_silica, put_glass, put_silica, take_away
from tests.web.states import ENDED, RUNNING, begin

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


def density(view: GlassView | None) -> float:
    assert view is not None and view.systems[0].whole is not None
    return view.systems[0].whole.values["density"].value


def test_glasses_are_read_again_when_more_are_measured_or_a_reference_has_changed(
    states: Store, tmp_path: Path
) -> None:
    record = states.campaigns.get(ENDED)
    assert record is not None
    reader = Reader(states)
    before = reader.glass(record, 0)
    assert before is not None and reader.glass(record, 0) is before
    file = Path(record.base) / "s_neutron.csv"
    text = file.read_text()
    try:
        file.write_text(text.replace("another box", "one more box"))
        changed = reader.glass(record, 0)
        assert changed is not None and changed.systems[0].references is not None
        sources = {one.subject.source for one in changed.systems[0].references.curves}
        assert sources == {"one more box (2026)", "another box (2026)"}
        put_silica(states, ENDED, 0, tmp_path, samples=3, density=2.5)
        assert density(reader.glass(record, 0)) == 2.5 != density(changed)
    finally:
        file.write_text(text)
        take_away(states, ENDED)
        put_glass(states, ENDED, 0, tmp_path, hot_silica(2), samples=2)


def test_a_site_that_has_warmed_up_answers_from_what_it_knows(
    states: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = CampaignRecord(name="a", spec={"odd": 1}, schema_version=1, folder="/x", state="running")
    states.campaigns.create(odd)
    reader = Reader(states)
    try:
        reader.warm()
    finally:
        states.campaigns.set_state("a", "failed", "")
        states.delete_campaign("a")
    for name in ("curves_of", "coverage_of", "campaign_status", "spending_of", "glass_view"):
        monkeypatch.setattr(data, name, None)
    record = states.campaigns.get(RUNNING)
    assert record is not None
    page = reader.campaign(RUNNING)
    assert page is not None and page.status.name == RUNNING
    ended = states.campaigns.get(ENDED)
    assert ended is not None and reader.glass(ended, 0) is not None
    assert reader.curves(RUNNING).learning and reader.coverage(record).densities
