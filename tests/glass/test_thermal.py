"""Density, expansion and the kink of a quench, on data of which they are known."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Estimate
from al_loop.glass.lines import fit_line
from al_loop.glass.thermal import fictive_temperature, mean_density, thermal_expansion
from al_loop.units import Array

KINK = 1450.0


def quench(
    *, noise: float, seed: int, memory: float = 0.0, curved: float = 0.0
) -> tuple[Array, Array]:
    """Energy along a quench from 4000 to 300 K that bends at KINK; eV per atom."""
    rng = np.random.default_rng(seed)
    temperatures = np.linspace(4000, 300, 371)
    above = np.maximum(temperatures - KINK, 0)
    energies = -6.3 + 2.6e-4 * temperatures + 1.4e-4 * above
    drawn = rng.normal(size=371)
    for i in range(1, 371):  # each point remembers the one before
        drawn[i] = memory * drawn[i - 1] + np.sqrt(1 - memory**2) * drawn[i]
    return temperatures, energies + noise * drawn


def test_density_of_silica_at_its_glass_density() -> None:
    """128 SiO2 in a cube of 17.96285 Å have 2.20 g/cm3 (Trillot 2024)."""
    atoms = Atoms("Si128O256", positions=np.zeros((384, 3)), cell=[17.96285] * 3, pbc=True)
    larger = atoms.copy()
    larger.set_cell([18.0] * 3)
    found = mean_density([atoms] * 2)
    assert found.value == pytest.approx(2.20, abs=0.005)
    assert found.unit == "g/cm3"
    assert found.error == pytest.approx(0.0, abs=1e-12)
    assert mean_density([atoms]).error is None
    assert mean_density([atoms, larger]).value < found.value
    with pytest.raises(DatasetError):
        mean_density([])


def test_expansion_is_that_of_the_volumes() -> None:
    temperatures = [300.0, 500.0, 700.0, 900.0]
    volumes = [Estimate(5000 * np.exp(3 * 9e-6 * t), 1e-3, 10, "Å3") for t in temperatures]
    found = thermal_expansion(temperatures, volumes)
    assert found.value == pytest.approx(27e-6)
    assert found.unit == "1/K"
    # a relative error of 2e-7 over the root of the sum of (T - 600 K)²
    assert found.error == pytest.approx(2e-7 / 447.2, rel=0.03)


@pytest.mark.parametrize(
    "windows",
    [{}, {"glass": (300.0, 1200.0), "melt": (1800.0, 4000.0)}],
    ids=["best two lines", "windows"],
)
def test_the_kink_of_a_quench_is_found(windows: dict[str, tuple[float, float]]) -> None:
    found = fictive_temperature(*quench(noise=0.0, seed=0), **windows)
    assert found.value == pytest.approx(KINK, abs=0.5)
    noisy = fictive_temperature(*quench(noise=0.01, seed=1), **windows)
    assert noisy.error is not None
    assert abs(noisy.value - KINK) < 3 * noisy.error < 150
    assert noisy.unit == "K"


@pytest.mark.parametrize("memory", [0.0, 0.8])
def test_the_error_of_a_kink_is_that_of_repeated_quenches(memory: float) -> None:
    found = [
        fictive_temperature(
            *quench(noise=0.005, seed=seed, memory=memory), glass=(300, 1300), melt=(1600, 4000)
        )
        for seed in range(60)
    ]
    spread = np.std([one.value for one in found], ddof=1)
    told = np.sqrt(np.mean([one.error**2 for one in found if one.error is not None]))
    assert 0.65 < told / spread < 1.5


def test_a_straight_line_has_no_kink() -> None:
    temperatures = np.linspace(300, 4000, 100)
    energies = 3e-4 * temperatures + 0.01 * np.random.default_rng(0).normal(size=100)
    with pytest.raises(DatasetError, match="no kink"):
        fictive_temperature(temperatures, energies, glass=(300, 1500), melt=(1500, 4000))


def test_ranges_without_points_are_an_error() -> None:
    temperatures, energies = quench(noise=0.0, seed=0)
    with pytest.raises(DatasetError, match="glass: 2 points between 290 and 310 K"):
        fictive_temperature(temperatures, energies, glass=(290, 310), melt=(1600, 4000))
    with pytest.raises(DatasetError, match="give both or none"):
        fictive_temperature(temperatures, energies, glass=(290, 310))
    with pytest.raises(DatasetError, match="9 points are too few"):
        fictive_temperature(temperatures[:9], energies[:9])


def test_a_line_has_the_errors_of_least_squares() -> None:
    """Against numpy's polyfit, which scales the covariance by the scatter."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 10, 12)
    y = 3 * x - 2 + rng.normal(size=12)
    line = fit_line(x, y)
    fitted, covariance = np.polyfit(x, y, 1, cov=True)
    assert (line.slope, line.at(0.0)) == pytest.approx(tuple(fitted))
    assert line.slope_error == pytest.approx(np.sqrt(covariance[0, 0]))
    assert line.error_at(0.0) == pytest.approx(np.sqrt(covariance[1, 1]))
    errors = rng.uniform(0.5, 2.0, 12)
    weighted = fit_line(x, y, 3 * errors)  # more than the points scatter: errors are believed
    fitted, covariance = np.polyfit(x, y, 1, w=1 / (3 * errors), cov="unscaled")
    assert (weighted.slope, weighted.at(0.0)) == pytest.approx(tuple(fitted))
    assert weighted.slope_error == pytest.approx(np.sqrt(covariance[0, 0]))
    assert fit_line([1, 2], [3, 5]).slope_error is None
    with pytest.raises(DatasetError, match="two different x"):
        fit_line([1, 1], [3, 5])
