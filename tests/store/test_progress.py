"""How a campaign goes on: states, leases, stages, jobs and events."""

import json
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from al_loop.errors import DatabaseError
from al_loop.jobfolder import Span
from al_loop.store import (
    Counts,
    Event,
    JobRecord,
    Store,
)
from al_loop.store.jobs import merge_spans
from al_loop.store.record import clip, now

from .records import WHEN, campaign

pytestmark = pytest.mark.engine


def test_a_campaign_comes_back_whatever_its_keys(store: Store) -> None:
    spec = {"structures": {"SiO2.v2": {"$x": [1, 2.5, None]}}, "seed": 2**80}
    record = campaign(spec=spec, created=WHEN)
    assert store.campaigns.create(record)
    assert not store.campaigns.create(campaign(spec={"another": 1}))
    assert store.campaigns.get("glass") == record
    assert [c.name for c in store.campaigns.all()] == ["glass"]
    assert store.campaigns.get("absent") is None
    assert store.campaigns.state("absent") is None


def test_the_end_of_a_campaign_is_its_first_end(store: Store) -> None:
    store.campaigns.create(campaign(created=WHEN))
    store.campaigns.set_state("glass", "converged", "good", when=WHEN + timedelta(hours=1))
    store.campaigns.set_state("glass", "converged", "good", when=WHEN + timedelta(hours=2))
    ended = store.campaigns.get("glass")
    assert ended is not None and ended.ended == campaign(created=WHEN).created + timedelta(hours=1)
    store.campaigns.set_state("glass", "running", "more budget")
    store.campaigns.replace_spec("glass", {"budget": 2}, schema_version=2)
    again = store.campaigns.get("glass")
    assert again is not None
    assert (again.state, again.ended, again.spec) == ("running", None, {"budget": 2})
    assert (store.campaigns.state("glass"), again.schema_version) == ("running", 2)


def test_a_campaign_that_is_not_there_cannot_change(store: Store) -> None:
    with pytest.raises(DatabaseError, match="no campaign 'absent'"):
        store.campaigns.set_state("absent", "stopped", "")


def test_a_lease_has_one_owner_until_it_is_given_back_or_runs_out(store: Store) -> None:
    store.campaigns.create(campaign())
    lease, release = store.campaigns.lease, store.campaigns.release
    assert lease("glass", "$me", 60)
    assert not lease("glass", "other", 60)
    assert lease("glass", "$me", 60)
    assert not release("glass", "other")
    assert store.campaigns.lease_owner("glass") == "$me"
    assert release("glass", "$me")
    assert store.campaigns.lease_owner("glass") is None
    assert lease("glass", "other", -1)
    assert lease("glass", "$me", 60)
    assert not lease("absent", "$me", 60)


def test_an_iteration_moves_once_and_keeps_what_was_measured(store: Store) -> None:
    its = store.iterations
    assert its.open("glass", 0, "start", when=WHEN)
    assert not its.open("glass", 0, "train")
    assert its.record("glass", 0, planned=True)
    moved = its.move(
        "glass", 0, from_stage="start", to_stage="train", seconds={"start": 2.0}, idle={"start": 1}
    )
    assert moved
    assert not its.move("glass", 0, from_stage="start", to_stage="train", audit_error=9.0)
    assert its.record("glass", 0, seconds={"train": 5.0}, counts=Counts(explored=7))
    assert not its.record("glass", 8, reason="")
    assert its.open("glass", 1, "train")
    found = its.get("glass", 0)
    assert found is not None
    assert found.seconds == {"start": 2.0, "train": 5.0}
    assert (found.stage, found.idle, found.planned) == ("train", {"start": 1.0}, False)
    assert (found.counts.explored, found.audit_error) == (7, None)
    last = its.latest("glass")
    assert last is not None and last.index == 1
    assert [i.index for i in its.all("glass")] == [0, 1]
    assert its.latest("absent") is None and its.get("absent", 0) is None


def test_a_fact_that_does_not_exist_is_refused(store: Store) -> None:
    store.iterations.open("glass", 0, "start")
    with pytest.raises(TypeError, match="desicion"):
        store.iterations.record("glass", 0, desicion="final")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="itself"):
        store.iterations.move("glass", 0, from_stage="start", to_stage="start")


