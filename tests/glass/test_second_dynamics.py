"""Density waves, vibrations, conductivity as dynasor and pymatgen-analysis-diffusion see them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.io import write
from scipy.integrate import trapezoid
from scipy.interpolate import CubicSpline

from al_loop.glass.dynamics import (
    arrhenius,
    einstein_conductivity,
    mean_square_displacement,
    nernst_einstein,
    self_diffusion,
)
from al_loop.glass.estimate import Estimate
from al_loop.glass.scattering_lengths import neutron_lengths
from al_loop.glass.vibrations import dynamic_structure_factor, velocity_density_of_states
from al_loop.glass.vibrations.dynamic_structure import vectors_in_shell
from al_loop.units import Array

SYMBOLS = ["Si"] * 12 + ["O"] * 24
EDGE = 9.0  # Å
STEP = 0.01  # ps
BROADENING = 1.0  # THz


def oscillators(frames: int = 240) -> tuple[Array, Array]:
    """Positions and velocities (frames, atoms, 3) of atoms that swing, each with its frequency.

    The centre of mass is at rest.
    """
    generator = np.random.default_rng(6)
    shape = (len(SYMBOLS), 3)
    turns = 2 * np.pi * generator.uniform(3.0, 20.0, shape)
    phase, width = generator.uniform(0, 2 * np.pi, shape), 0.3
    time = STEP * np.arange(frames)[:, None, None]
    swings = width * np.sin(turns * time + phase)
    speeds = width * turns * np.cos(turns * time + phase)
    masses = Atoms(SYMBOLS).get_masses()
    for series in (swings, speeds):
        series -= np.einsum("i,tia->ta", masses / masses.sum(), series)[:, None]
    return EDGE * generator.random(shape) + swings, speeds


def test_density_waves_are_those_of_dynasor(tmp_path: Path) -> None:
    """Its partial F(q, t), weighted for neutrons and transformed here by trapezoids."""
    dynasor = import_module("dynasor")
    positions, _ = oscillators()
    frames = [Atoms(SYMBOLS, one, cell=[EDGE] * 3, pbc=True) for one in positions]
    write(tmp_path / "run.traj", frames)
    cell = np.eye(3) * EDGE
    vectors = vectors_in_shell(cell, 2.2, 0.4)
    trajectory = dynasor.Trajectory(
        str(tmp_path / "run.traj"),
        trajectory_format="ase",
        atomic_indices="read_from_trajectory",
    )
    sample = dynasor.compute_dynamic_structure_factors(
        trajectory, vectors, dt=1000 * STEP, window_size=len(frames) - 1
    )
    b = neutron_lengths(["O", "Si"], None)
    square = np.mean([b[one] ** 2 for one in SYMBOLS])
    waves = sum(
        b[first] * b[second] * getattr(sample, f"Fqt_coh_{first}_{second}").mean(axis=0)
        for first, second in (("O", "O"), ("O", "Si"), ("Si", "Si"))
    )
    time = np.asarray(sample.time) / 1000
    damping = np.exp(-0.5 * (2 * np.pi * BROADENING * time) ** 2)
    ours = dynamic_structure_factor(
        positions, SYMBOLS, STEP, cell=cell, q=2.2, width=0.4, broadening=BROADENING, maximum=40.0
    )
    turning = np.cos(2 * np.pi * np.outer(ours.x, time))
    theirs = trapezoid(2 * waves / square * damping * turning, time, axis=1)
    assert theirs.max() > 5 * theirs[-1] > 0
    np.testing.assert_allclose(ours.y, theirs, atol=2e-3 * theirs.max())


def test_vibrations_from_velocities_are_those_of_dynasor() -> None:
    acfs = import_module("dynasor.tools.acfs")
    _, speeds = oscillators()
    masses = Atoms(SYMBOLS).get_masses()
    total = np.zeros(len(speeds))
    for k, mass in enumerate(masses):
        for axis in range(3):
            signal = speeds[:, k, axis]
            time, correlation = acfs.compute_acf(signal, STEP)
            total += mass * np.mean(signal**2) * correlation
    total *= acfs.gaussian_decay(time, 1 / (2 * np.pi * BROADENING))
    turns, density = acfs.psd_from_acf(total, STEP)
    frequency = turns / (2 * np.pi)
    ours = velocity_density_of_states(
        speeds, SYMBOLS, STEP, broadening=BROADENING, maximum=40.0
    ).total
    inside = frequency <= 40.0
    theirs = density[inside] / trapezoid(density, frequency)
    found = CubicSpline(ours.x, ours.y)(frequency[inside])
    np.testing.assert_allclose(found, theirs, atol=5e-3 * theirs.max())


def hops(*, diffusion: float, frames: int = 400, ions: int = 30, seed: int = 1) -> Array:
    """Lithium walks at random, 0.1 ps a step, beside oxygen at rest; ``diffusion`` in Å²/ps."""
    generator = np.random.default_rng(seed)
    steps = generator.normal(0.0, np.sqrt(2 * diffusion * 0.1), (frames, ions, 3))
    steps[0] = 0.0
    return np.concatenate([np.cumsum(steps, axis=0), np.zeros((frames, ions, 3))], axis=1)


def test_conductivity_is_that_of_pymatgen() -> None:
    """MSD point by point; D and conductivities by their line, which weights points by 1/t."""
    analyzer = import_module("pymatgen.analysis.diffusion.analyzer")
    structure = import_module("pymatgen.core").Structure
    lattice = import_module("pymatgen.core").Lattice
    ions, kelvin = 30, 800.0
    symbols = ["Li"] * ions + ["O"] * ions
    paths = hops(diffusion=0.5)
    places = np.random.default_rng(2).random((2 * ions, 3))
    theirs = analyzer.DiffusionAnalyzer(
        structure(lattice.cubic(20.0), symbols, places),
        np.swapaxes(paths, 0, 1),
        "Li",
        kelvin,
        time_step=1,
        step_skip=100,
        min_obs=120,
    )
    window = (theirs.dt[0] / 1000, theirs.dt[-1] / 1000)
    msd = mean_square_displacement(paths, symbols, 0.1, drift=True, longest=window[1])["Li"]
    lags = np.rint(theirs.dt / 100).astype(int)
    assert msd.y[lags] == pytest.approx(theirs.msd, rel=1e-9)
    found = self_diffusion(paths, symbols, 0.1, window=window, drift=True)["Li"].coefficient
    assert found.error is not None
    assert found.value == pytest.approx(theirs.diffusivity, rel=0.1)
    assert found.value == pytest.approx(0.5e-4, abs=4 * found.error)
    same = {"Li": Estimate(theirs.diffusivity, None, ions, "cm2/s")}
    alone = nernst_einstein(same, {"Li": ions}, {"Li": 1.0}, volume=8000.0, temperature=kelvin)
    assert 1000 * alone.value == pytest.approx(theirs.conductivity, rel=1e-4)  # mS/cm
    together = einstein_conductivity(
        paths,
        symbols,
        0.1,
        charges={"Li": 1.0, "O": -1.0},
        volume=8000.0,
        temperature=kelvin,
        window=window,
    )
    assert 1000 * together.value == pytest.approx(theirs.chg_conductivity, rel=0.2)


def test_activation_energies_are_those_of_pymatgen() -> None:
    analyzer = import_module("pymatgen.analysis.diffusion.analyzer")
    kelvin = [600.0, 800.0, 1000.0, 1300.0]
    noise = 1 + 0.1 * np.random.default_rng(1).normal(size=4)
    values = 1e-3 * np.exp(-0.4 / (units.kB * np.array(kelvin))) * noise
    energy, prefactor, error = analyzer.fit_arrhenius(kelvin, values)
    ours = arrhenius(kelvin, [Estimate(one, None, 1, "cm2/s") for one in values])
    assert ours.activation_energy.value == pytest.approx(energy, rel=1e-4)
    assert ours.activation_energy.error == pytest.approx(error, rel=1e-3)
    assert ours.prefactor == pytest.approx(prefactor, rel=1e-3)
