"""What goes into the store comes out of it, to the last bit, and only once."""

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from ase import Atoms

from al_loop.errors import DatabaseError, DatasetError
from al_loop.jobfolder import Span
from al_loop.store import (
    CampaignRecord,
    Counts,
    ErrorSummary,
    Event,
    JobRecord,
    LabelRecord,
    Method,
    ModelRecord,
    Selection,
    Store,
    WalkRecord,
)
from al_loop.store.arrays import pack, unpack
from al_loop.store.jobs import merge_spans
from al_loop.store.record import clip, now

pytestmark = pytest.mark.engine

WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)
AWKWARD = np.array([[0.1, -0.0, 5e-324], [np.nan, np.inf, 1.7976931348623157e308]])


def campaign(name: str = "glass", **changes: object) -> CampaignRecord:
    values = {"name": name, "spec": {}, "schema_version": 1, "folder": "/f", **changes}
    return CampaignRecord.model_validate(values)


def label(frame: str, **changes: object) -> LabelRecord:
    values = {
        "state": "ok",
        "energy": -1.0 / 3.0,
        "forces": np.full((6, 3), 0.1),
        "virial": np.eye(3) / 7.0,
        "engine": "xtb",
        "seconds": 1.5,
        "cores": 1,
        "host": "node",
        "when": WHEN,
        **changes,
    }
    return LabelRecord(frame=frame, method="m", **values)  # type: ignore[arg-type]


def failed(frame: str, reason: str = "scf") -> LabelRecord:
    return label(frame, state="failed", energy=None, forces=None, virial=None, reason=reason)


def model(iteration: int = 0, member: int = 0, **changes: object) -> ModelRecord:
    values = {
        "campaign": "glass",
        "iteration": iteration,
        "member": member,
        "seed": 1,
        "trainer": "deepmd",
        "options": {"a.b": [1, 2.5], "$c": None},
        "training_set": "t",
        "state": "ok",
        **changes,
    }
    return ModelRecord.model_validate(values)


def walk(walker: str, samples: int) -> WalkRecord:
    values = np.random.default_rng(3).random((3, samples))
    return WalkRecord(
        campaign="glass",
        iteration=1,
        walker=walker,
        structure="quartz",
        ensemble="nvt",
        temperature=300.0,
        pressure=0.0,
        stop="completed",
        detail="",
        cut=2,
        step=np.arange(samples) * 10,
        max_force_deviation=values[0],
        sample_temperature=values[1],
        sample_pressure=values[2],
    )


@pytest.mark.parametrize(
    "array", [AWKWARD, AWKWARD.T, np.arange(3), np.zeros((0, 3)), AWKWARD.astype(">f8")]
)
def test_an_array_keeps_every_bit(array: np.ndarray) -> None:
    back = unpack(pack(array))
    assert back.shape == array.shape
    assert back.astype("<f8").tobytes() == np.ascontiguousarray(array).astype("<f8").tobytes()


def test_a_frame_keeps_every_bit(store: Store, frames: dict[str, Atoms]) -> None:
    store.frames.put_many(frames)
    found = store.frames.get_many([*frames, "0" * 64])
    assert list(found) == list(frames)
    for key, atoms in frames.items():
        assert found[key].positions.tobytes() == atoms.positions.tobytes()
        assert found[key].cell.array.tobytes() == atoms.cell.array.tobytes()
        assert found[key].numbers.tolist() == atoms.numbers.tolist()
        assert found[key].pbc.tolist() == atoms.pbc.tolist()
    assert store.frames.known([*frames, "0" * 64]) == set(frames)


def test_the_first_order_of_atoms_stays_because_forces_follow_it(
    store: Store, frames: dict[str, Atoms]
) -> None:
    key, atoms = next(iter(frames.items()))
    store.frames.put_many({key: atoms})
    store.frames.put_many({key: atoms[::-1]})
    assert store.frames.get_many([key])[key].numbers.tolist() == atoms.numbers.tolist()


def test_a_frame_under_a_foreign_hash_is_refused(store: Store, frames: dict[str, Atoms]) -> None:
    one, other = list(frames)[:2]
    with pytest.raises(DatasetError, match="hash"):
        store.frames.put_many({one: frames[other]})
    assert store.frames.known([one]) == set()


def test_more_keys_than_fit_one_query(store: Store, frames: dict[str, Atoms]) -> None:
    store.frames.put_many(frames)
    many = [f"{i:064x}" for i in range(12_000)]
    assert store.frames.known([*many, *frames]) == set(frames)


def test_a_label_keeps_every_bit(store: Store) -> None:
    forces = np.vstack([AWKWARD, AWKWARD])
    given = label("f", forces=forces, energy=0.1 + 0.2)
    store.labels.put_many([given])
    found = store.labels.get_many(["f", "absent"], "m")["f"]
    assert found.forces is not None and found.virial is not None and given.virial is not None
    assert found.forces.tobytes() == forces.tobytes()
    assert found.virial.tobytes() == given.virial.tobytes()
    assert found.energy == 0.1 + 0.2
    assert found.when == WHEN.replace(microsecond=678000)
    assert store.labels.get_many(["f"], "another method") == {}


