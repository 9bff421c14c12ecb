"""Displacements, diffusion and conduction against walks and flights whose answer is known."""

from __future__ import annotations

import math
from importlib import import_module

import numpy as np
import pytest
from ase import Atoms, units
from scipy.integrate import trapezoid

from al_loop.errors import DatasetError
from al_loop.glass.dynamics import (
    arrhenius,
    einstein_conductivity,
    finite_difference_velocities,
    green_kubo_diffusion,
    haven_ratio,
    mean_square_displacement,
    nernst_einstein,
    paths_of,
    self_diffusion,
    unwrapped,
    velocities_of,
    velocity_autocorrelation,
)
from al_loop.glass.estimate import Estimate
from al_loop.glass.trajectory import Trajectory
from al_loop.units import Array

D = 2.0e-5  # cm2/s, 0.2 Å2/ps


def walk(*, atoms: int, frames: int, dt: float, seed: int) -> Array:
    """Brownian motion with diffusion coefficient D."""
    steps = np.random.default_rng(seed).normal(size=(frames, atoms, 3))
    return np.cumsum(steps * math.sqrt(2 * D * 1e4 * dt), axis=0)


def langevin(*, atoms: int, frames: int, dt: float, seed: int) -> tuple[Array, float]:
    """Velocities of an Ornstein-Uhlenbeck process, sampled exactly; <v(0)v(t)> = 3 e^{-t/0.2}."""
    rng = np.random.default_rng(seed)
    keep = math.exp(-dt / 0.2)
    velocities = np.empty((frames, atoms, 3))
    velocities[0] = rng.normal(size=(atoms, 3))
    for t in range(1, frames):
        kick = rng.normal(size=(atoms, 3)) * math.sqrt(1 - keep**2)
        velocities[t] = keep * velocities[t - 1] + kick
    return velocities, 0.2


def by_two_loops(positions: Array, lag: int) -> float:
    moves = [positions[t + lag] - positions[t] for t in range(len(positions) - lag)]
    return float(np.mean([(move**2).sum(axis=1).mean() for move in moves]))


def test_displacements_are_those_of_two_loops_at_every_lag() -> None:
    rng = np.random.default_rng(0)
    positions = np.cumsum(rng.normal(size=(23, 7, 3)), axis=0) + 1000.0
    symbols = ["Si", "O", "O", "Si", "O", "O", "O"]
    found = mean_square_displacement(positions, symbols, 0.5, longest=11.0, drift=True)
    assert list(found) == ["O", "Si"]
    oxygen = positions[:, [1, 2, 4, 5, 6]]
    expected = [by_two_loops(oxygen, lag) for lag in range(23)]
    np.testing.assert_allclose(found["O"].y, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found["O"].x, 0.5 * np.arange(23))
    assert found["O"].n == 5


def test_displacements_and_correlations_are_those_of_tidynamics() -> None:
    tidynamics = import_module("tidynamics")
    series = walk(atoms=3, frames=300, dt=0.1, seed=1)
    msd = mean_square_displacement(series, ["O"] * 3, 0.1, drift=True)["O"]
    expected = np.mean([tidynamics.msd(series[:, i]) for i in range(3)], axis=0)
    np.testing.assert_allclose(msd.y, expected[: len(msd.y)], rtol=1e-9, atol=1e-9)
    vacf = velocity_autocorrelation(series, ["O"] * 3, 0.1, drift=True)["O"]
    expected = np.mean([tidynamics.acf(series[:, i]) for i in range(3)], axis=0)
    np.testing.assert_allclose(vacf.y, expected[: len(vacf.y)], rtol=1e-9)


