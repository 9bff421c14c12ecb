from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from al_loop.errors import DatasetError
from al_loop.glass import Trajectory
from al_loop.glass.form_factors import xray_form_factor
from al_loop.glass.structure import (
    measured_correlation,
    pair_distributions,
    structure_factors,
)
from al_loop.structures import crystal
from tests.glass.test_pairs import gas

BOND = 1.6


def molecules(*, pairs: int, frames: int, edge: float = 30.0, seed: int = 2) -> Trajectory:
    """Si-O molecules of one length, anywhere and in any direction."""
    generator = np.random.default_rng(seed)
    made = []
    for _ in range(frames):
        places = generator.random((pairs, 3)) * edge
        ways = generator.normal(size=(pairs, 3))
        ends = places + BOND * ways / np.linalg.norm(ways, axis=1)[:, None]
        made.append(
            Atoms(
                ["Si"] * pairs + ["O"] * pairs, np.vstack([places, ends]), cell=[edge] * 3, pbc=True
            )
        )
    return Trajectory(tuple(made))


def test_molecules_without_order_between_them_scatter_as_debye_says() -> None:
    """S_SiO of Faber and Ziman is 1 + 2 sin(qd)/(qd); like atoms have S = 1."""
    pairs = pair_distributions(molecules(pairs=1000, frames=30), width=0.02)
    found = structure_factors(pairs, q=np.arange(1.0, 12.0, 0.1), window="none")
    debye = np.sin(found.q * BOND) / (found.q * BOND)
    for name, expected in (("Si-O", 1 + 2 * debye), ("O-O", 1.0), ("Si-Si", 1.0)):
        curve = found.partial(name)
        assert curve.error is not None
        assert np.abs(curve.y - expected).max() < 0.25  # 5 standard errors
        assert np.mean((curve.y - expected) ** 2) < 2.0 * np.mean(curve.error**2)
    assert found.ashcroft_langreth("Si-O").y == pytest.approx(0.5 * (found.partial("O-Si").y - 1))
    assert found.ashcroft_langreth("O-O").y == pytest.approx(1 + 0.5 * (found.partial("O-O").y - 1))


def test_an_ideal_gas_has_s_of_one() -> None:
    """Partial, of neutrons and of X-rays, at every q, in a skewed cell."""
    pairs = pair_distributions(gas(atoms=1500, frames=40), width=0.02)
    found = structure_factors(pairs, q=np.arange(1.0, 15.0, 0.1), window="none")
    curves = [found.partial(name) for name in pairs.partials]
    for curve in (*curves, found.neutron(), found.xray()):
        assert curve.error is not None
        assert (np.abs(curve.y - 1.0) < 5 * curve.error).all()
        assert curve.error.max() < 0.15


def test_the_first_peak_of_cristobalite_is_its_111_reflection_and_lorch_lowers_it() -> None:
    atoms = crystal("beta-cristobalite", supercell=(5, 5, 5))
    atoms.positions += np.random.default_rng(3).normal(0.0, 0.05, atoms.positions.shape)
    pairs = pair_distributions(Trajectory((atoms,)))
    q = np.arange(0.5, 2.2, 0.002)
    sharp, smooth = (
        structure_factors(pairs, q=q, window=window).neutron().y for window in ("none", "lorch")
    )
    expected = 2 * np.pi * np.sqrt(3) / 7.16
    assert q[np.argmax(sharp)] == pytest.approx(expected, abs=0.008)
    assert q[np.argmax(smooth)] == pytest.approx(expected, abs=0.02)  # pulled by the cutoff
    assert sharp.max() > smooth.max() > 3.0


def test_t_of_r_at_experimental_resolution_keeps_its_area_and_widens() -> None:
    """The Si-O peak of unbound molecules: area 4 pi r^2 rho g integrates to one neighbour."""
    pairs = pair_distributions(molecules(pairs=1000, frames=10), width=0.02)
    q = np.arange(0.05, 40.0, 0.05)
    factors = structure_factors(pairs, q=q, window="none")
    r = np.arange(0.5, 5.0, 0.01)
    peaks = {q_max: measured_correlation(factors, r=r, q_max=q_max) for q_max in (15.0, 35.0)}
    background = 4 * np.pi * factors.density * r
    b = {"Si": 4.1491, "O": 5.803}
    # one Si-O neighbour each: 2 c_Si b_Si b_O n / (<b>^2 r)
    expected = 2 * 0.5 * b["Si"] * b["O"] / (0.5 * (b["Si"] + b["O"])) ** 2 / BOND
    widths = []
    for curve in peaks.values():
        near = np.abs(r - BOND) < 0.45
        excess = (curve.y - background)[near]
        assert np.trapezoid(excess, r[near]) == pytest.approx(expected, rel=0.06)
        assert r[near][np.argmax(excess)] == pytest.approx(BOND, abs=0.02)
        widths.append(np.ptp(r[near][excess > excess.max() / 2]))
    assert widths[0] == pytest.approx(5.437 / 15.0, rel=0.05)  # Lorch's resolution, FWHM
    assert widths[1] == pytest.approx(5.437 / 35.0, rel=0.1)
    with pytest.raises(DatasetError, match="ends at 39"):
        measured_correlation(factors, r=r, q_max=60.0)


def test_form_factors_start_at_the_number_of_electrons() -> None:
    for element, electrons in (("Li", 3), ("B", 5), ("O", 8), ("Na", 11), ("Si", 14)):
        assert xray_form_factor(element, np.array([0.0]))[0] == pytest.approx(electrons, rel=1e-3)
    with pytest.raises(DatasetError, match="'Qq'"):
        xray_form_factor("Qq", np.array([1.0]))
