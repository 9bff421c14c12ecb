"""Disturbed copies are disturbed as asked."""

from __future__ import annotations

import numpy as np
import pytest

from al_loop.structures import crystal, perturb

NONE = {"rattle": 0.0, "strain": 0.0, "scale": (1.0, 1.0)}


def test_nothing_asked_nothing_changed() -> None:
    atoms = crystal("coesite")
    copy = perturb(atoms, **NONE, seed=1)
    assert copy.positions == pytest.approx(atoms.positions, abs=1e-12)
    assert copy.cell.array == pytest.approx(atoms.cell.array, abs=1e-12)


def test_rattle_is_gaussian_of_the_given_width() -> None:
    atoms = crystal("beta-cristobalite", supercell=(5, 5, 5))
    moved = perturb(atoms, **{**NONE, "rattle": 0.1}, seed=2).positions - atoms.positions
    count = moved.size
    assert moved.std() == pytest.approx(0.1, rel=4 / np.sqrt(2 * count))
    assert abs(moved.mean()) < 4 * 0.1 / np.sqrt(count)
    kurtosis = (moved**4).mean() / (moved**2).mean() ** 2
    assert kurtosis == pytest.approx(3.0, abs=4 * np.sqrt(24 / count))


def test_strain_is_symmetric_bounded_and_carries_the_atoms() -> None:
    atoms = crystal("alpha-quartz")
    for seed in range(20):
        copy = perturb(atoms, **{**NONE, "strain": 0.03}, seed=seed)
        strain = np.linalg.solve(atoms.cell.array, copy.cell.array) - np.eye(3)
        assert strain == pytest.approx(strain.T, abs=1e-12)
        assert 0.005 < np.abs(strain).max() <= 0.03
        fractions, before = (one.cell.scaled_positions(one.positions) for one in (copy, atoms))
        assert fractions == pytest.approx(before, abs=1e-9)


def test_scale_multiplies_all_lengths_within_its_bounds() -> None:
    atoms = crystal("alpha-quartz")
    factors = []
    for seed in range(50):
        copy = perturb(atoms, **{**NONE, "scale": (0.8, 0.95)}, seed=seed)
        ratios = copy.cell.lengths() / atoms.cell.lengths()
        assert ratios == pytest.approx(ratios[0])
        factors.append(ratios[0])
    assert 0.8 <= min(factors) < 0.82
    assert 0.93 < max(factors) <= 0.95


def test_same_seed_same_copy_and_the_original_is_untouched() -> None:
    atoms = crystal("alpha-quartz")
    before = atoms.copy()
    asked = {"rattle": 0.1, "strain": 0.02, "scale": (0.9, 1.1)}
    first, again, other = (perturb(atoms, **asked, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other
    assert atoms == before
