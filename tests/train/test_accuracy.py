"""Errors of a model, against numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop.frame import Labelled
from al_loop.train import errors_of, read_force_parity
from al_loop.train.accuracy import force_parity, predict_all, write_force_parity
from al_loop.units import Array


class Fixed:
    """Says the same for every frame of the same size: energy -10 eV per atom, forces, virial 0."""

    def predict(self, atoms: Atoms) -> tuple[float, Array, Array]:
        n = len(atoms)
        return -10.0 * n, np.zeros((n, 3)), np.zeros((3, 3))


def frame(n: int, *, energy: float, force: float, virial: float | None) -> Labelled:
    """One component of the first atom's force, and one of the virial, differ from zero."""
    forces = np.zeros((n, 3))
    forces[0, 1] = force
    tensor = None
    if virial is not None:
        tensor = np.zeros((3, 3))
        tensor[0, 2] = virial
    return Labelled(Atoms(f"O{n}", cell=[5, 5, 5], pbc=True), energy, forces, tensor)


def test_two_frames_by_hand() -> None:
    frames = [
        frame(2, energy=-20.2, force=3.0, virial=1.2),  # 0.1 eV/atom, virial 0.6 eV/atom
        frame(4, energy=-38.8, force=4.0, virial=None),  # 0.3 eV/atom
    ]
    errors = errors_of(Fixed(), frames)
    assert errors.frames == 2
    # sqrt((0.01 + 0.09) / 2) = 0.223607 eV/atom: every frame counts once
    assert errors.energy_rmse == pytest.approx(223.6068, abs=1e-4)
    # sqrt((9 + 16) / (3 * 6)) = 1.178511 eV/Å: every component counts once
    assert errors.force_rmse == pytest.approx(1.178511, abs=1e-6)
    # sqrt(0.36 / 9) = 0.2 eV/atom: frames without a virial have no say
    assert errors.virial_rmse == pytest.approx(200.0, abs=1e-9)


def test_no_virial_at_all() -> None:
    errors = errors_of(Fixed(), [frame(2, energy=-20.0, force=0.0, virial=None)])
    assert errors.virial_rmse is None
    assert errors.energy_rmse == 0.0


def test_no_frames() -> None:
    errors = errors_of(Fixed(), [])
    assert (errors.frames, errors.energy_rmse, errors.force_rmse, errors.virial_rmse) == (
        0,
        None,
        None,
        None,
    )


def test_a_parity_plot_has_components_of_all_directions_and_frames(tmp_path: Path) -> None:
    frames = [frame(100, energy=0.0, force=float(i), virial=None) for i in range(60)]
    for i, one in enumerate(frames):
        one.forces[:] = np.arange(300).reshape(100, 3) + 1000.0 * i
    parity = force_parity(predict_all(Fixed(), frames), frames)
    write_force_parity(tmp_path / "parity.npz", parity)
    kept = read_force_parity((tmp_path / "parity.npz").read_bytes())
    assert len(kept.label) == len(kept.predicted) <= 4000
    assert {int(v // 1000) for v in kept.label} == set(range(60))
    assert {int(v % 1000) % 3 for v in kept.label} == {0, 1, 2}
    assert not kept.predicted.any()
    few = force_parity(predict_all(Fixed(), frames[:1]), frames[:1])
    assert len(few.label) == 300
    assert len(force_parity([], []).label) == 0
