"""No label that is not believed is trained on, none is lost, and a person has the last word."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop.errors import UserError
from al_loop.frame import frame_hash, split_of
from al_loop.label import Label
from al_loop.label.pair.labeller import PairLabeller
from al_loop.loop.advance import advance
from al_loop.loop.context import Context
from al_loop.loop.review import quarantine, release, rerun, review
from al_loop.loop.stages.labelling import ingest_chunk
from al_loop.loop.stages.train import write_data
from al_loop.loop.status import campaign_status
from al_loop.store import Store
from al_loop.train.data import TRAIN, read_training_data
from tests.campaigns import computed
from tests.loop.test_late_labels import NAME, Hands, at, begin, carry_on, state, trained_on

pytestmark = pytest.mark.engine


@pytest.fixture
def hands() -> Hands:
    return Hands()


class Wrong:
    """Has the labeller give a wrong label for one frame in so many."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kinds: Iterator[str] = iter(())
        self.given: dict[str, int] = {}
        right = PairLabeller.label

        def label(labeller: PairLabeller, atoms: Atoms, scratch: Path) -> Label:
            found = right(labeller, atoms, scratch)
            kind = next(self.kinds, "right")
            self.given[kind] = self.given.get(kind, 0) + 1
            if kind == "net-force":
                return Label(found.energy, found.forces + 1.0, found.virial)
            if kind == "energy-odd":
                return Label(found.energy + 40.0 * len(found.forces), found.forces, found.virial)
            if kind == "stress-missing":
                return Label(found.energy, found.forces, None)
            return found

        monkeypatch.setattr(PairLabeller, "label", label)


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> Wrong:
    return Wrong(monkeypatch)


KINDS = ("net-force", "energy-odd", "stress-missing")


def test_what_is_not_believed_is_in_quarantine_and_not_in_the_training_set(
    store: Store, tmp_path: Path, hands: Hands, wrong: Wrong
) -> None:
    begin(store, tmp_path)
    wrong.kinds = iter(["right"] * 10 + [*KINDS])
    carry_on(store, hands, lambda: at(store, 0, "explore"))
    assert set(wrong.given) == {"right", *KINDS}
    ctx = Context(store, NAME)
    found = review(ctx)
    # One of the starting frames has a force of 580 eV/Å by itself.
    assert sorted(one.reason for one in found) == sorted([*KINDS, "force-too-large"])
    assert {one.state for one in found} == {"quarantined"}
    doubted = {one.frame for one in found}
    initial = store.selections.hashes(NAME, 0)
    assert trained_on(store, 0) == initial - doubted
    labels = ctx.labels_of(doubted)
    assert all(label.forces is not None for label in labels.values())  # never lost
    (engine,) = campaign_status(store, ctx.record).engines
    assert (engine.engine, engine.ok, engine.quarantined) == ("pair", len(initial) - 4, 4)
    assert engine.core_hours > 0
    assert store.methods.get(ctx.method).references["kind"] == "fitted"  # type: ignore[union-attr,index]
    hands.hold = lambda job: job.stage == "label"
    carry_on(store, hands, lambda: at(store, 0, "label"))
    assert campaign_status(store, ctx.record).engines == [engine]  # a selection forgets nothing


def test_where_no_starting_label_is_believed_it_says_so_and_goes_on_once_they_are(
    store: Store, tmp_path: Path, hands: Hands, wrong: Wrong
) -> None:
    begin(store, tmp_path)
    wrong.kinds = repeat("net-force")
    carry_on(store, hands, lambda: state(store) != "running")
    reason = store.campaigns.get(NAME).reason
    assert state(store) == "failed"
    assert "in quarantine: net-force" in reason
    assert f"al-loop labels review {NAME}" in reason
    ctx = Context(store, NAME)
    release(ctx, [], reason="net-force")
    store.campaigns.set_state(NAME, "running", "")
    carry_on(store, hands, lambda: at(store, 0, "explore"))
    assert trained_on(store, 0) == store.selections.hashes(NAME, 0)


