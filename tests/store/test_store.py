"""Many processes at once, outages, and forgetting a campaign."""

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from pymongo import MongoClient, errors
from pymongo.collection import Collection

from al_loop.errors import DatabaseError
from al_loop.store import (
    CampaignRecord,
    Connection,
    Event,
    GlassRecord,
    JobRecord,
    LabelRecord,
    ModelRecord,
    Selection,
    Store,
)

from .records import failed, label, model, walk

pytestmark = pytest.mark.engine

Race = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], list[Any]]
WHEN = datetime(2026, 1, 2, tzinfo=timezone.utc)


def open_and_move(connection: Connection, iterations: int) -> list[tuple[bool, bool]]:
    with Store(connection) as store:
        its = store.iterations
        return [
            (
                its.open("g", i, "train", when=WHEN),
                its.move("g", i, from_stage="train", to_stage="explore", seconds={"train": 1.0}),
            )
            for i in range(iterations)
        ]


def put_everything(
    connection: Connection, frames: dict[str, Atoms], labels: list[LabelRecord]
) -> int:
    jobs = [JobRecord(campaign="g", iteration=0, stage="label", name=f"{i}") for i in range(20)]
    won = 0
    with Store(connection) as store:
        for _ in range(5):
            store.frames.put_many(frames)
            store.labels.put_many(labels)
            store.jobs.put_many(jobs)
            store.training_sets.put("m", frames)
        for job in jobs:
            won += store.jobs.mark_done(job.id, spans=[], started=WHEN, ended=WHEN, host="h")
    return won


def take_lease(connection: Connection, owner: str) -> bool:
    with Store(connection) as store:
        return store.campaigns.lease("glass", owner, 60)


def test_of_many_processes_one_opens_and_one_moves(
    connection: Connection, in_processes: Race
) -> None:
    wins = in_processes(open_and_move, [(connection, 50)] * 4)
    for i in range(50):
        assert sum(process[i][0] for process in wins) == 1
        assert sum(process[i][1] for process in wins) == 1


def test_of_many_processes_one_gets_the_lease(
    store: Store, connection: Connection, in_processes: Race
) -> None:
    store.campaigns.create(CampaignRecord(name="glass", spec={}, schema_version=1, folder="/f"))
    owners = [(connection, f"owner-{i}") for i in range(4)]
    assert sum(in_processes(take_lease, owners)) == 1


def test_many_processes_that_write_the_same_store_it_once(
    store: Store, connection: Connection, frames: dict[str, Atoms], in_processes: Race
) -> None:
    bad = [failed(frame) for frame in frames]
    good = [label(frame) for frame in frames]
    wins = in_processes(
        put_everything, [(connection, frames, labels) for labels in (bad, good, good, bad)]
    )
    assert sum(wins) == 20
    counts = {
        name: store.database[name].count_documents({}) for name in ("frames", "labels", "jobs")
    }
    assert counts == {"frames": 5, "labels": 5, "jobs": 20}
    assert store.labels.counts(frames, "m") == {"ok": 5, "failed": 0, "quarantined": 0}
    assert store.database["training_sets"].count_documents({}) == 1


def test_a_store_can_be_used_after_a_fork(store: Store, frames: dict[str, Atoms]) -> None:
    store.ping()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            store.frames.put_many(frames)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert store.frames.known(frames) == set(frames)


