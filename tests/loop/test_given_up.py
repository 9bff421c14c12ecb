"""Jobs that are given up, or come back late: what they leave behind is neither lost nor endless."""

from __future__ import annotations

from pathlib import Path

import pytest

from al_loop.campaign import dump_campaign
from al_loop.errors import JobFolderError
from al_loop.loop import judge
from al_loop.loop.advance import advance
from al_loop.loop.context import Context
from al_loop.loop.jobs import run_job
from al_loop.loop.judge import measure
from al_loop.loop.stages import STAGES, labelling
from al_loop.loop.stages.base import Note
from al_loop.store import IterationRecord, JobRecord, Store
from tests.campaigns import computed
from tests.loop.test_late_labels import (
    NAME,
    Hands,
    at,
    begin,
    carry_on,
    first_label_chunk,
    state,
)

pytestmark = pytest.mark.engine


@pytest.fixture
def hands() -> Hands:
    return Hands()


def test_a_quorum_is_not_made_of_jobs_that_were_given_up(
    store: Store, tmp_path: Path, hands: Hands
) -> None:
    begin(store, tmp_path, quorum=0.25)
    hands.break_ = first_label_chunk
    hands.hold = lambda job: job.stage == "label" and not first_label_chunk(job)
    carry_on(store, hands, lambda: bool(store.jobs.quarantined(NAME)))
    assert advance(store, NAME, hands) == "waiting"
    assert state(store) == "running"
    assert at(store, 0, "label")


def test_labels_that_come_after_their_job_was_given_up_are_taken_in(
    store: Store, tmp_path: Path, hands: Hands
) -> None:
    begin(store, tmp_path)
    hands.break_ = first_label_chunk
    carry_on(store, hands, lambda: bool(store.jobs.quarantined(NAME)))
    (job,) = store.jobs.quarantined(NAME)
    ctx = Context(store, NAME)
    run_job(ctx.folder_of(job).path)
    advance(store, NAME, hands, finished=job.id)
    assert store.labels.known(job.items, ctx.method) == set(job.items)
    assert store.jobs.quarantined(NAME) == []


def test_a_job_whose_results_are_refused_again_and_again_is_given_up(
    store: Store, tmp_path: Path, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(store, tmp_path)
    label = STAGES["label"]
    ingest = label.ingest

    def refuse(ctx: Context, job: JobRecord) -> list[Note]:
        if first_label_chunk(job):
            raise JobFolderError("labels of another method", where="here")
        return ingest(ctx, job)

    monkeypatch.setattr(label, "ingest", refuse)
    carry_on(store, hands, lambda: bool(store.jobs.quarantined(NAME)), most=12)
    (job,) = store.jobs.quarantined(NAME)
    assert job.failure == "job-damaged"
    assert "labels of another method" in job.words


def test_an_ended_campaign_does_not_go_on_because_a_label_was_dropped(
    store: Store, tmp_path: Path, hands: Hands
) -> None:
    data = dump_campaign(begin(store, tmp_path))
    data["budget"] |= {"labels": 27, "iterations": 10}
    store.campaigns.amend(NAME, data, pending=None)
    carry_on(store, hands, lambda: at(store, 1, "assess"))
    decided = store.iterations.get(NAME, 0)
    assert decided is not None
    assert decided.reason.startswith("budget of 27 labels spent")
    store.selections.drop(NAME, [next(iter(store.selections.reasons(NAME, 0)))])
    carry_on(store, hands, lambda: state(store) != "running" or at(store, 2, "train"))
    assert state(store) == "stopped"


def test_a_late_label_does_not_undo_what_is_counted_at_the_same_time(
    store: Store, tmp_path: Path, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(store, tmp_path, quorum=0.5)

    def first_of_all(job: JobRecord) -> bool:
        return (job.stage, job.name) == ("start", "chunk-000")

    hands.hold = lambda job: first_of_all(job) or job.stage == "explore"
    carry_on(store, hands, lambda: at(store, 0, "explore"))
    (late,) = [job for job in store.jobs.all_due(NAME) if first_of_all(job)]

    def while_another_selects(ctx: Context, record: IterationRecord) -> IterationRecord:
        counts = record.counts.model_copy(update={"explored": 99})
        ctx.store.iterations.record(NAME, 0, counts=counts)
        return measure(ctx, record)

    monkeypatch.setattr(judge, "measure", while_another_selects)
    run_job(Context(store, NAME).folder_of(late).path)
    advance(store, NAME, hands, finished=late.id)
    after = store.iterations.get(NAME, 0)
    assert after is not None
    assert after.counts.explored == 99


def test_chunks_are_dealt_once_whatever_is_amended_before_they_are_all_put_up(
    store: Store, tmp_path: Path, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = dump_campaign(begin(store, tmp_path, frames_per_job=4))
    with monkeypatch.context() as dying:
        dying.setattr(store.iterations, "mark_planned", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            advance(store, NAME, hands)
    data["label"]["frames_per_job"] = 1
    store.campaigns.amend(NAME, data, pending=None)
    hands.hold = lambda job: True
    advance(store, NAME, hands)
    frames = [frame for job in store.jobs.due(NAME, 0, "start") for frame in job.items]
    assert len(frames) == len(set(frames))


def test_labels_that_are_in_the_store_are_not_computed_again_when_a_folder_is_lost(
    store: Store, tmp_path: Path, hands: Hands
) -> None:
    begin(store, tmp_path)
    hands.hold = first_label_chunk
    carry_on(store, hands, lambda: at(store, 0, "label") and len(store.jobs.all_due(NAME)) == 1)
    ctx = Context(store, NAME)
    (job,) = store.jobs.all_due(NAME)
    path = ctx.folder_of(job).path
    run_job(path)
    (path / "labels" / f"{job.items[-1]}.npz").unlink()
    (path / "result.json").unlink()
    labelling.salvage(ctx, job)
    path.rename(tmp_path / "lost")
    hands.hold = lambda job: False
    carry_on(store, hands, lambda: at(store, 1, "train"))
    again = (path / "computed.log").read_text().split()
    assert again == [job.items[-1]]
    assert store.selections.dropped(NAME, job.items) == set()
    assert set(job.items) == store.labels.known(job.items, ctx.method)


def test_an_iteration_stays_what_it_explored_when_stages_are_added(
    store: Store, tmp_path: Path, hands: Hands
) -> None:
    spec = begin(store, tmp_path)
    carry_on(store, hands, lambda: at(store, 2, "train"))
    data = dump_campaign(spec)
    data["explore"]["stages"].append(data["explore"]["stages"][-1])
    store.campaigns.amend(NAME, data, pending=None)
    carry_on(store, hands, lambda: at(store, 2, "label"))
    explored = [record.frozen["conditions"]["index"] for record in store.iterations.all(NAME)]
    assert explored == [0, 1, 2]


def test_labels_in_a_damaged_folder_are_kept(store: Store, tmp_path: Path, hands: Hands) -> None:
    begin(store, tmp_path)
    hands.hold = first_label_chunk
    carry_on(store, hands, lambda: at(store, 0, "label") and len(store.jobs.all_due(NAME)) == 1)
    (job,) = store.jobs.all_due(NAME)
    path = Context(store, NAME).folder_of(job).path
    run_job(path)
    (path / "result.json").unlink()
    (path / "job.json").write_text("{")
    hands.hold = lambda job: False
    carry_on(store, hands, lambda: at(store, 1, "train"))
    assert set(computed(tmp_path / NAME).values()) == {1}
