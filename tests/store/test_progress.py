"""Records of progress: what they refuse, shorten and ignore, and how they are found."""

import json
from datetime import datetime, timezone

import numpy as np
import pytest

from al_loop.jobfolder import Span
from al_loop.store import Store
from al_loop.store.jobs import merge_spans
from al_loop.store.record import clip, now

from .records import campaign

pytestmark = pytest.mark.engine


def test_a_fact_that_does_not_exist_is_refused(store: Store) -> None:
    store.iterations.open("glass", 0, "start")
    with pytest.raises(TypeError, match="desicion"):
        store.iterations.record("glass", 0, desicion="final")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="itself"):
        store.iterations.move("glass", 0, from_stage="start", to_stage="start")


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