class Broken:
    """Breaks the connection once, before or after the server has done what it was told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, verb: str, *, done: bool) -> None:
        self.left = 1
        real = getattr(Collection, verb)

        def broken(collection: Any, *args: Any, **kwargs: Any) -> Any:
            answer = real(collection, *args, **kwargs) if done or not self.left else None
            if self.left:
                self.left -= 1
                raise errors.AutoReconnect("connection closed")
            return answer

        monkeypatch.setattr(Collection, verb, broken)


@pytest.mark.parametrize("done", [True, False], ids=["answer-lost", "request-lost"])
def test_a_broken_connection_does_not_change_who_won(
    store: Store, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    store.ping()
    Broken(monkeypatch, "insert_many", done=done)
    assert store.iterations.open("g", 0, "train")
    Broken(monkeypatch, "update_one", done=done)
    assert store.iterations.move("g", 0, from_stage="train", to_stage="explore")
    Broken(monkeypatch, "insert_many", done=done)
    store.events.add(Event(campaign="g", kind="k", text="once"))
    assert len(store.events.latest("g", 9)) == 1


def test_indexes_are_made_once(store: Store, connection: Connection) -> None:
    store.ping()
    store.database["jobs"].drop_indexes()
    with Store(connection) as again:
        again.ping()
        assert len(again.database["jobs"].index_information()) == 1


def test_fireworks_can_share_the_database(connection: Connection, store: Store) -> None:
    from fireworks import Firework, LaunchPad, ScriptTask

    launchpad = LaunchPad.from_dict({**connection.launchpad_dict(), "strm_lvl": "CRITICAL"})
    try:
        launchpad.reset("", require_password=False)
        launchpad.add_wf(Firework(ScriptTask.from_str("true"), name="hello"))
        assert launchpad.get_wf_ids() == [1]
        assert launchpad.connection.options.server_selection_timeout == 120
        assert launchpad.connection.write_concern.document == {"j": True}
    finally:
        launchpad.connection.close()
    assert store.campaigns.all() == []


def fill(store: Store, campaign: str, path: Path) -> dict[str, str]:
    """A campaign with everything; the returned files are shared, own and spilled ones."""
    store.campaigns.create(CampaignRecord(name=campaign, spec={}, schema_version=1, folder="/f"))
    path.write_text(campaign)
    files = {
        "own": store.files.put(path),
        "shared": store.files.put_bytes(b"shared", name="shared"),
        "spilled": "",
    }
    shared = store.training_sets.put("m", ["ab" * 32])
    first = store.training_sets.put(campaign, ["ef" * 32])
    own = store.training_sets.put(campaign, ["cd" * 32], parent=first)
    record = model(files={k: v for k, v in files.items() if v}, training_set=shared)
    store.models.put(ModelRecord.model_validate({**dict(record), "campaign": campaign}))
    other = {**dict(model(member=1, training_set=own)), "campaign": campaign}
    store.models.put(ModelRecord.model_validate(other))
    long = walk("w", 200_000)
    object.__setattr__(long, "campaign", campaign)
    object.__setattr__(long, "step", np.arange(200_000) + len(campaign))
    store.walks.put(long)
    document = store.database["walks"].find_one({"campaign": campaign})
    assert document is not None
    files["spilled"] = document["step"]["file"]
    glass = {"campaign": campaign, "iteration": 0, "system": "s", "model": "m", "seed": 1}
    files["glass"] = store.files.put_bytes(f"glass {campaign}".encode(), name="glass")
    for sample, key in enumerate((files["glass"], files["shared"])):
        more = {"sample": sample, "stop": "completed", "trajectory": key}
        store.glasses.put(GlassRecord.model_validate({**glass, **more}))
    store.iterations.open(campaign, 0, "train")
    store.jobs.put_many([JobRecord(campaign=campaign, iteration=0, stage="label", name="c")])
    store.events.add(Event(campaign=campaign, kind="k", text="t"))
    chosen = {"iteration": 0, "chosen": "initial", "split": "train", "source": "s"}
    store.selections.put_many([Selection(campaign=campaign, frame="f", **chosen)])  # type: ignore[arg-type]
    return files


def test_a_forgotten_campaign_leaves_labels_and_what_others_use(
    store: Store, frames: dict[str, Atoms], tmp_path: Path
) -> None:
    store.frames.put_many(frames)
    store.labels.put_many(label(frame) for frame in frames)
    gone, kept = fill(store, "gone", tmp_path / "a"), fill(store, "remains", tmp_path / "b")
    for _ in range(2):
        store.delete_campaign("gone")
    for name in ("models", "iterations", "jobs", "walks", "glasses", "events", "selections"):
        assert store.database[name].count_documents({"campaign": "gone"}) == 0, name
        assert store.database[name].count_documents({"campaign": "remains"}) > 0, name
    assert [c.name for c in store.campaigns.all()] == ["remains"]
    assert store.files.known([*gone.values(), *kept.values()]) == set(kept.values())
    assert store.database["training_sets"].count_documents({}) == 3
    assert len(store.walks.of_iteration("remains", 1)[0].sample_pressure) == 200_000
    assert store.labels.known(frames, "m") == store.frames.known(frames) == set(frames)


def test_a_user_who_may_not_write_is_told_which_right_is_missing(
    store: Store, connection: Connection
) -> None:
    admin: MongoClient[dict[str, Any]] = store.database.client
    admin[connection.name].command(
        "createUser", "reader", pwd="x", roles=[{"role": "read", "db": connection.name}]
    )
    store.ping()
    reader = Connection(
        host=connection.host,
        port=connection.port,
        name=connection.name,
        username="reader",
        password="x",  # type: ignore[arg-type]
    )
    with Store(reader) as other, pytest.raises(DatabaseError, match="readWrite on the database"):
        other.iterations.open("g", 0, "start")
    stranger = reader.model_copy(update={"username": None, "password": None})
    with Store(stranger) as other, pytest.raises(DatabaseError, match="wants a user"):
        other.ping()
    admin[connection.name].command("dropUser", "reader")
