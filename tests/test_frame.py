"""A frame's identity, its split, and frames in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read
from hypothesis import given, settings
from hypothesis import strategies as st

from al_loop.errors import DatasetError
from al_loop.frame import (
    Labelled,
    check_labelled,
    frame_hash,
    read_frames,
    read_labelled,
    split_of,
    write_frames,
    write_labelled,
)


def box(seed: int, count: int = 12, *, decimals: int | None = None) -> Atoms:
    generator = np.random.default_rng(seed)
    cell = np.diag(generator.uniform(6, 9, 3)) + generator.uniform(-1, 1, (3, 3))
    positions = generator.uniform(-3, 12, (count, 3))
    if decimals is not None:
        cell, positions = np.round(cell, decimals), np.round(positions, decimals)
    symbols = generator.choice(["Si", "O"], count).tolist()
    return Atoms(symbols, positions=positions, cell=cell, pbc=True)


def labelled(seed: int, *, virial: bool = True) -> Labelled:
    generator = np.random.default_rng(seed)
    atoms = box(seed)
    return Labelled(
        atoms=atoms,
        energy=float(generator.normal(-1e4, 1e3)),
        forces=generator.normal(0, 3, (len(atoms), 3)),
        virial=generator.normal(0, 30, (3, 3)) if virial else None,
    )


seeds = st.integers(0, 10**6)


@given(seed=seeds, shift_seed=seeds, decimals=st.sampled_from([None, 3, 6, 7, 8]))
def test_identity_ignores_order_and_periodic_images(
    seed: int, shift_seed: int, decimals: int | None
) -> None:
    atoms = box(seed, decimals=decimals)
    generator = np.random.default_rng(shift_seed)
    other = atoms[generator.permutation(len(atoms))]
    other.positions = other.positions + generator.integers(-3, 4, (len(atoms), 3)) @ atoms.cell
    assert frame_hash(other) == frame_hash(atoms)
    other.wrap()
    assert frame_hash(other) == frame_hash(atoms)


@pytest.mark.parametrize("decimals", [7, 8, 9])
def test_coordinates_on_the_edge_of_a_rounding_step_keep_their_identity(decimals: int) -> None:
    """In a cell of 10 Å every tenth coordinate of 7 decimals used to lie on such an edge."""
    generator = np.random.default_rng(decimals)
    positions = np.round(generator.uniform(0, 10, (500, 3)), decimals)
    positions[::2] = np.floor(positions[::2] * 1e6) / 1e6 + 5e-7
    atoms = Atoms("O500", positions=positions, cell=[10, 10, 10], pbc=True)
    for shift in ([10, 0, 0], [-30, 20, 10], [1e3, 1e3, 1e3]):
        moved = atoms.copy()
        moved.positions = moved.positions + shift
        assert frame_hash(moved) == frame_hash(atoms)


@given(seed=seeds, atom=st.integers(0, 11), axis=st.integers(0, 2))
def test_identity_sees_every_atom_element_and_cell_vector(seed: int, atom: int, axis: int) -> None:
    atoms = box(seed)
    moved, swapped, strained = atoms.copy(), atoms.copy(), atoms.copy()
    moved.positions[atom, axis] += 1e-4
    swapped.numbers[atom] = 14 if swapped.numbers[atom] == 8 else 8
    strained.cell[axis, axis] += 1e-4
    hashes = {frame_hash(a) for a in (atoms, moved, swapped, strained)}
    assert len(hashes) == 4
    rotated = atoms.copy()
    rotated.rotate(90, "z", rotate_cell=True)
    assert frame_hash(rotated) not in hashes


def test_identity_is_64_hexadecimal_digits_and_stays_what_it_was() -> None:
    """Stores of earlier versions must be found again."""
    atoms = Atoms("SiO2", positions=[[0, 0, 0], [1.6, 0, 0], [0, 1.6, 0]], cell=[5] * 3, pbc=True)
    assert frame_hash(atoms) == PINNED
    assert frame_hash(atoms[[2, 0, 1]]) == PINNED


PINNED = "4fda9337cf6fae4de809f88dc53720732c8a611b7461c4afa6503bfbece8efd2"


def test_identity_needs_numbers_and_a_volume() -> None:
    atoms = box(1)
    atoms.positions[3, 1] = np.nan
    with pytest.raises(DatasetError, match="finite"):
        frame_hash(atoms)
    with pytest.raises(DatasetError, match="volume"):
        frame_hash(Atoms("Si"))


def test_split_has_the_asked_fractions_and_is_stable() -> None:
    hashes = [frame_hash(box(i, 2)) for i in range(4000)]
    splits = [split_of(h, valid=0.1, test=0.2) for h in hashes]
    assert splits == [split_of(h, valid=0.1, test=0.2) for h in hashes]
    for name, fraction in (("train", 0.7), ("valid", 0.1), ("test", 0.2)):
        sigma = (fraction * (1 - fraction) / 4000) ** 0.5
        assert splits.count(name) / 4000 == pytest.approx(fraction, abs=4 * sigma)


@given(st.text("0123456789abcdef", min_size=64, max_size=64), st.floats(0, 0.4), st.floats(0, 0.4))
def test_a_test_frame_stays_one_when_the_validation_fraction_changes(
    frame: str, one: float, other: float
) -> None:
    first = split_of(frame, valid=one, test=0.2)
    second = split_of(frame, valid=other, test=0.2)
    assert (first == "test") == (second == "test")


def test_split_at_its_bounds() -> None:
    lowest, highest = "0" * 64, "f" * 64
    assert split_of(lowest, valid=0.1, test=0.1) == "test"
    assert split_of(lowest, valid=0.1, test=0.0) == "valid"
    assert split_of(lowest, valid=0.0, test=0.0) == "train"
    assert split_of(highest, valid=0.45, test=0.45) == "train"


@settings(deadline=None, max_examples=20)
@given(seed=seeds, count=st.integers(1, 4))
def test_labelled_frames_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int
) -> None:
    path = tmp_path_factory.mktemp("frames") / "labelled.traj"
    frames = [labelled(seed + i, virial=i % 2 == 0) for i in range(count)]
    write_labelled(path, frames)
    for before, after in zip(frames, read_labelled(path), strict=True):
        assert after.energy == before.energy
        assert np.array_equal(after.forces, before.forces)
        assert np.array_equal(after.atoms.positions, before.atoms.positions)
        assert np.array_equal(after.atoms.cell.array, before.atoms.cell.array)
        assert np.array_equal(after.atoms.numbers, before.atoms.numbers)
        assert after.atoms.pbc.all()
        assert after.atoms.calc is None
        assert frame_hash(after.atoms) == frame_hash(before.atoms)
        if before.virial is None:
            assert after.virial is None
        else:
            assert after.virial == pytest.approx(before.virial, rel=1e-12, abs=1e-12)
        check_labelled(after, where=path)


def test_ase_reads_a_labelled_file_with_its_own_sign_of_stress(tmp_path: Path) -> None:
    one = labelled(3)
    write_labelled(tmp_path / "l.traj", [one])
    atoms = read(tmp_path / "l.traj")
    assert atoms.get_potential_energy() == one.energy
    assert np.array_equal(atoms.get_forces(), one.forces)
    stress = atoms.calc.results["stress"]
    assert stress == pytest.approx(-one.virial / atoms.get_volume())


def test_writing_a_label_leaves_the_frame_without_calculator(tmp_path: Path) -> None:
    one = labelled(4)
    write_labelled(tmp_path / "l.traj", [one])
    assert one.atoms.calc is None


@pytest.mark.parametrize("count", [0, 1, 3])
def test_frames_come_back_exactly_and_without_calculators(tmp_path: Path, count: int) -> None:
    frames = [box(i) for i in range(count)]
    for atoms in frames:
        atoms.calc = SinglePointCalculator(atoms, energy=1.0)
    write_frames(tmp_path / "f.traj", frames)
    again = read_frames(tmp_path / "f.traj")
    assert len(again) == count
    for before, after in zip(frames, again, strict=True):
        assert np.array_equal(after.positions, before.positions)
        assert after.calc is None


def test_frames_without_labels_are_no_labelled_frames(tmp_path: Path) -> None:
    write_frames(tmp_path / "f.traj", [box(1)])
    with pytest.raises(DatasetError, match="frame 0 has no energy or no forces"):
        read_labelled(tmp_path / "f.traj")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "f.traj"
    write_frames(path, [box(1)])

    def failing() -> object:
        yield box(2)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_frames(path, failing())
    assert [p.name for p in tmp_path.iterdir()] == ["f.traj"]
    assert frame_hash(read_frames(path)[0]) == frame_hash(box(1))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"forces": np.zeros((11, 3))}, r"12 atoms but forces of shape \(11, 3\)"),
        ({"virial": np.zeros(6)}, r"virial of shape \(6,\)"),
        ({"energy": float("nan")}, "must be finite"),
        ({"forces": np.full((12, 3), np.inf)}, "must be finite"),
        ({"virial": np.full((3, 3), np.nan)}, "must be finite"),
    ],
)
def test_bad_labels_are_refused_with_their_place(change: dict[str, object], what: str) -> None:
    good = labelled(5)
    check_labelled(good, where="set.npz")
    bad = Labelled(**{**vars(good), **change})
    with pytest.raises(DatasetError, match=what) as caught:
        check_labelled(bad, where="set.npz")
    assert caught.value.where == "set.npz"
