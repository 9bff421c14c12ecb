from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import trapezoid

from al_loop.errors import DatasetError
from al_loop.glass.vibrations import dynamic_structure_factor
from al_loop.glass.vibrations.dynamic_structure import vectors_in_shell


def test_a_gas_of_free_particles_gives_a_gaussian() -> None:
    """S(q, f) of an ideal gas: a Gaussian of standard deviation q sqrt(kT/m) / 2 pi, area 1."""
    rng = np.random.default_rng(3)
    atoms, length, speed, dt = 1500, 20.0, 8.0, 0.01  # Å, Å/ps along each axis, ps
    start = rng.random((atoms, 3)) * length
    velocity = rng.normal(0.0, speed, (atoms, 3))
    times = np.arange(300) * dt
    paths = start + times[:, None, None] * velocity
    wrapped = paths % length  # waves of the cell do not see it
    broadening, q = 0.5, 1.5
    found = dynamic_structure_factor(
        wrapped, ["O"] * atoms, dt, cell=np.eye(3) * length, q=q, broadening=broadening, maximum=15
    )
    sigma = np.hypot(q * speed / (2 * np.pi), broadening)
    expected = np.exp(-0.5 * (found.x / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    assert found.error is not None
    assert found.n == 24  # of 48 with h² + k² + l² = 22, 24, one of two
    away = np.abs(found.y - expected)
    assert (away < 5 * found.error + 1e-3).all()
    assert found.error.max() < 0.2 * expected[0]
    assert 2 * trapezoid(found.y, found.x) == pytest.approx(1.0, abs=0.2)


def test_one_phonon_is_one_line() -> None:
    """A crystal with a wave u = A sin(kx - 2 pi f t): F(k, t) = N (A k/2)² cos(2 pi f t)."""
    n, a, frequency, amplitude, dt = 6, 3.0, 5.0, 0.02, 0.01
    grid = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3) * a
    k = 2 * np.pi / (n * a)
    times = np.arange(500) * dt
    paths = np.repeat(grid[None].astype(float), len(times), axis=0)
    paths[:, :, 0] += amplitude * np.sin(k * grid[:, 0] - 2 * np.pi * frequency * times[:, None])
    found = dynamic_structure_factor(
        paths, ["Si"] * n**3, dt, cell=np.eye(3) * n * a, q=k, width=0.01, maximum=10.0
    )
    assert found.n == 3  # along x, y, z; only the first sees a wave along x
    line = found.y * 3
    assert found.x[np.argmax(line)] == pytest.approx(frequency, abs=0.05)
    area = trapezoid(line, found.x)  # half of N (A k / 2)²; the other half is at -f
    assert area == pytest.approx(0.5 * n**3 * (amplitude * k / 2) ** 2, rel=0.02)
    assert np.abs(line[np.abs(found.x - frequency) > 1.5]).max() < 0.01 * line.max()


def test_wave_vectors_fit_the_cell() -> None:
    cell = np.array([[10.0, 0, 0], [2.0, 9.0, 0], [0, 1.0, 12.0]])
    found = vectors_in_shell(cell, 2.0, 0.1)
    turns = found @ cell.T / (2 * np.pi)
    assert turns == pytest.approx(np.rint(turns), abs=1e-9)
    assert np.abs(np.linalg.norm(found, axis=1) - 2.0).max() <= 0.05
    pairs = np.linalg.norm(found[:, None] + found[None], axis=2)
    assert pairs.min() > 1e-6
    with pytest.raises(DatasetError, match="no wave vector"):
        vectors_in_shell(cell, 0.1, 0.05)


def test_frames_too_far_apart_are_refused() -> None:
    paths = np.random.default_rng(1).random((50, 4, 3))
    with pytest.raises(DatasetError, match="THz"):
        dynamic_structure_factor(paths, ["O"] * 4, 0.1, cell=np.eye(3) * 5, q=2.0, width=1.0)
