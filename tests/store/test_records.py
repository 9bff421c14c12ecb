"""Records at the limits of MongoDB's documents and queries."""

import numpy as np
import pytest
from ase import Atoms

from al_loop.errors import DatasetError
from al_loop.store import Store
from al_loop.store.arrays import pack, unpack

from .records import AWKWARD, label

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    "array", [AWKWARD, AWKWARD.T, np.arange(3), np.zeros((0, 3)), AWKWARD.astype(">f8")]
)
def test_an_array_keeps_every_bit(array: np.ndarray) -> None:
    back = unpack(pack(array))
    assert back.shape == array.shape
    assert back.astype("<f8").tobytes() == np.ascontiguousarray(array).astype("<f8").tobytes()


def test_more_keys_than_fit_one_query(store: Store, frames: dict[str, Atoms]) -> None:
    store.frames.put_many(frames)
    many = [f"{i:064x}" for i in range(12_000)]
    assert store.frames.known([*many, *frames]) == set(frames)


def test_an_ok_label_without_numbers_is_refused() -> None:
    with pytest.raises(DatasetError, match="without numbers"):
        label("f", forces=None)


def test_a_frame_that_no_document_can_hold_is_refused_with_a_reason(store: Store) -> None:
    with pytest.raises(DatasetError, match="MiB"):
        store.labels.put_many([label("f", forces=np.zeros((600_000, 3)))])