def test_drift_of_a_flight_is_taken_out() -> None:
    """All atoms fly with one velocity and silicon oscillates on top of it."""
    time = np.arange(400) * 0.01
    drift = np.array([3.0, -1.0, 0.5])
    positions = np.zeros((400, 4, 3)) + time[:, None, None] * drift
    swing = 0.1 * np.sin(2 * np.pi * 5.0 * time)
    positions[:, 0, 0] += swing
    positions[:, 1, 0] -= swing  # two silicon atoms against each other: the centre rests
    symbols = ["Si", "Si", "O", "O"]
    found = mean_square_displacement(positions, symbols, 0.01)
    assert found["O"].y.max() < 1e-12
    # <(sin(a + b) - sin a)²> = 1 - cos b, over whole periods of a
    expected = 0.01 * (1 - np.cos(2 * np.pi * 5.0 * found["Si"].x))
    np.testing.assert_allclose(found["Si"].y, expected, atol=3e-4)
    flying = mean_square_displacement(positions, symbols, 0.01, drift=True)
    np.testing.assert_allclose(flying["O"].y, (drift @ drift) * flying["O"].x ** 2, atol=1e-9)


def test_the_drift_is_that_of_the_masses() -> None:
    """A heavy atom at rest and a light one that moves: the centre follows the heavy one."""
    positions = np.zeros((10, 2, 3))
    positions[:, 1, 0] = np.arange(10)
    found = mean_square_displacement(
        positions, ["Si", "O"], 1.0, masses=np.array([3.0, 1.0]), longest=1.0
    )
    assert found["O"].y[1] == pytest.approx(0.75**2)
    assert found["Si"].y[1] == pytest.approx(0.25**2)


def test_a_random_walk_has_its_diffusion_coefficient() -> None:
    positions = walk(atoms=200, frames=2000, dt=0.1, seed=2)
    (found,) = self_diffusion(positions, ["Li"] * 200, 0.1, window=(1.0, 10.0)).values()
    assert found.coefficient.error is not None
    assert found.coefficient.error < 0.02 * D
    # without the centre's motion a share of 1/N is missing
    assert abs(found.coefficient.value / (1 - 1 / 200) - D) < 3 * found.coefficient.error
    assert found.exponent == pytest.approx(1.0, abs=0.02)
    assert found.coefficient.unit == "cm2/s"


def test_the_error_of_a_diffusion_coefficient_is_that_of_repeated_walks() -> None:
    found = []
    for seed in range(100):
        positions = walk(atoms=20, frames=200, dt=0.1, seed=seed)
        one = self_diffusion(positions, ["Li"] * 20, 0.1, window=(1.0, 8.0), drift=True)["Li"]
        found.append(one.coefficient)
    spread = np.std([one.value for one in found], ddof=1)
    told = np.sqrt(np.mean([one.error**2 for one in found if one.error is not None]))
    assert 0.75 < told / spread < 1.5
    assert np.mean([one.value for one in found]) == pytest.approx(D, rel=4 * spread / D / 10)


def test_atoms_that_move_together_do_not_make_the_error_small() -> None:
    """All atoms of a species take the very same walk: 100 atoms know no more than one."""
    one = walk(atoms=1, frames=4000, dt=0.1, seed=6)
    crowd = np.repeat(one, 100, axis=1) + np.random.default_rng(0).normal(size=(1, 100, 3))
    window = (0.1, 2.0)
    single = self_diffusion(one, ["Li"], 0.1, window=window, drift=True)["Li"].coefficient
    many = self_diffusion(crowd, ["Li"] * 100, 0.1, window=window, drift=True)["Li"].coefficient
    assert single.error is not None
    assert many.error == pytest.approx(single.error)
    assert single.n == many.n == 10  # pieces, for Student's t
    assert 0.03 * D < many.error < 0.08 * D  # 0.048 D over a hundred such walks


def test_a_flight_is_seen_by_its_exponent() -> None:
    rng = np.random.default_rng(0)
    positions = np.arange(100)[:, None, None] * rng.normal(size=(20, 3))
    found = self_diffusion(positions, ["O"] * 20, 0.1, window=(1.0, 4.0), drift=True)["O"]
    assert found.exponent == pytest.approx(2.0, abs=1e-6)


def test_velocities_give_the_diffusion_coefficient_of_langevin_motion() -> None:
    velocities, relaxation = langevin(atoms=200, frames=3000, dt=0.02, seed=3)
    vacf = velocity_autocorrelation(velocities, ["Li"] * 200, 0.02, longest=1.0, drift=True)["Li"]
    assert vacf.error is not None
    apart = np.abs(vacf.y - 3 * np.exp(-vacf.x / relaxation)) / vacf.error
    assert apart.max() < 4.5
    found = green_kubo_diffusion(velocities, ["Li"] * 200, 0.02, window=(1.5, 2.0), drift=True)[
        "Li"
    ]
    assert found.error is not None
    # integral of exp(-t/tau) is tau; the trapezoids add (dt/tau)²/12, half a per cent of a per cent
    assert abs(found.value - relaxation * 1e-4) < 3 * found.error
    assert found.error < 0.03 * relaxation * 1e-4


