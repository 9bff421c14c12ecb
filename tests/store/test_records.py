"""What goes into the store comes out of it, to the last bit, and only once."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from al_loop.errors import DatasetError
from al_loop.store import (
    ErrorSummary,
    Method,
    Selection,
    Store,
)
from al_loop.store.arrays import pack, unpack

from .records import AWKWARD, WHEN, failed, label, model, walk

pytestmark = pytest.mark.engine


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


def test_a_frame_that_no_document_can_hold_is_refused_with_a_reason(store: Store) -> None:
    with pytest.raises(DatasetError, match="MiB"):
        store.labels.put_many([label("f", forces=np.zeros((600_000, 3)))])