def test_the_first_ok_label_stays(store: Store) -> None:
    store.labels.put_many([label("f", energy=1.0)])
    store.labels.put_many([label("f", energy=2.0)])
    store.labels.put_many([failed("f")])
    assert store.labels.get_many(["f"], "m")["f"].energy == 1.0


def test_an_ok_label_replaces_a_failed_one(store: Store) -> None:
    store.labels.put_many([failed("f"), failed("g")])
    store.labels.put_many([label("f", energy=2.0)])
    assert store.labels.get_many(["f"], "m")["f"].energy == 2.0
    assert store.labels.counts(["f", "g", "h"], "m") == {"ok": 1, "failed": 1, "quarantined": 0}
    assert store.labels.known(["f", "g", "h"], "m") == {"f", "g"}
    assert store.labels.count("m") == 1


def test_a_quarantined_label_stays_so(store: Store) -> None:
    store.labels.put_many([label("f")])
    assert store.labels.quarantine("f", "m", reason="energy is an outlier")
    store.labels.put_many([label("f")])
    assert store.labels.get_many(["f"], "m")["f"].state == "quarantined"
    assert not store.labels.quarantine("absent", "m", reason="")


def test_an_ok_label_without_numbers_is_refused() -> None:
    with pytest.raises(DatasetError, match="without numbers"):
        label("f", forces=None)


def test_a_selection_comes_back_and_the_first_stays(store: Store) -> None:
    first = Selection(
        campaign="glass",
        frame="f",
        iteration=1,
        chosen="candidate",
        split="train",
        source="quartz-nvt-0",
        step=np.int64(40),  # type: ignore[arg-type]
        deviation=float(np.float64(0.3)),
        predicted_forces=AWKWARD,
    )
    store.selections.put_many([first, replace(first, frame="e", iteration=2)])
    store.selections.put_many([replace(first, iteration=9), replace(first, campaign="other")])
    (found,) = store.selections.of_iteration("glass", 1)
    assert (found.step, found.deviation, found.chosen) == (40, 0.3, "candidate")
    assert found.predicted_forces is not None
    assert found.predicted_forces.tobytes() == AWKWARD.tobytes()
    light = store.selections.of_campaign("glass", with_forces=False)
    assert [(s.frame, s.predicted_forces) for s in light] == [("f", None), ("e", None)]
    assert store.selections.count("glass") == 2
    assert store.selections.hashes("glass") == {"f", "e"}
    assert store.selections.hashes("glass", iteration=2) == {"e"}


def test_a_method_is_found_under_its_fingerprint(store: Store) -> None:
    method = Method(engine="xtb", fingerprint={"a.b": 1, "accuracy": 0.1, "$": "x", "on": True})
    key = store.methods.put(method)
    assert key == store.methods.put(method) == method.id
    assert store.methods.get(key) == method
    assert store.methods.get("absent") is None


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


def test_a_model_comes_back(store: Store) -> None:
    given = model(
        files={"frozen.pb": "a", "model.ckpt.data-00000": "b"},
        model="frozen.pb",
        restart=("model.ckpt.data-00000",),
        valid_errors=ErrorSummary(frames=3, energy_rmse=1.0, force_rmse=0.1),
    )
    store.models.put(given)
    store.models.put(model(member=1, state="failed", reason="diverged"))
    store.models.put(model(seed=99))
    assert store.models.get(given.id) == given
    assert [m.member for m in store.models.of_iteration("glass", 0)] == [0, 1]
    store.models.put(model(member=1))
    assert [m.state for m in store.models.of_campaign("glass")] == ["ok", "ok"]
    final = ErrorSummary(frames=9, force_rmse=0.2)
    assert store.models.set_final_errors(given.id, final)
    assert not store.models.set_final_errors("absent", final)
    found = store.models.get(given.id)
    assert found is not None and found.final_test_errors == final


@pytest.mark.parametrize("count", [0, 3, 140_000])
def test_a_training_set_of_any_size_comes_back(store: Store, count: int) -> None:
    hashes = [f"{i:064x}" for i in range(count)]
    key = store.training_sets.put("m", reversed(hashes))
    assert store.training_sets.put("m", [*hashes, *hashes[:2]]) == key
    assert store.training_sets.put("another", hashes) != key
    found = store.training_sets.get(key)
    assert found is not None
    assert (found.method, found.frames, found.id) == ("m", tuple(hashes), key)


@pytest.mark.parametrize("samples", [0, 7, 600_000])
def test_a_walk_of_any_length_comes_back(store: Store, samples: int) -> None:
    given = walk("w", samples)
    store.walks.put(given)
    store.walks.put(replace(given, stop="deviation"))
    (found,) = store.walks.of_iteration("glass", 1)
    assert (found.stop, found.cut, found.temperature) == ("completed", 2, 300.0)
    assert found.step.dtype == np.int64
    for name in ("step", "max_force_deviation", "sample_temperature", "sample_pressure"):
        assert getattr(found, name).tobytes() == getattr(given, name).tobytes()
    (light,) = store.walks.of_iteration("glass", 1, with_arrays=False)
    assert len(light.step) == 0


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


def test_a_frame_that_no_document_can_hold_is_refused_with_a_reason(store: Store) -> None:
    with pytest.raises(DatasetError, match="MiB"):
        store.labels.put_many([label("f", forces=np.zeros((600_000, 3)))])


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
