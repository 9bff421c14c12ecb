"""Files in the store: named by content, whole or not there."""

import hashlib
from pathlib import Path

import gridfs
import numpy as np
import pytest

from al_loop.errors import DatabaseError
from al_loop.store import Connection, Store

pytestmark = pytest.mark.engine


@pytest.fixture
def large(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "frozen.pb"
    path.write_bytes(rng.bytes(11 * (1 << 20) + 7))
    return path


def put(connection: Connection, path: Path) -> str:
    with Store(connection) as store:
        return store.files.put(path)


def test_a_file_comes_back_and_is_stored_once(store: Store, large: Path, tmp_path: Path) -> None:
    key = store.files.put(large)
    assert key == hashlib.sha256(large.read_bytes()).hexdigest() == store.files.put(large)
    store.files.fetch(key, tmp_path / "back.pb")
    assert (tmp_path / "back.pb").read_bytes() == large.read_bytes()
    assert store.database["al_files.chunks"].count_documents({}) == 12
    assert store.files.known([key, "absent"]) == {key}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["back.pb", "frozen.pb"]


def test_an_empty_file_comes_back(store: Store) -> None:
    assert store.files.get_bytes(store.files.put_bytes(b"", name="empty")) == b""


def test_any_gridfs_client_can_read_a_file(store: Store, large: Path) -> None:
    key = store.files.put(large)
    bucket = gridfs.GridFSBucket(store.database, bucket_name="al_files")
    assert bucket.open_download_stream(key).read() == large.read_bytes()


def test_the_same_file_from_four_processes_is_stored_once(
    connection: Connection, store: Store, large: Path, in_processes
) -> None:
    (key,) = set(in_processes(put, [(connection, large)] * 4))
    assert store.files.get_bytes(key) == large.read_bytes()
    assert store.database["al_files.chunks"].count_documents({}) == 12


def test_what_a_killed_process_left_is_completed(store: Store, large: Path) -> None:
    key = store.files.put(large)
    store.database["al_files.files"].delete_one({"_id": key})
    store.database["al_files.chunks"].delete_many({"n": {"$gt": 3}})
    assert store.files.known([key]) == set()
    with pytest.raises(DatabaseError, match="is not in the database"):
        store.files.get_bytes(key)
    assert store.files.put(large) == key
    assert store.files.get_bytes(key) == large.read_bytes()


def test_damage_is_noticed_and_leaves_no_file(store: Store, large: Path, tmp_path: Path) -> None:
    key = store.files.put(large)
    chunks = store.database["al_files.chunks"]
    chunks.update_one({"n": 2}, {"$set": {"data": b"x" * (1 << 20)}})
    with pytest.raises(DatabaseError, match="damaged"):
        store.files.fetch(key, tmp_path / "back.pb")
    chunks.delete_one({"n": 2})
    with pytest.raises(DatabaseError, match="lost chunk 2"):
        store.files.fetch(key, tmp_path / "back.pb")
    assert [p.name for p in tmp_path.iterdir()] == ["frozen.pb"]


def test_a_file_that_is_there_is_not_fetched_again(store: Store, large: Path) -> None:
    key = store.files.put(large)
    store.files.delete([key])
    store.files.fetch(key, large)
    assert store.database["al_files.chunks"].count_documents({}) == 0
