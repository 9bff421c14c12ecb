"""The contract of the store: what is written is there, whole and once, whoever writes it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from ase import Atoms

from al_loop.errors import DatabaseError, DatasetError
from al_loop.jobfolder import Span
from al_loop.store import (
    Counts,
    ErrorSummary,
    Event,
    GlassMeasurement,
    GlassRecord,
    GlassState,
    JobRecord,
    MeasuredValue,
    Method,
    QuenchedFrame,
    QuenchRecord,
    Selection,
    Store,
)

from .records import AWKWARD, WHEN, campaign, failed, label, model, walk


def at_once(actions: Sequence[Callable[[], bool]]) -> int:
    """Number of the actions that say yes when all are done at the same time."""
    with ThreadPoolExecutor(len(actions)) as threads:
        return sum(future.result(60) for future in [threads.submit(action) for action in actions])


def chosen(frame: str = "f", **changes: object) -> Selection:
    first = Selection(
        campaign="glass",
        frame=frame,
        iteration=1,
        chosen="candidate",
        split="train",
        source="quartz-nvt-0",
        step=np.int64(40),  # type: ignore[arg-type]
        deviation=float(np.float64(0.3)),
        predicted_forces=AWKWARD,
        atom_deviations=AWKWARD[0],
    )
    return replace(first, **changes)  # type: ignore[arg-type]


def job(name: str, items: tuple[str, ...] = ()) -> JobRecord:
    return JobRecord(campaign="g", iteration=0, stage="label", name=name, items=items)


def done(store: Store, key: str, host: str = "node") -> bool:
    span = Span(what="compute", start=1.0, end=2.0)
    return store.jobs.mark_done(key, spans=[span], started=WHEN, ended=WHEN, host=host)


class StoreContract:
    """Inherit, name the class ``Test...``, and give a fixture ``store`` on an empty database."""

    rounds = 10
    """Races between two threads."""

    # -- frames

    def test_a_frame_keeps_every_bit(self, store: Store, frames: dict[str, Atoms]) -> None:
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
        self, store: Store, frames: dict[str, Atoms]
    ) -> None:
        key, atoms = next(iter(frames.items()))
        store.frames.put_many({key: atoms})
        store.frames.put_many({key: atoms[::-1]})
        assert store.frames.get_many([key])[key].numbers.tolist() == atoms.numbers.tolist()

    def test_a_frame_under_a_foreign_hash_is_refused(
        self, store: Store, frames: dict[str, Atoms]
    ) -> None:
        one, other = list(frames)[:2]
        with pytest.raises(DatasetError, match="hash"):
            store.frames.put_many({one: frames[other]})
        assert store.frames.known([one]) == set()

    # -- labels

    def test_a_label_keeps_every_bit(self, store: Store) -> None:
        forces = np.vstack([AWKWARD, AWKWARD])
        given = label("f", forces=forces, energy=0.1 + 0.2)
        store.labels.put_many([given])
        found = store.labels.get_many(["f", "absent"], "m")["f"]
        assert found.forces is not None and found.virial is not None and given.virial is not None
        assert found.forces.tobytes() == forces.tobytes()
        assert found.virial.tobytes() == given.virial.tobytes()
        assert found.energy == 0.1 + 0.2
        assert found.when == WHEN.replace(microsecond=678000)

    def test_labels_of_another_method_are_others(self, store: Store) -> None:
        store.labels.put_many([label("f", energy=1.0)])
        assert store.labels.get_many(["f"], "another method") == {}
        assert store.labels.known(["f"], "another method") == set()
        store.labels.put_many([replace(label("f", energy=2.0), method="another method")])
        for method, energy in (("m", 1.0), ("another method", 2.0)):
            assert store.labels.get_many(["f"], method)["f"].energy == energy
            assert store.labels.count(method) == 1

    def test_the_first_ok_label_stays(self, store: Store) -> None:
        store.labels.put_many([label("f", energy=1.0)])
        store.labels.put_many([label("f", energy=2.0), label("g")])
        assert store.labels.get_many(["f"], "m")["f"].energy == 1.0
        assert store.labels.known(["f", "g"], "m") == {"f", "g"}

    def test_a_failed_label_never_replaces_an_ok_one(self, store: Store) -> None:
        store.labels.put_many([label("f", energy=1.0)])
        store.labels.put_many([failed("f")])
        assert store.labels.get_many(["f"], "m")["f"].energy == 1.0

    def test_an_ok_label_replaces_a_failed_one(self, store: Store) -> None:
        store.labels.put_many([failed("f"), failed("g")])
        store.labels.put_many([label("f", energy=2.0)])
        assert store.labels.get_many(["f"], "m")["f"].energy == 2.0
        assert store.labels.counts(["f", "g", "h"], "m") == {"ok": 1, "failed": 1, "quarantined": 0}
        assert store.labels.known(["f", "g", "h"], "m") == {"f", "g"}
        assert store.labels.count("m") == 1

    def test_a_quarantined_label_stays_so(self, store: Store) -> None:
        store.labels.put_many([label("f")])
        assert store.labels.quarantine("f", "m", reason="energy is an outlier")
        store.labels.put_many([label("f")])
        assert store.labels.get_many(["f"], "m")["f"].state == "quarantined"
        assert not store.labels.quarantine("absent", "m", reason="")
        assert store.labels.quarantined("m") == {"f": "energy is an outlier"}
        assert store.labels.quarantined("another method") == {}

    def test_a_label_in_quarantine_keeps_its_numbers_and_is_released_once(
        self, store: Store
    ) -> None:
        given = label("f", energy=-2.0)
        store.labels.put_many([given, failed("g"), label("h", state="quarantined", energy=None)])
        assert store.labels.quarantine("f", "m", reason="energy-odd", doubt="+9 eV/atom")
        assert not store.labels.quarantine("f", "m", reason="net-force")  # it is there already
        found = store.labels.get_many(["f"], "m")["f"]
        assert (found.state, found.reason, found.doubt) == (
            "quarantined",
            "energy-odd",
            "+9 eV/atom",
        )
        assert found.energy == -2.0
        assert found.forces is not None and given.forces is not None
        assert found.forces.tobytes() == given.forces.tobytes()
        assert not store.labels.release("g", "m")
        assert not store.labels.release("h", "m")  # there are no numbers to believe
        assert store.labels.release("f", "m")
        assert not store.labels.release("f", "m")
        again = store.labels.get_many(["f"], "m")["f"]
        assert (again.state, again.reason, again.released) == ("ok", "", True)

    def test_a_label_that_is_computed_again_takes_the_place_of_the_first_once(
        self, store: Store
    ) -> None:
        store.labels.put_many([label("good"), failed("bad"), failed("worse")])
        assert not store.labels.ask_again("good", "m", "glass")
        assert store.labels.ask_again("bad", "m", "glass")
        assert store.labels.ask_again("worse", "m", "glass")
        assert store.labels.asked_again("glass", "m") == {"bad", "worse"}
        assert store.labels.asked_again("another", "m") == set()
        store.labels.settle_again(label("bad", energy=-5.0), "another")
        assert store.labels.states(["bad"], "m") == {"bad": "failed"}
        store.labels.settle_again(label("bad", energy=-5.0), "glass")
        store.labels.settle_again(label("bad", energy=-6.0), "glass")
        store.labels.settle_again(failed("worse"), "glass")
        assert store.labels.asked_again("glass", "m") == set()
        found = store.labels.get_many(["bad", "worse"], "m")
        assert (found["bad"].energy, found["worse"].state) == (-5.0, "failed")

    def test_second_labels_are_kept_beside_the_first(self, store: Store) -> None:
        store.labels.put_many([label("f", energy=1.0)])
        for energy in (2.0, 3.0):  # the first one stays
            store.relabels.put_many(
                [label("f", energy=energy)], campaign="glass", iteration=4, why="noise"
            )
        (found,) = store.relabels.of_campaign("glass", "m", "noise")
        assert (found.frame, found.energy) == ("f", 2.0)
        assert store.relabels.of_campaign("glass", "m", "asked") == []
        assert store.relabels.of_campaign("glass", "another method", "noise") == []
        assert store.labels.get_many(["f"], "m")["f"].energy == 1.0

    def test_labels_are_counted_with_what_they_cost(self, store: Store) -> None:
        store.labels.put_many(
            [
                label("a", seconds=2.0, cores=8),
                label("b", corrections=("custodian: edddav",)),
                failed("c"),
                label("d", state="quarantined", energy=None, forces=None, virial=None),
            ]
        )
        tally = store.labels.tally(["a", "b", "c", "d", "absent"], "m")
        assert (tally.ok, tally.failed, tally.quarantined, tally.corrected) == (2, 1, 1, 1)
        assert tally.core_seconds == 2.0 * 8 + 3 * 1.5
        numbers = store.labels.numbers(["a", "c", "d"], "m")
        assert list(numbers) == ["a"]
        assert numbers["a"].has_virial and not numbers["a"].released
        store.labels.put_many([label("e", virial=None)])
        assert not store.labels.numbers(["e"], "m")["e"].has_virial

    # -- selections, methods, models, training sets, walks

    def test_a_selection_comes_back(self, store: Store) -> None:
        store.selections.put_many([chosen(), chosen("e", iteration=2), chosen(campaign="other")])
        (found,) = store.selections.of_iteration("glass", 1)
        assert (found.step, found.deviation, found.chosen) == (40, 0.3, "candidate")
        assert found.predicted_forces is not None
        assert found.predicted_forces.tobytes() == AWKWARD.tobytes()
        assert found.atom_deviations is not None
        assert found.atom_deviations.tobytes() == AWKWARD[0].tobytes()
        light = store.selections.of_campaign("glass", with_forces=False)
        assert [(s.frame, s.predicted_forces) for s in light] == [("f", None), ("e", None)]
        assert store.selections.count("glass") == 2
        assert store.selections.hashes("glass") == {"f", "e"}
        assert store.selections.hashes("glass", iteration=2) == {"e"}
        assert store.selections.hashes("other") == {"f"}

    def test_the_first_selection_of_a_frame_stays(self, store: Store) -> None:
        store.selections.put_many([chosen()])
        store.selections.put_many([chosen(iteration=9, chosen="audit"), chosen("e", iteration=9)])
        assert [s.chosen for s in store.selections.of_iteration("glass", 1)] == ["candidate"]
        assert store.selections.hashes("glass", iteration=9) == {"e"}

    def test_a_method_is_found_under_its_fingerprint(self, store: Store) -> None:
        method = Method(engine="xtb", fingerprint={"a.b": 1, "accuracy": 0.1, "$": "x", "on": True})
        key = store.methods.put(method)
        assert key == store.methods.put(method) == method.id
        assert store.methods.get(key) == method
        assert store.methods.get("absent") is None

    def test_a_model_comes_back(self, store: Store) -> None:
        given = model(
            files={"frozen.pb": "a", "model.ckpt.data-00000": "b"},
            model="frozen.pb",
            restart=("model.ckpt.data-00000",),
            valid_errors=ErrorSummary(frames=3, energy_rmse=1.0, force_rmse=0.1),
        )
        store.models.put(given)
        assert store.models.get(given.id) == given
        final = ErrorSummary(frames=9, force_rmse=0.2)
        assert store.models.set_final_errors(given.id, final)
        assert not store.models.set_final_errors("absent", final)
        found = store.models.get(given.id)
        assert found is not None and found.final_test_errors == final

    def test_the_first_good_model_stays(self, store: Store) -> None:
        store.models.put(model(member=1, state="failed", reason="diverged"))
        store.models.put(model())
        store.models.put(model(seed=99))
        store.models.put(model(state="failed"))
        committee = store.models.of_iteration("glass", 0)
        assert [(m.member, m.seed, m.state) for m in committee] == [(0, 1, "ok"), (1, 1, "failed")]
        store.models.put(model(member=1))
        assert [m.state for m in store.models.of_campaign("glass")] == ["ok", "ok"]

    def test_a_training_set_of_any_size_comes_back(self, store: Store) -> None:
        for count in (0, 3, 140_000):
            hashes = [f"{i:064x}" for i in range(count)]
            key = store.training_sets.put("m", reversed(hashes))
            assert store.training_sets.put("m", [*hashes, *hashes[:2]]) == key
            assert store.training_sets.put("another", hashes) != key
            found = store.training_sets.get(key)
            assert found is not None
            assert (found.method, found.added, found.id) == ("m", tuple(hashes), key)
            assert store.training_sets.count(key) == found.count == count

    def test_a_training_set_has_its_parents_frames_and_its_own(self, store: Store) -> None:
        a, b, c, d = (f"{i:064x}" for i in range(4))
        sets = store.training_sets
        first = sets.put("m", [b], waiting=[c, a])
        second = sets.put("m", [d, a], parent=first, waiting=[c])
        third = sets.put("m", [], parent=second)
        assert sets.frames(third) == sets.frames(second) == {a, b, d}
        assert (sets.count(first), sets.count(third)) == (1, 3)
        assert sets.lineage(third) == [first, second, third]
        found = sets.get(second)
        assert found is not None
        assert (found.parent, found.added, found.waiting) == (first, (a, d), (c,))
        assert sets.put("m", [a, d], parent=first) != second
        with pytest.raises(DatabaseError, match="not in the database"):
            sets.frames("absent")

    def test_a_walk_of_any_length_keeps_every_bit(self, store: Store) -> None:
        for iteration, samples in enumerate((7, 0, 600_000)):
            given = replace(walk("w", samples), iteration=iteration)
            store.walks.put(given)
            (found,) = store.walks.of_iteration("glass", iteration)
            assert (found.stop, found.cut, found.temperature) == ("completed", 2, 300.0)
            assert found.step.dtype == np.int64
            for name in ("step", "max_force_deviation", "sample_temperature", "sample_pressure"):
                assert getattr(found, name).tobytes() == getattr(given, name).tobytes()
            (light,) = store.walks.of_iteration("glass", iteration, with_arrays=False)
            assert len(light.step) == 0

    def test_the_first_walk_of_a_walker_stays(self, store: Store) -> None:
        store.walks.put(walk("w", 7))
        store.walks.put(replace(walk("w", 5), stop="deviation"))
        (found,) = store.walks.of_iteration("glass", 1)
        assert (found.stop, len(found.step)) == ("completed", 7)

    # -- campaigns

    def test_the_first_end_of_a_melt_quench_stays(self, store: Store) -> None:
        kept = QuenchedFrame(frame="f", phase="path", temperature=0.1 + 0.2)
        record = QuenchRecord(source="s", seed=1, stop="completed", detail="", frames=(kept,))
        store.quenches.put("k", record)
        store.quenches.put("k", record.model_copy(update={"frames": ()}))
        store.quenches.put("other", record.model_copy(update={"seed": 2}))
        assert store.quenches.get_many(["k", "absent"]) == {"k": record}
        assert list(store.quenches.get_many(["other", "k"])) == ["other", "k"]

    def test_a_glass_and_what_was_measured_of_it_come_back(self, store: Store) -> None:
        way = GlassState(frame="f", phase="path", temperature=0.1 + 0.2, deviation=1 / 3)
        first = GlassRecord(
            campaign="g",
            iteration=2,
            system="silica",
            sample=10,
            model="g/2/0",
            seed=7,
            stop="completed",
            states=(way,),
            frames=4,
            interval=0.05,
            trajectory="t",
        )
        store.glasses.put(first)
        store.glasses.put(first.model_copy(update={"states": ()}))
        second = first.model_copy(update={"sample": 9, "trajectory": None})
        store.glasses.put(second)
        assert store.glasses.of_iteration("g", 2) == [second, first]
        assert store.glasses.of_iteration("g", 1) == []
        value = MeasuredValue(name="si4", value=97.1, error=None, n=1, unit="%")
        few = GlassMeasurement(
            campaign="g", iteration=2, system="silica", samples=(9,), values=(value,), file="m"
        )
        many = few.model_copy(update={"samples": (9, 10), "overlaps": ("O-O 0.9 Å",)})
        store.glasses.put_measured(many)
        store.glasses.put_measured(few)
        assert store.glasses.measured("g", 2) == {"silica": many}

    def test_a_stage_is_planned_again_by_one_of_many(self, store: Store) -> None:
        store.iterations.open("g", 0, "train")
        assert not store.iterations.plan_again("g", 0, "train"), "it has not been planned"
        store.iterations.mark_planned("g", 0, "train")
        assert not store.iterations.plan_again("g", 0, "label")
        again = [lambda: store.iterations.plan_again("g", 0, "train")] * 4
        assert at_once(again) == 1
        found = store.iterations.get("g", 0)
        assert found is not None and not found.planned

    def test_a_campaign_comes_back_whatever_its_keys(self, store: Store) -> None:
        spec = {"structures": {"SiO2.v2": {"$x": [1, 2.5, None]}}, "seed": 2**80}
        record = campaign(spec=spec, created=WHEN)
        assert store.campaigns.create(record)
        assert store.campaigns.get("glass") == record
        assert [c.name for c in store.campaigns.all()] == ["glass"]
        assert store.campaigns.get("absent") is None
        assert store.campaigns.state("absent") is None

    def test_a_campaign_is_created_once(self, store: Store) -> None:
        record = campaign(created=WHEN)
        assert store.campaigns.create(record)
        assert not store.campaigns.create(campaign(spec={"another": 1}))
        assert store.campaigns.get("glass") == record

    def test_the_end_of_a_campaign_is_its_first_end(self, store: Store) -> None:
        hour = timedelta(hours=1)
        store.campaigns.create(campaign(created=WHEN))
        store.campaigns.set_state("glass", "converged", "good", when=WHEN + hour)
        store.campaigns.set_state("glass", "converged", "good", when=WHEN + 2 * hour)
        ended = store.campaigns.get("glass")
        assert ended is not None and ended.ended == campaign(created=WHEN).created + hour
        store.campaigns.set_state("glass", "running", "more budget")
        store.campaigns.amend("glass", {"budget": 2}, pending=None)
        again = store.campaigns.get("glass")
        assert again is not None
        assert (again.state, again.ended, again.spec) == ("running", None, {"budget": 2})
        assert (store.campaigns.state("glass"), again.pending) == ("running", None)

    def test_what_is_put_off_holds_from_the_next_iteration_on(self, store: Store) -> None:
        store.campaigns.create(campaign())
        assert not store.campaigns.adopt_pending("glass")
        store.campaigns.amend("glass", {"budget": 2}, pending={"budget": 2, "batch": 9})
        put_off = store.campaigns.get("glass")
        assert put_off is not None
        assert (put_off.spec, put_off.pending) == ({"budget": 2}, {"budget": 2, "batch": 9})
        assert store.campaigns.adopt_pending("glass")
        assert not store.campaigns.adopt_pending("glass")
        adopted = store.campaigns.get("glass")
        assert adopted is not None
        assert (adopted.spec, adopted.pending) == ({"budget": 2, "batch": 9}, None)

    def test_a_campaign_that_is_not_there_cannot_change(self, store: Store) -> None:
        with pytest.raises(DatabaseError, match="no campaign 'absent'"):
            store.campaigns.set_state("absent", "stopped", "")

    def test_a_lease_has_one_owner_until_it_is_given_back_or_runs_out(self, store: Store) -> None:
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

    # -- iterations

    def test_an_iteration_opens_once(self, store: Store) -> None:
        assert store.iterations.open("glass", 0, "start", when=WHEN)
        assert not store.iterations.open("glass", 0, "train")
        assert store.iterations.open("glass", 1, "train")
        found, last = store.iterations.get("glass", 0), store.iterations.latest("glass")
        assert found is not None and found.stage == "start"
        assert last is not None and last.index == 1
        assert [i.index for i in store.iterations.all("glass")] == [0, 1]
        assert store.iterations.latest("absent") is None
        assert store.iterations.get("absent", 0) is None

    def test_an_iteration_moves_once(self, store: Store) -> None:
        its = store.iterations
        its.open("glass", 0, "start", when=WHEN)
        assert its.mark_planned("glass", 0, "start")
        assert its.move("glass", 0, from_stage="start", to_stage="train", audit_error=1.0)
        assert not its.move("glass", 0, from_stage="start", to_stage="train", audit_error=9.0)
        assert not its.move("glass", 8, from_stage="start", to_stage="train")
        assert not its.mark_planned("glass", 0, "start")
        found = its.get("glass", 0)
        assert found is not None
        assert (found.stage, found.planned, found.audit_error) == ("train", False, 1.0)

    def test_an_iteration_keeps_what_was_measured(self, store: Store) -> None:
        its = store.iterations
        its.open("glass", 0, "start")
        facts = {"seconds": {"start": 2.0}, "idle": {"start": 1}}
        its.move("glass", 0, from_stage="start", to_stage="train", **facts)  # type: ignore[arg-type]
        assert its.record("glass", 0, seconds={"train": 5.0}, counts=Counts(explored=7))
        assert not its.record("glass", 8, reason="")
        found = its.get("glass", 0)
        assert found is not None
        assert found.seconds == {"start": 2.0, "train": 5.0}
        assert (found.idle, found.counts.explored) == ({"start": 1.0}, 7)

    def test_of_two_that_open_at_once_one_wins(self, store: Store) -> None:
        for n in range(self.rounds):
            assert at_once([lambda n=n: store.iterations.open("g", n, "train")] * 2) == 1

    def test_of_two_that_move_at_once_one_wins(self, store: Store) -> None:
        def move(n: int) -> bool:
            return store.iterations.move("g", n, from_stage="train", to_stage="explore")

        for n in range(self.rounds):
            store.iterations.open("g", n, "train")
            assert at_once([lambda n=n: move(n)] * 2) == 1

    # -- jobs

    def test_a_job_is_done_once_and_can_be_reopened(self, store: Store) -> None:
        first, second = job("chunk-0", ("a", "b")), job("chunk-1", ("c",))
        store.jobs.put_many([first, second])
        assert store.jobs.of_stage("g", 0, "label") == [first, second]
        assert done(store, first.id)
        assert not done(store, first.id, "another")
        assert [j.name for j in store.jobs.due("g", 0, "label")] == ["chunk-1"]
        assert (store.jobs.count("g", 0, "label"), store.jobs.count_due("g", 0, "label")) == (2, 1)
        found = store.jobs.get(first.id)
        assert found is not None and found.host == "node"
        assert found.spans == (Span(what="compute", start=1.0, end=2.0),)
        store.jobs.reopen(first.id)
        assert store.jobs.count_due("g", 0, "label") == 2
        assert store.jobs.get("absent") is None

    def test_a_job_that_is_given_up_is_neither_due_nor_done_until_reopened(
        self, store: Store
    ) -> None:
        first, second = job("chunk-0", ("a", "b")), job("chunk-1", ("c",))
        store.jobs.put_many([first, second])
        assert store.jobs.quarantine(first.id, failure="disk-full", words="no space")
        assert not store.jobs.quarantine(first.id, failure="other", words="")
        assert not done(store, first.id)
        assert [j.name for j in store.jobs.due("g", 0, "label")] == ["chunk-1"]
        (given_up,) = store.jobs.quarantined("g")
        assert (given_up.failure, given_up.words) == ("disk-full", "no space")
        store.jobs.reopen(first.id)
        assert store.jobs.quarantined("g") == []
        assert store.jobs.count_due("g", 0, "label") == 2

    def test_late_jobs_are_those_of_earlier_iterations(self, store: Store) -> None:
        late, now = job("chunk-0"), job("chunk-0").model_copy(update={"iteration": 1})
        store.jobs.put_many([now, late])
        assert store.jobs.late("g", 1) == [late]
        assert store.jobs.all_due("g") == [late, now]
        done(store, late.id)
        assert store.jobs.late("g", 1) == []

    def test_figures_are_frozen_by_whoever_is_first(self, store: Store) -> None:
        store.iterations.open("g", 0, "label")
        freeze = store.iterations.freeze
        assert freeze("g", 0, "pace", {"seconds": 2.0}) == {"seconds": 2.0}
        assert freeze("g", 0, "pace", {"seconds": 3.0}) == {"seconds": 2.0}
        assert freeze("g", 0, "set", {"key": "abc"}) == {"key": "abc"}

    def test_a_frame_that_is_no_longer_wanted_is_not_counted(self, store: Store) -> None:
        store.selections.put_many([chosen("a"), chosen("b")])
        store.selections.drop("glass", ["a", "absent"])
        assert store.selections.dropped("glass", ["a", "b", "absent"]) == {"a"}
        assert store.selections.first("glass", "b") == (1, "candidate")
        assert store.selections.first("glass", "absent") is None
        assert store.selections.count("glass") == 1
        assert {s.frame: s.dropped for s in store.selections.of_campaign("glass")} == {
            "a": True,
            "b": False,
        }

    def test_a_job_that_is_put_again_stays_as_it_is(self, store: Store) -> None:
        first = job("chunk-0", ("a", "b"))
        store.jobs.put_many([first])
        assert done(store, first.id)
        store.jobs.put_many([job("chunk-0"), job("chunk-1")])
        found = store.jobs.get(first.id)
        assert found is not None and (found.state, found.items) == ("done", ("a", "b"))
        assert store.jobs.count("g", 0, "label") == 2

    def test_of_two_that_finish_a_job_at_once_one_wins(self, store: Store) -> None:
        for n in range(self.rounds):
            key = job(str(n)).id
            store.jobs.put_many([job(str(n))])
            assert at_once([lambda key=key: done(store, key)] * 2) == 1

    # -- events

    def test_events_come_back_in_order(self, store: Store) -> None:
        for n in (0, 1, 2, 4, 3):
            when = WHEN + timedelta(seconds=n)
            data = {"n": n, "nan": float("nan")}
            store.events.add(Event(campaign="g", when=when, kind="k", text=str(n), data=data))
        store.events.add(Event(campaign="other", kind="k", text="x" * 100_000))
        assert [e.text for e in store.events.latest("g", 3)] == ["2", "3", "4"]
        since = store.events.since("g", WHEN + timedelta(seconds=2.5))
        assert [e.text for e in since] == ["3", "4"]
        (last,) = store.events.latest("g", 1)
        assert (last.data, "/" in last.where) == ({"n": 4, "nan": "nan"}, True)
        (long,) = store.events.latest("other", 1)
        assert len(long.text) < 21_000