def test_green_kubo_integrates_by_trapezoids_up_to_the_window() -> None:
    velocities = np.random.default_rng(1).normal(size=(60, 1, 3))
    vacf = velocity_autocorrelation(velocities, ["O"], 0.1, longest=1.0, drift=True)["O"].y
    running = [trapezoid(vacf[: k + 1], dx=0.1) / 3 for k in range(11)]
    found = green_kubo_diffusion(velocities, ["O"], 0.1, window=(0.7, 1.0), drift=True)["O"]
    assert found.value == pytest.approx(np.mean(running[7:]) * 1e-4)


def test_paths_are_followed_through_the_faces_of_any_cell() -> None:
    cell = np.array([[8.0, 0.0, 0.0], [2.0, 7.0, 0.0], [-1.0, 1.5, 9.0]])
    paths = 5.0 + walk(atoms=12, frames=400, dt=1.0, seed=7)
    atoms = Atoms("O12", cell=cell, pbc=True)
    wrapped = []
    for frame in paths:
        atoms.set_positions(frame)
        atoms.wrap()
        wrapped.append(atoms.get_positions())
    found = unwrapped(np.array(wrapped), cell)
    frames = [Atoms("O12", positions=frame, cell=cell, pbc=True) for frame in wrapped]
    np.testing.assert_array_equal(paths_of(Trajectory(tuple(frames))), found)
    np.testing.assert_allclose(found - found[0], paths - paths[0], atol=1e-9)


def test_a_cell_that_breathes_does_not_add_to_diffusion() -> None:
    """A barostat scales atoms inside the cell: those that are far from home must not swing more."""
    rng = np.random.default_rng(0)
    lengths = 10.0 * (1 + 0.01 * rng.normal(size=4000))
    step = math.sqrt(2 * D * 1e4 * 0.5)
    inside = np.empty((4000, 50, 3))
    images = np.zeros((4000, 50, 3))
    inside[0] = rng.uniform(0, lengths[0], size=(50, 3))
    for t in range(1, 4000):
        moved = (inside[t - 1] + step * rng.normal(size=(50, 3))) * lengths[t] / lengths[t - 1]
        images[t] = images[t - 1] + np.floor(moved / lengths[t])
        inside[t] = np.mod(moved, lengths[t])
    cells = lengths[:, None, None] * np.eye(3)
    paths = unwrapped(inside, cells)
    found = self_diffusion(paths, ["Li"] * 50, 0.5, window=(5.0, 50.0))["Li"].coefficient
    assert found.error is not None
    assert abs(found.value - D) < 3 * found.error + 0.02 * D
    scaled = inside + images * lengths[:, None, None]  # what LAMMPS calls xu
    swung = mean_square_displacement(scaled, ["Li"] * 50, 0.5, longest=0.5)["Li"].y[1]
    own = mean_square_displacement(paths, ["Li"] * 50, 0.5, longest=0.5)["Li"].y[1]
    assert own == pytest.approx(6 * D * 1e4 * 0.5, rel=0.05)
    assert swung > 1.2 * own


def test_atoms_too_fast_to_follow_are_an_error() -> None:
    positions = np.random.default_rng(0).uniform(0, 5, size=(3, 50, 3))
    with pytest.raises(DatasetError, match=r"between frames 0 and 1.*\n.*xu yu zu"):
        unwrapped(positions, 5.0 * np.eye(3))


