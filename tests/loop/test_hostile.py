"""A database in which somebody else has written: nothing leaves the campaign's own folder."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from al_loop.campaign import CampaignSpec, load_campaign
from al_loop.errors import AlLoopError, DatabaseError
from al_loop.launch.submit import register
from al_loop.loop.advance import advance
from al_loop.loop.context import STAMP, Context
from al_loop.loop.jobs import run_job
from al_loop.naming import inside
from al_loop.store import JobRecord, Store
from al_loop.store.arrays import pack, unpack
from tests.campaigns import CHEAP, write_campaign

pytestmark = pytest.mark.engine

NAME = "cheap"
BAD = ("../../../../owned", "/tmp/owned", "..", ".hidden", "a/b", "a\nb", "", "a" * 300, "-rf")


class Hands:
    """Runs jobs at once in this process, if at all."""

    def __init__(self, *, run: bool) -> None:
        self.run = run

    def ensure(self, ctx: Context, jobs: Sequence[JobRecord]) -> None:
        for job in jobs if self.run else ():
            run_job(ctx.folder_of(job).path)

    def withdraw(self, ctx: Context) -> None:
        pass


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Everything that a test may write to; what is outside the campaign's folder is looked at."""
    world = tmp_path / "world"
    (world / "deep" / "er").mkdir(parents=True)
    return world


@pytest.fixture
def spec(store: Store, world: Path) -> CampaignSpec:
    base = world / "deep" / "er"
    spec = load_campaign(write_campaign(base, CHEAP, name=NAME))
    spec = spec.model_copy(update={"folder": str(base / NAME)})
    register(store, spec, base=base)
    return spec


def outside(world: Path) -> set[Path]:
    """Files and folders that are not the campaign's."""
    own = world / "deep" / "er" / NAME
    return {path for path in world.rglob("*") if not path.is_relative_to(own)}


def until(store: Store, stage: str, index: int = 0) -> None:
    for _ in range(30):
        latest = store.iterations.latest(NAME)
        if latest is not None and (latest.index, latest.stage) == (index, stage):
            return
        advance(store, NAME, Hands(run=True))
    raise AssertionError(f"never came to {stage}")


@pytest.mark.parametrize("name", BAD)
def test_only_a_plain_name_becomes_a_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="cannot be the name of a job"):
        inside(tmp_path, name, what="a job")


@pytest.mark.parametrize(
    "name", ["chunk-000", "model.ckpt.index", "walkers-012", "000001-ab12cd34"]
)
def test_names_as_al_loop_makes_them_are_plain(name: str, tmp_path: Path) -> None:
    assert inside(tmp_path, name, what="a job") == tmp_path / name


@pytest.mark.parametrize("name", BAD)
def test_a_job_whose_name_is_a_path_is_refused(
    store: Store, spec: CampaignSpec, world: Path, name: str
) -> None:
    advance(store, NAME, Hands(run=False))
    before = outside(world)
    job = store.jobs.due(NAME, 0, "start")[0]
    store.database["jobs"].insert_one(
        {"_id": "x", **job.model_copy(update={"name": name}).to_document()}
    )
    with pytest.raises(DatabaseError, match="cannot be the name"):
        advance(store, NAME, Hands(run=True))
    assert outside(world) == before


@pytest.mark.parametrize("elsewhere", ["home", "new/and/deep", "deep/er"])
def test_a_campaign_that_was_sent_to_another_folder_writes_nothing_there(
    store: Store, spec: CampaignSpec, world: Path, elsewhere: str
) -> None:
    (world / "home").mkdir()
    folder = str(world / elsewhere)
    store.database["campaigns"].update_one({"_id": NAME}, {"$set": {"folder": folder}})
    before = outside(world)
    with pytest.raises(DatabaseError, match=STAMP):
        advance(store, NAME, Hands(run=True))
    assert outside(world) == before


def rename_sets(store: Store) -> None:
    """Training sets under a key that is a path, and whoever refers to them."""
    sets = store.database["training_sets"]
    (entry,) = sets.find()
    bad = "/../../x"
    sets.insert_one({**entry, "_id": bad})
    latest = {"index": 0}
    store.database["iterations"].update_one(latest, {"$set": {"frozen.training_set.key": bad}})
    store.database["jobs"].update_many({"stage": "train"}, {"$set": {"items": [bad]}})


def test_a_model_file_whose_name_is_a_path_is_refused(
    store: Store, spec: CampaignSpec, world: Path
) -> None:
    until(store, "train", 1)
    before = outside(world)
    name = "../../../../../owned"
    for model in store.database["models"].find():
        files = [{"name": name, "id": model["files"][0]["id"]}]
        change = {"files": files, "restart": [name], "model": name}
        store.database["models"].update_one({"_id": model["_id"]}, {"$set": change})
    shutil.rmtree(world / "deep" / "er" / NAME / "iter.000001" / "train")
    with pytest.raises(AlLoopError, match="cannot be the name of a model file"):
        advance(store, NAME, Hands(run=True))
    assert outside(world) == before


def test_a_training_set_whose_key_is_a_path_is_refused(
    store: Store, spec: CampaignSpec, world: Path
) -> None:
    until(store, "train")
    before = outside(world)
    rename_sets(store)
    shutil.rmtree(world / "deep" / "er" / NAME / "iter.000000" / "train")
    with pytest.raises(AlLoopError, match="cannot be the name of a part"):
        advance(store, NAME, Hands(run=False))
    assert outside(world) == before


def test_a_frame_whose_hash_is_a_path_is_refused(
    store: Store, spec: CampaignSpec, world: Path
) -> None:
    advance(store, NAME, Hands(run=False))
    before = outside(world)
    bad = "../../../../../owned"
    job = store.jobs.due(NAME, 0, "start")[0]
    frame = store.database["frames"].find_one({"_id": job.items[0]})
    assert frame is not None
    store.database["frames"].insert_one({**frame, "_id": bad})
    store.database["jobs"].update_one({"_id": job.id}, {"$set": {"items": [bad]}})
    folder = Context(store, NAME).folder_of(job).path
    (folder / "job.json").unlink()
    with pytest.raises(DatabaseError, match="cannot be the name of a frame"):
        advance(store, NAME, Hands(run=True))
    assert outside(world) == before


def test_arrays_of_objects_are_never_made_from_bytes() -> None:
    packed = pack(np.arange(3.0))
    for dtype in ("|O", "O", "|O8", [("a", "O")]):
        with pytest.raises((ValueError, TypeError)):
            unpack({**packed, "dtype": dtype})
