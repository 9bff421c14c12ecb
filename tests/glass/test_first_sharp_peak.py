"""The first sharp peak: against Debye's formula for clusters of known form, and dynasor's sums."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from scipy.spatial.transform import Rotation

from al_loop.errors import DatasetError
from al_loop.glass import Trajectory
from al_loop.glass.structure import first_sharp_peak, wave_vectors
from al_loop.glass.structure.fsdp import REACH
from al_loop.structures import crystal
from al_loop.units import Array

EDGE = 5.5
"""Å: of icosahedra, whose first peak is where that of silica is."""
Q_MAX = 2.2 + REACH


def icosahedron() -> Array:
    golden = (1 + np.sqrt(5)) / 2
    some = np.array([[0, a, b * golden] for a in (1, -1) for b in (1, -1)])
    return np.concatenate([np.roll(some, turn, axis=1) for turn in range(3)]) * EDGE / 2


def clusters(atoms: int, edge: float, seed: int) -> Trajectory:
    """Icosahedra anywhere, in any direction: no order between them."""
    generator = np.random.default_rng(seed)
    number = atoms // 12
    turns = Rotation.random(number, random_state=generator).as_matrix()
    places = generator.random((number, 1, 3)) * edge
    positions = places + np.einsum("mij,nj->mni", turns, icosahedron())
    return Trajectory(
        (Atoms(f"Si{12 * number}", positions.reshape(-1, 3), cell=[edge] * 3, pbc=True),)
    )


def debye() -> tuple[float, float, float]:
    """Position, height, width of the first peak of (1/n) sum of sin(qd)/(qd) over pairs."""
    apart = np.linalg.norm(icosahedron()[:, None] - icosahedron(), axis=-1)
    q = np.arange(0.6, 2.2, 0.0005)
    s = np.sinc(q[:, None, None] * apart / np.pi).sum(axis=(1, 2)) / 12
    top = np.argmax(np.where(q > 1.0, s, 0.0))
    half = np.nonzero(s[:top] < s[top] / 2)[0][-1]
    return q[top], s[top], 2 * (q[top] - q[half])


@pytest.mark.parametrize(("atoms", "edge"), [(192, 14.3), (648, 21.4), (2400, 33.1)])
def test_the_peak_is_that_of_debye_in_every_box_within_its_own_errors(
    atoms: int, edge: float
) -> None:
    """R of g(r) would be 7 to 17 Å here, and Lorch's window 0.8 to 0.3 1/Å wide."""
    expected = np.array(debye())
    assert expected == pytest.approx([1.496, 1.824, 0.531], abs=1e-3)
    found, errors = [], []
    for seed in range(12):
        vectors = wave_vectors(clusters(atoms, edge, seed), q_max=Q_MAX)
        peak, _ = first_sharp_peak(vectors)
        three = (peak.position, peak.height, peak.width)
        found.append([one.value for one in three])
        errors.append([one.error for one in three])
    off = np.abs(np.array(found) - expected)
    assert (off < 3.5 * np.array(errors)).all()
    assert (off < 2 * np.array(errors)).mean() > 0.85
    # Not too wide either: the scatter of 12 glasses is most of the error that each of them tells.
    scatter = np.std(found, axis=0, ddof=1)
    assert (scatter > np.median(errors, axis=0) / 5).all()
    assert np.mean(found, axis=0)[0] == pytest.approx(expected[0], abs=max(0.01, scatter[0]))


def test_sums_over_atoms_are_those_of_dynasor() -> None:
    """A skewed cell of two elements and two frames, at its own wave vectors."""
    from dynasor.core.reciprocal import calc_rho_q
    from dynasor.qpoints import get_spherical_qpoints

    generator = np.random.default_rng(4)
    cell = np.array([[9.0, 0.0, 0.0], [4.0, 8.0, 0.0], [-3.0, 2.0, 10.0]])
    frames = tuple(
        Atoms("Si20O40", generator.random((60, 3)) @ cell, cell=cell, pbc=True) for _ in range(2)
    )
    found = wave_vectors(Trajectory(frames), q_max=3.0)
    points = get_spherical_qpoints(cell, q_max=3.0)
    points = points[np.linalg.norm(points, axis=1) > 0]
    b = np.array([4.1491] * 20 + [5.803] * 40)
    expected = np.zeros(len(points))
    for atoms in frames:
        silicon, oxygen = (calc_rho_q(x, points) for x in np.split(atoms.positions, [20]))
        total = 4.1491 * silicon + 5.803 * oxygen
        expected += 0.5 * (1 + (np.abs(total) ** 2 / 60 - (b**2).mean()) / b.mean() ** 2)
    q = np.linalg.norm(points, axis=1)
    assert len(found.q) == len(q) / 2  # one of each +q and -q
    ours, theirs = np.lexsort((found.s, found.q.round(8))), np.lexsort((expected, q.round(8)))
    assert found.q[ours] == pytest.approx(q[theirs][::2])
    assert found.s[ours] == pytest.approx(expected[theirs][::2], abs=1e-4)


def test_large_cells_have_a_part_of_their_vectors_and_small_ones_too_few() -> None:
    large = wave_vectors(clusters(9600, 52.5, 1), q_max=Q_MAX)
    assert 7_000 < len(large.q) < 13_000 < 52.5**3 * Q_MAX**3 / (12 * np.pi**2)
    position, height, _ = debye()
    peak, curve = first_sharp_peak(large)
    assert peak.position.value == pytest.approx(position, abs=0.02)
    assert peak.height.value == pytest.approx(height, rel=0.12)
    assert curve.x[0] == pytest.approx(0.6)
    with pytest.raises(DatasetError, match=r"wave vectors .* too few for a peak"):
        first_sharp_peak(wave_vectors(clusters(24, 7.0, 1), q_max=Q_MAX))


def test_where_s_only_falls_there_is_no_peak() -> None:
    vectors = wave_vectors(clusters(648, 21.4, 1), q_max=Q_MAX)
    with pytest.raises(DatasetError, match=r"no maximum between 1 and 2\.2"):
        first_sharp_peak(replace(vectors, s=np.exp(-vectors.q)))


def test_the_peak_of_cristobalite_is_its_111_reflection() -> None:
    atoms = crystal("beta-cristobalite", supercell=(3, 3, 3))
    atoms.positions += np.random.default_rng(3).normal(0.0, 0.05, atoms.positions.shape)
    peak, _ = first_sharp_peak(wave_vectors(Trajectory((atoms,)), q_max=Q_MAX))
    assert peak.position.value == pytest.approx(2 * np.pi * np.sqrt(3) / 7.16, abs=0.01)