def test_unwrapped_paths_of_a_fixed_cell_stay_what_they_are() -> None:
    """A step of 6 Å in a cell of 10 Å has an image of -4 Å, one of 5 Å cannot be followed."""

    def run(step: float, *, unwrapped: bool, second: float = 10.0) -> Trajectory:
        frames = [
            Atoms("Li", [[x, 1.0, 1.0]], cell=[edge] * 3, pbc=True)
            for x, edge in ((1.0, 10.0), (1.0 + step, second))
        ]
        return Trajectory(tuple(frames), unwrapped=unwrapped)

    for step, known, expected in ((6.0, True, 6.0), (5.0, True, 5.0), (6.0, False, -4.0)):
        paths = paths_of(run(step, unwrapped=known))
        assert paths[1, 0, 0] - paths[0, 0, 0] == pytest.approx(expected)
    with pytest.raises(DatasetError, match="constant volume, unwrapped"):
        paths_of(run(5.0, unwrapped=False))
    with pytest.raises(DatasetError, match="cannot be followed"):
        paths_of(run(5.0, unwrapped=True, second=10.1))


def test_velocities_are_angstroms_per_picosecond() -> None:
    argon = Atoms("Ar", positions=[[0, 0, 0]])
    argon.set_velocities([[1.0 / (1000 * units.fs), 0, 0]])
    assert velocities_of([argon])[0, 0, 0] == pytest.approx(1.0)
    with pytest.raises(DatasetError, match="frame 0 has no velocities"):
        velocities_of([Atoms("Ar")])


def test_velocities_by_differences_lose_what_the_docstring_says() -> None:
    time = np.arange(2000) * 0.001
    positions = np.sin(2 * np.pi * 35.0 * time)[:, None, None] * np.ones((1, 1, 3))
    found = finite_difference_velocities(positions, 0.001)
    power = (found**2).mean() / (0.5 * (2 * np.pi * 35.0) ** 2)
    assert 1 - power == pytest.approx(0.016, abs=1e-3)


def test_arrhenius_finds_energy_and_prefactor() -> None:
    temperatures = [1500.0, 2000.0, 2500.0, 3000.0]
    values = [
        Estimate(3e-3 * math.exp(-0.9 / (units.kB * t)), 1e-9, 10, "cm2/s") for t in temperatures
    ]
    found = arrhenius(temperatures, values)
    assert found.activation_energy.value == pytest.approx(0.9)
    assert math.exp(found.log_prefactor.value) == pytest.approx(3e-3)
    assert found.at(2200.0).value == pytest.approx(3e-3 * math.exp(-0.9 / (units.kB * 2200)))
    with pytest.raises(DatasetError, match="at 2000 K"):
        arrhenius([1500.0, 2000.0], [values[0], Estimate(0.0, None, 1)])


def test_arrhenius_errors_are_those_of_repeated_fits() -> None:
    rng = np.random.default_rng(0)
    temperatures = [1500.0, 2000.0, 2500.0, 3000.0]
    true = [3e-3 * math.exp(-0.9 / (units.kB * t)) for t in temperatures]
    energies, errors = [], []
    for _ in range(300):
        noisy = [Estimate(d * (1 + 0.05 * rng.normal()), 0.05 * d, 1) for d in true]
        energy = arrhenius(temperatures, noisy).activation_energy
        energies.append(energy.value)
        errors.append(energy.error)
    assert 0.9 < np.mean(errors) / np.std(energies) < 1.35


def test_nernst_einstein_of_a_molten_salt() -> None:
    """In SI: N e² D / (V kT); and a coefficient of 1e-5 cm2/s, 1e22 ions per cm3, 1000 K."""
    found = nernst_einstein(
        {"Li": Estimate(1e-5, 1e-6, 100, "cm2/s")},
        {"Li": 100, "O": 50},
        {"Li": 1.0},
        volume=1e4,
        temperature=1000.0,
    )
    si = 1e28 * 1.602176634e-19**2 * 1e-9 / (1.380649e-23 * 1000)
    assert found.value == pytest.approx(si / 100, rel=1e-6)
    assert found.error == pytest.approx(0.1 * found.value)
    with pytest.raises(DatasetError, match="no charge or number of atoms for Na"):
        nernst_einstein({"Na": Estimate(1, 1, 1)}, {"Na": 1}, {}, volume=1, temperature=1)


