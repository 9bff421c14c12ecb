"""A campaign that does not wait for everything: quorum, late labels, jobs that are given up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from al_loop.campaign import CampaignSpec, dump_campaign, load_campaign
from al_loop.launch.submit import register
from al_loop.loop.advance import advance
from al_loop.loop.context import Context
from al_loop.loop.jobs import run_job
from al_loop.store import JobRecord, Store
from tests.campaigns import CHEAP, computed, write_campaign

pytestmark = pytest.mark.engine

NAME = "cheap"


class Hands:
    """Runs jobs at once in this process, except those that are held back or made to fail."""

    def __init__(self) -> None:
        self.hold: Callable[[JobRecord], bool] = lambda job: False
        self.break_: Callable[[JobRecord], bool] = lambda job: False
        self.withdrawn = 0

    def ensure(self, ctx: Context, jobs: Sequence[JobRecord]) -> None:
        for job in jobs:
            folder = ctx.folder_of(job)
            if self.break_(job):
                folder.note_failure("engine-crashed", "Traceback ...\nRuntimeError: no such device")
            elif not self.hold(job):
                run_job(folder.path)

    def withdraw(self, ctx: Context) -> None:
        self.withdrawn += 1


def begin(store: Store, folder: Path, *, copies: int = 10, **label: object) -> CampaignSpec:
    spec = load_campaign(write_campaign(folder, CHEAP, name=NAME))
    data = dump_campaign(spec)
    data["label"] |= {"frames_per_job": 2, **label}
    data["structures"]["cristobalite"]["perturb"]["copies"] = copies
    data["folder"] = str(folder / NAME)
    spec = CampaignSpec.model_validate(data)
    register(store, spec, base=folder)
    return spec


def carry_on(store: Store, hands: Hands, until: Callable[[], bool], most: int = 60) -> None:
    """Advance until something holds; fails when nothing moves any more."""
    for _ in range(most):
        advance(store, NAME, hands)
        if until():
            return
    raise AssertionError(f"stuck: {store.iterations.latest(NAME)}")


def at(store: Store, index: int, stage: str) -> bool:
    latest = store.iterations.latest(NAME)
    return latest is not None and (latest.index, latest.stage) == (index, stage)


def state(store: Store) -> str:
    record = store.campaigns.get(NAME)
    assert record is not None
    return record.state


def first_label_chunk(job: JobRecord) -> bool:
    return (job.iteration, job.stage, job.name) == (0, "label", "chunk-000")


def trained_on(store: Store, iteration: int) -> set[str]:
    (key,) = {job.items[0] for job in store.jobs.of_stage(NAME, iteration, "train")}
    return store.training_sets.frames(key)


@pytest.fixture
def hands() -> Hands:
    return Hands()


def test_without_a_quorum_training_waits_for_every_label(
    store: Store, tmp_path: Path, hands: Hands
) -> None:
    begin(store, tmp_path)
    hands.hold = first_label_chunk
    carry_on(store, hands, lambda: at(store, 0, "label"))
    for _ in range(3):
        assert advance(store, NAME, hands) == "waiting"
    assert at(store, 0, "label")


def test_late_labels_join_the_next_training(store: Store, tmp_path: Path, hands: Hands) -> None:
    begin(store, tmp_path, quorum=0.6)
    hands.hold = first_label_chunk
    carry_on(store, hands, lambda: at(store, 1, "train"))
    (late,) = store.jobs.late(NAME, 1)
    before = store.iterations.get(NAME, 0)
    assert before is not None
    hands.hold = lambda job: job.stage == "train"
    carry_on(store, hands, lambda: not store.jobs.late(NAME, 1))
    hands.hold = lambda job: False
    carry_on(store, hands, lambda: at(store, 2, "train") and bool(late_trained(store, 2)))
    after = store.iterations.get(NAME, 0)
    assert after is not None
    assert trained_on(store, 1).isdisjoint(late.items)
    assert set(late.items) <= trained_on(store, 2)
    assert after.counts.labelled == before.counts.labelled + len(late.items)
    assert set(computed(tmp_path / NAME).values()) == {1}


def late_trained(store: Store, iteration: int) -> list[JobRecord]:
    return store.jobs.of_stage(NAME, iteration, "train")


def test_the_last_training_waits_for_every_label(
    store: Store, tmp_path: Path, hands: Hands
) -> None:
    begin(store, tmp_path, quorum=0.6)
    hands.hold = first_label_chunk
    carry_on(store, hands, lambda: at(store, 2, "done") or state(store) != "running")
    assert advance(store, NAME, hands) == "waiting"
    (late,) = store.jobs.late(NAME, 3)
    hands.hold = lambda job: False
    carry_on(store, hands, lambda: state(store) == "stopped")
    dropped = store.selections.dropped(NAME, late.items)
    assert set(late.items) - dropped <= trained_on(store, 3)
    assert hands.withdrawn > 0


def test_a_waiting_label_is_dropped_when_the_new_committee_is_sure_of_it(
    store: Store, tmp_path: Path, hands: Hands
) -> None:
    spec = begin(store, tmp_path, quorum=0.6)
    hands.hold = first_label_chunk
    carry_on(store, hands, lambda: at(store, 0, "label") and bool(store.jobs.all_due(NAME)))
    sure = dump_campaign(spec)
    sure["select"]["trust"] = {"lower": 1e6, "upper": 2e6}
    store.campaigns.amend(NAME, dump_campaign(spec), pending=sure)
    reasons = store.selections.reasons(NAME, 0)
    late = next(job for job in store.jobs.all_due(NAME) if first_label_chunk(job))
    candidates = {frame for frame in late.items if reasons[frame] == "candidate"}
    assert candidates
    carry_on(store, hands, lambda: at(store, 1, "label") or at(store, 1, "done"))
    hands.hold = lambda job: False
    carry_on(store, hands, lambda: not store.jobs.late(NAME, 1))
    assert store.selections.dropped(NAME, reasons) == candidates
    assert not candidates & computed(tmp_path / NAME).keys()
    kinds = {event.kind for event in store.events.latest(NAME, 50)}
    assert "labels-dropped" in kinds


def test_a_job_that_fails_three_times_is_given_up_and_the_campaign_goes_on(
    store: Store, tmp_path: Path, hands: Hands
) -> None:
    begin(store, tmp_path)
    hands.break_ = first_label_chunk
    carry_on(store, hands, lambda: state(store) == "stopped")
    (given_up,) = store.jobs.quarantined(NAME)
    assert first_label_chunk(given_up)
    assert given_up.failure == "engine-crashed"
    assert given_up.words.endswith("no such device")
    assert trained_on(store, 3).isdisjoint(given_up.items)
    (event,) = [e for e in store.events.latest(NAME, 100) if e.kind == "job-quarantined"]
    assert "no such device" in event.text


def test_labels_that_a_hopeless_job_has_made_are_kept(
    store: Store, tmp_path: Path, hands: Hands
) -> None:
    begin(store, tmp_path)
    hands.hold = first_label_chunk
    carry_on(store, hands, lambda: at(store, 0, "label") and len(store.jobs.all_due(NAME)) == 1)
    ctx = Context(store, NAME)
    (job,) = store.jobs.all_due(NAME)
    folder = ctx.folder_of(job)
    run_job(folder.path)
    lost = sorted((folder.path / "labels").glob("*.npz"))[0]
    lost.unlink()
    (folder.path / "result.json").unlink()
    hands.break_ = first_label_chunk
    carry_on(store, hands, lambda: at(store, 1, "train"))
    assert set(store.labels.known(job.items, ctx.method)) == set(job.items) - {lost.stem}


def test_with_no_label_at_all_a_campaign_ends_with_the_last_words(
    store: Store, tmp_path: Path, hands: Hands
) -> None:
    begin(store, tmp_path)
    hands.break_ = lambda job: job.stage == "start"
    carry_on(store, hands, lambda: state(store) == "failed")
    record = store.campaigns.get(NAME)
    assert record is not None
    assert "no such device" in record.reason
    assert "al-loop resume" in record.reason


def test_a_paused_campaign_takes_in_what_ends_and_puts_nothing_up(
    store: Store, tmp_path: Path, hands: Hands
) -> None:
    begin(store, tmp_path)
    hands.hold = lambda job: True
    advance(store, NAME, hands)
    first, *others = store.jobs.due(NAME, 0, "start")
    store.campaigns.set_state(NAME, "paused", "by a person")
    run_job(Context(store, NAME).folder_of(first).path)
    hands.hold = lambda job: False
    assert advance(store, NAME, hands) == "paused"
    assert store.jobs.due(NAME, 0, "start") == others
