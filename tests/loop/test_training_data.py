"""What a committee trains on: fixed once, joined by late labels, written once."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop.campaign import load_campaign
from al_loop.frame import frame_hash
from al_loop.launch.submit import register
from al_loop.loop.context import Context
from al_loop.loop.stages import STAGES
from al_loop.loop.stages.train import write_data
from al_loop.store import LabelRecord, Selection, Store
from al_loop.train.data import TEST, TRAIN, VALID, read_training_data
from tests.campaigns import CHEAP, write_campaign

pytestmark = pytest.mark.engine


@pytest.fixture
def ctx(store: Store, tmp_path: Path) -> Context:
    spec = load_campaign(write_campaign(tmp_path, CHEAP, name="cheap"))
    register(store, spec.model_copy(update={"folder": str(tmp_path / "cheap")}), base=tmp_path)
    made = Context(store, "cheap")
    made.declare_method()
    return made


def choose(ctx: Context, iteration: int, count: int = 10) -> list[str]:
    """Frames that an iteration chooses; sorted."""
    rng = np.random.default_rng(100 + iteration)
    frames = {}
    for _ in range(count):
        atoms = Atoms("Si2O4", cell=[5, 6, 7], positions=rng.random((6, 3)) * 5, pbc=True)
        frames[frame_hash(atoms)] = atoms
    ctx.store.frames.put_many(frames)
    ctx.store.selections.put_many(
        Selection(
            campaign=ctx.name,
            frame=frame,
            iteration=iteration,
            chosen="candidate" if iteration else "initial",
            split=ctx.split(frame),
            source="s",
        )
        for frame in frames
    )
    return sorted(frames)


def label(ctx: Context, frames: Iterable[str], *, good: bool = True) -> None:
    ctx.store.labels.put_many(
        LabelRecord(
            frame=frame,
            method=ctx.method,
            state="ok" if good else "failed",
            energy=-float(int(frame[:6], 16)) / 2**24 if good else None,
            forces=np.zeros((6, 3)) if good else None,
            engine="pair",
            seconds=1.0,
            cores=1,
            host="h",
            when=datetime.now(timezone.utc),
        )
        for frame in frames
    )


def plan(ctx: Context, iteration: int) -> str:
    """The training set of an iteration."""
    ctx.store.iterations.open(ctx.name, iteration, "train")
    record = ctx.store.iterations.get(ctx.name, iteration)
    assert record is not None
    (key,) = {job.items for job in STAGES["train"].plan(ctx, record)}
    return key[0]


def energies(folder: Path) -> list[float]:
    return [one.energy for name in (TRAIN, VALID, TEST) for one in read_training_data(folder, name)]


def test_late_labels_join_the_next_training(ctx: Context) -> None:
    first = choose(ctx, 0)
    label(ctx, first[:7])
    assert ctx.store.training_sets.frames(plan(ctx, 0)) == set(first[:7])
    label(ctx, first[7:9])
    assert ctx.store.training_sets.frames(plan(ctx, 1)) == set(first[:9])
    second = choose(ctx, 1)
    label(ctx, [*first[9:], *second])
    assert ctx.store.training_sets.frames(plan(ctx, 2)) == {*first, *second}


def test_frames_that_failed_or_are_no_longer_wanted_are_not_trained_on(ctx: Context) -> None:
    frames = choose(ctx, 0)
    label(ctx, frames[:7])
    label(ctx, frames[7:8], good=False)
    ctx.store.selections.drop(ctx.name, frames[8:9])
    found = ctx.store.training_sets.get(plan(ctx, 0))
    assert found is not None
    assert found.added == tuple(frames[:7])
    assert found.waiting == (frames[7], *frames[9:])  # a failed one may be computed again


def test_labels_that_come_while_a_training_is_planned_do_not_change_it(ctx: Context) -> None:
    frames = choose(ctx, 0)
    label(ctx, frames[:5])
    record_before = plan(ctx, 0)
    label(ctx, frames[5:])
    assert plan(ctx, 0) == record_before
    assert ctx.store.training_sets.frames(plan(ctx, 1)) == set(frames)


def test_a_campaign_from_before_training_sets_had_parents_goes_on(ctx: Context) -> None:
    first, second = choose(ctx, 0), choose(ctx, 1)
    label(ctx, [*first, *second])
    ctx.store.iterations.open(ctx.name, 0, "train")  # of which no set is known
    ctx.store.iterations.open(ctx.name, 1, "train")
    assert ctx.store.training_sets.frames(plan(ctx, 2)) == {*first, *second}


def test_no_frame_is_written_twice(ctx: Context) -> None:
    frames, keys = [], []
    for i in range(3):
        if i != 1:
            frames.append(choose(ctx, max(0, i - 1)))
            label(ctx, frames[-1])
        keys.append(plan(ctx, i))
        write_data(ctx, training_set=keys[-1], folder=ctx.folder / f"iteration-{i}")
    parts = sorted(ctx.folder.glob("data/*"))
    assert [part.name for part in parts] == [f"{i:06d}-{key[:8]}" for i, key in enumerate(keys)]
    assert sorted(energies(ctx.folder / "iteration-2")) == sorted(
        -float(int(frame[:6], 16)) / 2**24 for chosen in frames for frame in chosen
    )
    assert [p.name for p in (ctx.folder / "iteration-2").iterdir()] == ["data.json"]


def test_lost_and_damaged_parts_are_written_again_in_the_same_order(ctx: Context) -> None:
    label(ctx, choose(ctx, 0, count=20)[:10])
    plan(ctx, 0)
    label(ctx, ctx.store.selections.hashes(ctx.name))
    plan(ctx, 1)
    label(ctx, choose(ctx, 1))
    key = plan(ctx, 2)
    data = ctx.folder / "iteration-2"
    write_data(ctx, training_set=key, folder=data)
    before = energies(data)
    lost, damaged, _ = sorted(ctx.folder.glob("data/*"))
    shutil.rmtree(lost)
    whole = (damaged / TRAIN).read_bytes()
    (damaged / TRAIN).write_bytes(whole[: len(whole) // 2])
    (damaged / "data.json").unlink()  # as the job does that could not read it
    (data / "data.json").unlink()
    write_data(ctx, training_set=key, folder=data)
    assert energies(data) == before
    kinds = [event.kind for event in ctx.store.events.latest(ctx.name, 10)]
    assert "data-damaged" in kinds