def test_a_released_label_joins_the_next_training_and_stays(
    store: Store, tmp_path: Path, hands: Hands, wrong: Wrong
) -> None:
    begin(store, tmp_path)
    wrong.kinds = iter(["right"] * 10 + [*KINDS])
    carry_on(store, hands, lambda: at(store, 0, "explore"))
    ctx = Context(store, NAME)
    by_reason = {one.reason: one.frame for one in review(ctx)}
    first, second = by_reason["energy-odd"], by_reason["net-force"]
    assert release(ctx, [first[:8]]) == [first]
    assert release(ctx, [], reason="net-force") == [second]
    with pytest.raises(UserError, match="is ok"):
        release(ctx, [first])
    with pytest.raises(UserError, match="does not name one frame"):
        release(ctx, ["0"])
    carry_on(store, hands, lambda: at(store, 1, "explore"))
    assert {first, second} <= trained_on(store, 1)
    assert by_reason["stress-missing"] not in trained_on(store, 1)
    carry_on(store, hands, lambda: state(store) != "running")
    assert first in trained_on(store, 3)
    events = [event.kind for event in store.events.latest(NAME, 1000)]
    assert events.count("label-released") == 2


def test_a_label_that_was_trained_on_can_be_taken_out_again(
    store: Store, tmp_path: Path, hands: Hands
) -> None:
    begin(store, tmp_path)
    carry_on(store, hands, lambda: at(store, 0, "explore"))
    ctx = Context(store, NAME)
    bad = min(frame for frame in trained_on(store, 0) if ctx.split(frame) == "train")
    assert quarantine(ctx, [bad], why="another spin state") == [bad]
    assert quarantine(ctx, [bad], why="again") == []
    carry_on(store, hands, lambda: at(store, 1, "explore"))
    before, after = trained_on(store, 0), trained_on(store, 1)
    assert before - after == {bad}
    assert len(after) > len(before)
    # and the files say the same
    frames = read_training_data(tmp_path / NAME / "iter.000001" / "train" / "data", TRAIN)
    energies = {one.energy for one in frames}
    taken = ctx.labels_of([bad])[bad]
    assert taken.energy not in energies
    counts = store.iterations.get(NAME, 0).counts  # type: ignore[union-attr]
    assert counts.quarantined_labels == 2
    (row,) = (one for one in review(ctx) if one.reason == "by-hand")
    assert row.state == "quarantined"
    assert row.seen.endswith("another spin state")


def test_data_of_a_set_are_written_again_as_they_were(
    store: Store, tmp_path: Path, hands: Hands
) -> None:
    """What is thought of a label later does not change what a model was trained on."""
    begin(store, tmp_path)
    hands.hold = lambda job: job.stage == "train"
    carry_on(store, hands, lambda: at(store, 0, "train"))
    for _ in range(2):
        advance(store, NAME, hands)
    folder = tmp_path / NAME / "iter.000000" / "train" / "data"
    before = [one.energy for one in read_training_data(folder, TRAIN)]
    ctx = Context(store, NAME)
    quarantine(ctx, sorted(trained_on(store, 0))[:3], why="doubts")
    (part,) = (tmp_path / NAME / "data").iterdir()
    for file in part.iterdir():
        file.unlink()
    (folder / "data.json").unlink()
    (key,) = {job.items[0] for job in store.jobs.of_stage(NAME, 0, "train")}
    write_data(ctx, training_set=key, folder=folder)
    assert [one.energy for one in read_training_data(folder, TRAIN)] == before
    assert np.isfinite(before).all()