def test_a_job_is_done_once_and_can_be_reopened(store: Store) -> None:
    def job(name: str, items: tuple[str, ...]) -> JobRecord:
        return JobRecord(campaign="g", iteration=0, stage="label", name=name, items=items)

    first, second = job("chunk-0", ("a", "b")), job("chunk-1", ("c",))
    store.jobs.put_many([first, second])
    store.jobs.put_many([job("chunk-0", ())])
    assert store.jobs.of_stage("g", 0, "label") == [first, second]
    span = Span(what="compute", start=1.0, end=2.0)
    assert store.jobs.add_attempt(first.id)
    done = {"spans": [span], "started": WHEN, "ended": WHEN, "host": "node"}
    assert store.jobs.mark_done(first.id, **done)  # type: ignore[arg-type]
    assert not store.jobs.mark_done(first.id, **done)  # type: ignore[arg-type]
    assert not store.jobs.add_attempt(first.id)
    assert [j.name for j in store.jobs.due("g", 0, "label")] == ["chunk-1"]
    assert (store.jobs.count("g", 0, "label"), store.jobs.count_due("g", 0, "label")) == (2, 1)
    found = store.jobs.get(first.id)
    assert found is not None and found.spans == (span,) and found.attempts == 1
    store.jobs.reopen(first.id)
    assert store.jobs.count_due("g", 0, "label") == 2
    assert store.jobs.get("absent") is None


def test_very_many_spans_lose_their_shortest_pauses() -> None:
    ends = np.cumsum(np.full(20_000, 1.0))
    pauses = np.where(np.arange(20_000) % 2, 0.5, 0.001)
    spans = [
        Span(what="compute", start=e - 1 + p, end=e) for e, p in zip(ends, pauses, strict=True)
    ]
    merged = merge_spans(spans)
    assert len(merged) == 10_000
    assert (merged[0].start, merged[-1].end) == (spans[0].start, spans[-1].end)
    kept = sum(s.end - s.start for s in merged)
    assert kept == pytest.approx(sum(s.end - s.start for s in spans), rel=0.001)


def test_events_come_back_in_order(store: Store) -> None:
    for n in range(5):
        when = WHEN + timedelta(seconds=n)
        data = {"n": n, "nan": float("nan")}
        store.events.add(Event(campaign="g", when=when, kind="k", text=str(n), data=data))
    store.events.add(Event(campaign="other", kind="k", text="x" * 100_000))
    assert [e.text for e in store.events.latest("g", 3)] == ["2", "3", "4"]
    (last,) = store.events.latest("g", 1)
    assert (last.data, "/" in last.where) == ({"n": 4, "nan": "nan"}, True)
    (long,) = store.events.latest("other", 1)
    assert len(long.text) < 21_000


def test_times_are_utc_to_the_millisecond_and_long_texts_keep_their_ends() -> None:
    assert now().tzinfo == timezone.utc and now().microsecond % 1000 == 0
    assert campaign(created=datetime(2026, 1, 1)).created.tzinfo == timezone.utc
    text = clip("head" + "x" * 50_000 + "tail")
    assert text.startswith("head") and text.endswith("tail") and len(text) < 21_000


def test_records_are_frozen_and_ignore_keys_of_later_versions(store: Store) -> None:
    record = campaign()
    with pytest.raises(ValueError, match="frozen"):
        record.state = "failed"
    store.campaigns.create(record)
    store.database["campaigns"].update_one({"_id": "glass"}, {"$set": {"from_the_future": 1}})
    assert store.campaigns.get("glass") == record


def test_every_query_that_grows_with_a_campaign_uses_an_index(store: Store) -> None:
    store.ping()
    queries = [
        ("selections", {"campaign": "g", "iteration": 1}, [("frame", 1)]),
        ("models", {"campaign": "g"}, [("campaign", 1), ("iteration", 1), ("member", 1)]),
        ("models", {"files.id": "x"}, []),
        ("jobs", {"campaign": "g", "iteration": 1, "stage": "label"}, [("name", 1)]),
        ("jobs", {"campaign": "g", "iteration": 1, "stage": "label", "state": "due"}, []),
        ("iterations", {"campaign": "g"}, [("campaign", -1), ("index", -1)]),
        ("walks", {"campaign": "g", "iteration": 1}, [("walker", 1)]),
        ("events", {"campaign": "g"}, [("when", -1), ("_id", -1)]),
        ("labels", {"method": "m", "state": "ok"}, []),
        ("al_files.chunks", {"files_id": "x"}, []),
    ]
    for name, query, sort in queries:
        cursor = store.database[name].find(query)
        plan = json.dumps(
            (cursor.sort(sort) if sort else cursor).explain()["queryPlanner"]["winningPlan"],
            default=str,
        )
        assert "IXSCAN" in plan and '"SORT"' not in plan, (name, query)