def test_independent_ions_conduct_as_nernst_and_einstein_say() -> None:
    positions = walk(atoms=40, frames=20_000, dt=0.1, seed=11)
    symbols = ["Li"] * 20 + ["F"] * 20
    charges = {"Li": 1.0, "F": -1.0}
    together = einstein_conductivity(
        positions, symbols, 0.1, charges=charges, volume=1e4, temperature=800.0, window=(0.5, 3.0)
    )
    apart = nernst_einstein(
        {"Li": Estimate(D, None, 20), "F": Estimate(D, None, 20)},
        {"Li": 20, "F": 20},
        charges,
        volume=1e4,
        temperature=800.0,
    )
    assert apart.error is None
    assert together.error is not None
    assert together.error < 0.1 * apart.value
    assert abs(together.value - apart.value) < 3 * together.error


@pytest.mark.parametrize("together", [1, 4])
def test_the_haven_ratio_is_one_over_the_ions_that_move_together(together: int) -> None:
    """Lithium in groups of g against a frame of oxygen: g times what single ions conduct."""
    groups = walk(atoms=12, frames=20_000, dt=0.1, seed=21)
    rest = np.zeros((20_000, 4, 3))
    wind = np.arange(20_000)[:, None, None] * np.array([0.3, 0.0, -0.1])  # all drift with it
    paths = np.concatenate([np.repeat(groups, together, axis=1), rest], axis=1) + wind
    symbols, ions = ["Li"] * 12 * together + ["O"] * 4, 12 * together
    at: dict[str, float] = {"volume": 1e4, "temperature": 800.0}
    conducted = einstein_conductivity(
        paths, symbols, 0.1, charges={"Li": 1.0}, window=(0.5, 3.0), **at
    )
    alone = nernst_einstein(
        {"Li": Estimate(D, 0.02 * D, 10, "cm2/s")}, {"Li": ions}, {"Li": 1.0}, **at
    )
    found = haven_ratio(alone, conducted)
    assert found.error is not None and found.error < 0.15 / together
    assert abs(found.value - 1 / together) < 3 * found.error
    assert conducted.n == found.n == 10
    with pytest.raises(DatasetError, match="told from zero"):
        haven_ratio(alone, Estimate(1.0, 0.3, 3, "S/cm"))


def test_ions_that_move_in_pairs_do_not_conduct() -> None:
    one = walk(atoms=20, frames=2000, dt=0.1, seed=12)
    pairs = np.concatenate([one, one + 2.0], axis=1)
    found = einstein_conductivity(
        pairs,
        ["Li"] * 20 + ["F"] * 20,
        0.1,
        charges={"Li": 1.0, "F": -1.0},
        volume=1e4,
        temperature=800.0,
        window=(0.5, 3.0),
    )
    assert abs(found.value) < 1e-9
    with pytest.raises(DatasetError, match=r"add up to \+20 e"):
        einstein_conductivity(
            pairs,
            ["Li"] * 20 + ["F"] * 20,
            0.1,
            charges={"Li": 1.0, "F": 0.0},
            volume=1e4,
            temperature=800.0,
            window=(0.5, 3.0),
        )


@pytest.mark.parametrize(
    ("shape", "window", "message"),
    [
        ((1, 2, 3), (1.0, 2.0), "2 or more"),
        ((10, 3, 3), (1.0, 2.0), r"\(frames, 2, 3\) is needed"),
        ((10, 2, 3), (1.0, 20.0), r"times up to 20 ps of 10 frames 1 ps apart\n.*ask for 1 to 9"),
        ((10, 2, 3), (4.0, 5.0), "window: 4 to 5 ps holds 2 times"),
    ],
)
def test_what_cannot_be_measured_is_an_error(
    shape: tuple[int, int, int], window: tuple[float, float], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        self_diffusion(np.zeros(shape), ["O", "O"], 1.0, window=window)


def test_numbers_that_are_none_are_an_error() -> None:
    positions = np.zeros((5, 1, 3))
    positions[3, 0, 1] = np.nan
    with pytest.raises(DatasetError, match="positions must be finite"):
        mean_square_displacement(positions, ["O"], 1.0)
    with pytest.raises(DatasetError, match="dt: 0"):
        mean_square_displacement(np.zeros((5, 1, 3)), ["O"], 0.0)