def test_a_wrong_label_that_was_trained_on_is_found_and_told(
    store: Store, tmp_path: Path, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its numbers look like any others: only those who learned the others see it."""
    right = PairLabeller.label
    wrong: list[str] = []

    def label(labeller: PairLabeller, atoms: Atoms, scratch: Path) -> Label:
        found = right(labeller, atoms, scratch)
        if len(wrong) < 1 and 15 < np.abs(found.forces).max() < 25:
            name = frame_hash(atoms)
            if split_of(name, valid=0.1, test=0.2) == "train":
                wrong.append(name)
                return Label(found.energy, -found.forces, found.virial)
        return found

    monkeypatch.setattr(PairLabeller, "label", label)
    begin(store, tmp_path, copies=70)
    carry_on(store, hands, lambda: at(store, 0, "explore"))
    ctx = Context(store, NAME)
    assert wrong and wrong[0] in trained_on(store, 0)
    suspects = [one for one in review(ctx) if one.state == "suspect"]
    assert [one.frame for one in suspects] == wrong
    assert suspects[0].reason == "committee-outlier"
    quarantine(ctx, wrong, why="another solution")
    carry_on(store, hands, lambda: at(store, 1, "explore"))
    assert [one for one in review(ctx) if one.state == "suspect"] == []


def test_a_label_that_a_person_asked_for_is_computed_again_and_takes_the_old_ones_place(
    store: Store, tmp_path: Path, hands: Hands, wrong: Wrong
) -> None:
    begin(store, tmp_path)
    wrong.kinds = iter(["right"] * 10 + [*KINDS])
    carry_on(store, hands, lambda: at(store, 0, "explore"))
    ctx = Context(store, NAME)
    by_reason = {one.reason: one.frame for one in review(ctx)}
    bad, always = by_reason["energy-odd"], by_reason["force-too-large"]
    good = min(trained_on(store, 0))
    old = ctx.labels_of([bad, good])
    assert rerun(ctx, [good], reason="energy-odd") == sorted([bad, good])
    assert rerun(ctx, [always]) == [always]
    assert ctx.labels_of([good])[good].state == "quarantined"
    carry_on(store, hands, lambda: at(store, 1, "explore"))
    new = ctx.labels_of([bad, good, always])
    assert [new[frame].state for frame in (bad, good, always)] == ["ok", "ok", "quarantined"]
    assert old[bad].energy - new[bad].energy == pytest.approx(40.0 * len(new[bad].forces))  # type: ignore[operator,arg-type]
    assert new[good].energy == old[good].energy
    assert {bad, good} <= trained_on(store, 1)
    (before,) = (
        one for one in store.relabels.of_campaign(NAME, ctx.method, "before") if one.frame == bad
    )
    assert before.energy == old[bad].energy  # never lost
    # once each: the first time, and again as asked
    counts = computed(tmp_path / NAME)
    assert {counts[frame] for frame in (bad, good, always)} == {2}
    assert {n for frame, n in counts.items() if frame not in (bad, good, always)} == {1}
    # a result that is taken in again changes nothing
    (job,) = (one for one in store.jobs.of_stage(NAME, 0, "label") if one.name == "again-000")
    ingest_chunk(ctx, job)
    assert ctx.labels_of([bad])[bad].energy == new[bad].energy
    assert store.relabels.of_campaign(NAME, ctx.method, "noise") == []
    carry_on(store, hands, lambda: state(store) != "running")
    with pytest.raises(UserError, match="computes nothing any more"):
        rerun(Context(store, NAME), [bad])


def test_the_noise_of_labels_is_known_from_those_that_were_computed_twice(
    store: Store, tmp_path: Path, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = PairLabeller.label
    rng = np.random.default_rng(8)

    def label(labeller: PairLabeller, atoms: Atoms, scratch: Path) -> Label:
        found = right(labeller, atoms, scratch)
        noise = rng.normal(scale=0.01, size=found.forces.shape)
        return Label(found.energy, found.forces + noise - noise.mean(axis=0), found.virial)

    monkeypatch.setattr(PairLabeller, "label", label)
    begin(store, tmp_path, relabel=1.0)
    carry_on(store, hands, lambda: state(store) != "running")
    (engine,) = campaign_status(store, Context(store, NAME).record).engines
    assert engine.noise is not None
    assert engine.noise.pairs == sum(
        len(store.selections.hashes(NAME, index)) for index in (0, 1, 2)
    ) - len([one for one in store.selections.of_campaign(NAME) if one.chosen == "initial"])
    assert engine.noise.force_rms == pytest.approx(0.01 * np.sqrt(2), rel=0.05)
    assert engine.noise.energy_rms == 0.0
