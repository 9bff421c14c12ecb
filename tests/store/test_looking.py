"""What pages ask the store for: counted by the database, with arrays only where they are drawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from ase import Atoms

from al_loop.frame import frame_hash
from al_loop.jobfolder import Span
from al_loop.loop.coverage import coverage_of
from al_loop.store import Selection, Store

from .contract import chosen, job
from .records import WHEN, label, model, walk

pytestmark = pytest.mark.engine

HASHES = [f"{i:064x}" for i in range(1, 8)]


def test_one_frame_is_found_whole_and_many_without_arrays(store: Store) -> None:
    other = chosen(HASHES[0], campaign="other", iteration=4)
    store.selections.put_many([chosen(HASHES[0]), chosen(HASHES[1], iteration=2), other])
    whole = store.selections.whole("glass", HASHES[0])
    assert whole is not None and whole.predicted_forces is not None
    assert whole.atom_deviations is not None
    assert store.selections.whole("glass", HASHES[2]) is None
    found = store.selections.of_frame(["other", "glass", "none"], HASHES[0])
    assert [(one.campaign, one.iteration) for one in found] == [("glass", 1), ("other", 4)]
    (light,) = store.selections.light("glass", 1)
    assert (light.frame, light.predicted_forces, light.atom_deviations) == (HASHES[0], None, None)
    assert store.selections.chosen_in("glass") == {HASHES[0]: 1, HASHES[1]: 2}


def test_labels_of_a_frame_by_any_method(store: Store) -> None:
    mine = [replace(label(HASHES[0]), method=method) for method in ("b", "a")]
    store.labels.put_many([*mine, label(HASHES[1])])
    assert [one.method for one in store.labels.of_frame(HASHES[0])] == ["a", "b"]
    assert store.labels.of_frame(HASHES[2]) == []


def test_a_frame_leads_to_the_models_that_saw_it(store: Store) -> None:
    first = store.training_sets.put("m", HASHES[:2])
    second = store.training_sets.put("m", HASHES[2:4], parent=first, waiting=[HASHES[5]])
    third = store.training_sets.put("m", [HASHES[5]], parent=second)
    sets = [first, second, third]
    holding = store.training_sets.holding
    assert holding(HASHES[0], sets) == {first, second, third}
    assert holding(HASHES[3], sets) == {second, third}
    assert holding(HASHES[3], [third]) == {third}
    assert holding(HASHES[5], sets) == {third}, "one that waited was not trained on"
    assert holding(HASHES[6], sets) == set()
    parent = model(0, 1, training_set=first)
    store.models.put(parent)
    store.models.put(model(1, 1, training_set=second, parent=parent.id))
    store.models.put(model(1, 0, training_set=second))
    found = store.models.trained_on(holding(HASHES[3], sets))
    assert [(one.iteration, one.member) for one in found] == [(1, 0), (1, 1)]
    assert store.models.children(parent.id) == ["glass/1/1"]


def test_a_walk_is_found_by_its_name(store: Store) -> None:
    store.walks.put_many([walk("a", 5), walk("b", 7)])
    found = store.walks.get("glass", 1, "b")
    assert found is not None and len(found.step) == 7
    assert store.walks.get("glass", 2, "b") is None


def test_time_on_cores_is_counted_by_stage(store: Store) -> None:
    store.jobs.put_many([job("a"), job("b"), job("due")])
    hour = timedelta(hours=1)
    store.jobs.mark_done(job("a").id, spans=[], started=WHEN, ended=WHEN + hour, host="n")
    # killed twice: its tries computed for longer than the last one lasted
    spans = [
        Span(what="compute", start=0.0, end=5000.0),
        Span(what="load", start=5000.0, end=9000.0),
        Span(what="compute", start=9000.0, end=11000.0),
    ]
    store.jobs.mark_done(job("b").id, spans=spans, started=WHEN, ended=WHEN + hour, host="n")
    (held,) = store.jobs.held("g")
    assert (held.iteration, held.stage, held.jobs) == (0, "label", 2)
    assert held.seconds == pytest.approx(3600 + 7000)


def test_when_a_result_came_is_known_by_the_clock_of_the_server(store: Store) -> None:
    store.jobs.put_many([job("a"), job("b")])
    assert store.jobs.last_taken_in("g") is None
    assert store.jobs.last_taken_in("none") is None
    start = store.clock()
    assert store.jobs.mark_done(job("a").id, spans=[], started=WHEN, ended=WHEN, host="n")
    first = store.jobs.last_taken_in("g")
    assert first is not None and start <= first <= store.clock()
    assert not store.jobs.mark_done(job("a").id, spans=[], started=WHEN, ended=WHEN, host="n")
    assert store.jobs.last_taken_in("g") == first
    store.jobs.mark_done(job("b").id, spans=[], started=WHEN, ended=WHEN, host="n")
    later = store.jobs.get(job("b").id)
    assert later is not None and later.taken_in is not None and later.taken_in >= first
    assert store.jobs.last_taken_in("g") == later.taken_in


def test_coverage_counts_each_frame_once(store: Store) -> None:
    glass = Atoms("Si2O4", positions=np.arange(18).reshape(6, 3), cell=[9, 9, 9], pbc=True)
    key = frame_hash(glass)
    store.frames.put_many({key: glass})
    start = Selection(
        campaign="glass", frame=key, iteration=0, chosen="initial", split="train", source="box",
        density=2.18,
    )  # fmt: skip
    hot = chosen(HASHES[0], group="SiO2, melt", temperature=3020.0, density=2.22)
    cold = replace(hot, frame=HASHES[1], temperature=290.0, chosen="audit")
    store.selections.put_many([start, hot, cold, replace(hot, frame=HASHES[2], density=2.4)])
    found = coverage_of(store, "glass")
    (silica,) = found.compositions
    assert (silica.name, silica.initial, silica.candidate, silica.audit) == ("SiO2", 1, 2, 1)
    assert found.temperatures == [None, 250.0, 3000.0]
    assert found.densities == pytest.approx([2.2, 2.4])
    assert found.counts == [[1, 1, 1], [0, 0, 1]]
    assert coverage_of(store, "none").counts == []
