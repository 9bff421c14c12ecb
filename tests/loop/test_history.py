"""What `advance()` and `status` read must not grow with a campaign's history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from al_loop.campaign import load_campaign
from al_loop.frame import frame_hash
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.mending import mend
from al_loop.launch.submit import register
from al_loop.launch.workflows import FireworksExecutor
from al_loop.loop.advance import advance
from al_loop.loop.context import Context
from al_loop.loop.curriculum import CONDITIONS
from al_loop.loop.stages import STAGES
from al_loop.loop.status import status_of
from al_loop.store import Connection, JobRecord, LabelRecord, ModelRecord, Selection, Stage, Store
from tests.campaigns import CHEAP, write_campaign

pytestmark = pytest.mark.engine

SMALL, LARGE = 6, 40
"""Iterations: more than a forecast looks back on."""
BATCH = 12


def frames_of(iteration: int) -> dict[str, Atoms]:
    rng = np.random.default_rng(iteration)
    made = {}
    for _ in range(BATCH):
        atoms = Atoms("Si2O4", cell=[5, 6, 7], positions=rng.random((6, 3)) * 5, pbc=True)
        made[frame_hash(atoms)] = atoms
    return made


def choose(ctx: Context, iteration: int, frames: Iterable[str]) -> None:
    ctx.store.selections.put_many(
        Selection(
            campaign=ctx.name,
            frame=frame,
            iteration=iteration,
            chosen="candidate" if iteration else "initial",
            split="train",
            source="s",
        )
        for frame in frames
    )


def live_through(ctx: Context, iteration: int) -> None:
    """An iteration that is over: what it leaves in the store."""
    store, name = ctx.store, ctx.name
    frames = frames_of(iteration)
    store.frames.put_many(frames)
    choose(ctx, iteration, frames)
    store.labels.put_many(
        LabelRecord(
            frame=frame,
            method=ctx.method,
            state="ok",
            energy=-1.0,
            forces=np.zeros((6, 3)),
            engine="pair",
            seconds=1.0,
            cores=1,
            host="h",
            when=datetime.now(timezone.utc),
        )
        for frame in frames
    )
    store.iterations.open(name, iteration, "train")
    store.iterations.freeze(name, iteration, CONDITIONS, {"index": 0})
    record = store.iterations.get(name, iteration)
    assert record is not None
    (first, *_) = STAGES["train"].plan(ctx, record)
    store.models.put(
        ModelRecord(
            campaign=name,
            iteration=iteration,
            member=0,
            seed=1,
            trainer="linear",
            options={},
            training_set=first.items[0],
            state="ok",
        )
    )
    store.jobs.put_many(jobs(name, iteration, "label", list(frames)))
    for job in store.jobs.due(name, iteration, "label"):
        store.jobs.mark_done(
            job.id, spans=[], started=record.stage_started, ended=record.stage_started, host="h"
        )
    store.iterations.move(name, iteration, from_stage="train", to_stage="done", decision="continue")


def jobs(name: str, iteration: int, stage: Stage, frames: Sequence[str]) -> list[JobRecord]:
    return [
        JobRecord(campaign=name, iteration=iteration, stage=stage, name=f"chunk-{i}", items=(f,))
        for i, f in enumerate(frames)
    ]


def label_stage(ctx: Context, iteration: int) -> None:
    """The iteration that runs: it waits for its labels."""
    frames = frames_of(iteration)
    ctx.store.frames.put_many(frames)
    choose(ctx, iteration, frames)
    ctx.store.iterations.open(ctx.name, iteration, "label")


def profiled(store: Store, action: Callable[[], object]) -> list[dict[str, Any]]:
    """What the database says of each operation while something is done."""
    database = store.database
    database.drop_collection("system.profile")
    database.command("profile", 2)
    try:
        action()
    finally:
        database.command("profile", 0)
    query = {"ns": {"$not": {"$regex": r"system\.profile"}}}
    return list(database["system.profile"].find(query))


def look(store: Store, folder: Path, *, iterations: int) -> dict[str, list[dict[str, Any]]]:
    """Operations of the database for each thing that is done again and again in a campaign."""
    spec = load_campaign(write_campaign(folder, CHEAP, name="cheap"))
    spec = spec.model_copy(update={"folder": str(folder / "cheap")})
    register(store, spec, base=folder)
    ctx = Context(store, "cheap")
    ctx.declare_method()
    with open_launchpad(store.connection) as launchpad:
        executor = FireworksExecutor(launchpad)
        for iteration in range(iterations):
            live_through(ctx, iteration)
            executor.ensure(ctx, store.jobs.of_stage(ctx.name, iteration, "label"))
            done = {"$set": {"state": "COMPLETED"}}
            launchpad.fireworks.update_many({}, done)
            launchpad.workflows.update_many({}, done)
        label_stage(ctx, iterations)
        advance(store, ctx.name, executor)
        record = store.iterations.get(ctx.name, iterations - 1)
        assert record is not None
        unfixed = record.model_copy(update={"frozen": {}})
        return {
            "waiting": profiled(store, lambda: advance(store, ctx.name, executor)),
            "training set": profiled(store, lambda: STAGES["train"].plan(ctx, unfixed)),
            "mending": profiled(store, lambda: mend(store, launchpad, ctx.name)),
            "status": profiled(store, lambda: status_of(store, ctx.name)),
        }


def examined(operations: Sequence[dict[str, Any]]) -> int:
    return sum(one.get("docsExamined", 0) for one in operations)


def test_what_is_read_does_not_grow_with_the_history(
    new_database: Callable[[], Connection], tmp_path: Path
) -> None:
    found = []
    for iterations in (SMALL, LARGE):
        with Store(new_database()) as store:
            found.append(look(store, tmp_path / str(iterations), iterations=iterations))
    small, large = found
    for what in ("waiting", "training set", "mending"):
        assert 0 < examined(small[what]) == examined(large[what]), explain(large[what])
    # The table that status prints has a line for each iteration: that is all that it reads more.
    more = examined(large["status"]) - examined(small["status"])
    assert more == LARGE - SMALL, explain(large["status"])


def explain(operations: Sequence[dict[str, Any]]) -> str:
    """The operations that read most, for a person."""
    ordered = sorted(operations, key=lambda one: -one.get("docsExamined", 0))
    return "; ".join(
        f"{one['ns'].partition('.')[2]} {one.get('planSummary')}: {one.get('docsExamined')} read"
        for one in ordered[:5]
    )
