from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms, units

from al_loop.glass import MeasureOptions, Trajectory, measure
from al_loop.glass.measuring import observable
from tests.glass.networks import rattled

MOTION = MeasureOptions(groups=("dynamics",))


def test_a_random_walk_diffuses_and_conducts() -> None:
    """Steps of variance s² along each axis every t: D = s²/2t; sigma = N q² D / V kT."""
    rng = np.random.default_rng(5)
    start = rattled("beta-cristobalite", size=3, amplitude=0.0).frames[0]
    step, time = 0.1, 0.01
    frames = []
    for _ in range(400):
        start = start.copy()
        start.positions += rng.normal(0.0, step, start.positions.shape)
        frames.append(start)
    run = Trajectory(tuple(frames), interval=time)
    options = MeasureOptions(groups=("dynamics",), temperature=1000.0, charges={"Si": 1.0})
    found = measure([run], options)
    expected = step**2 / (2 * time) * 1e-4
    diffusion = found.values["diffusion_Si"]
    assert diffusion.error is not None
    assert abs(diffusion.value - expected) < 4 * diffusion.error < 0.5 * expected
    density = 216 / start.get_volume() * 1e30  # 1/m3
    sigma = density * 1.602177e-19**2 * diffusion.value * 1e-4 / (1.380649e-23 * 1000.0) / 100
    assert found.values["conductivity"].value == pytest.approx(sigma, rel=1e-4)
    assert found.curves["msd_O"].x[1] == pytest.approx(time)


def rigid(*, groups: int, each: int, frames: int, seed: int) -> Trajectory:
    """Lithium that walks in rigid groups, D = 0.05 Å²/ps, in a frame of heavy atoms at rest."""
    steps = np.random.default_rng(seed).normal(0.0, 0.1, (frames, groups, 3))
    paths = np.repeat(np.cumsum(steps, axis=0), each, axis=1)
    atoms = Atoms(["Li"] * groups * each + ["U"] * 20, cell=[30.0] * 3, pbc=True)
    made = []
    for here in paths:
        atoms = atoms.copy()
        atoms.positions[: groups * each] = here
        made.append(atoms)
    return Trajectory(tuple(made), interval=0.1)


def test_the_error_of_diffusion_is_the_scatter_of_runs_where_ions_move_together() -> None:
    """Twenty ions in four rigid groups, thirty runs; their errors are those of four walkers."""
    found = [
        measure([rigid(groups=4, each=5, frames=201, seed=k)], MOTION).values for k in range(30)
    ]
    told = [one["diffusion_Li"] for one in found if "diffusion_Li" in one]
    assert len(told) > 25
    values = np.array([one.value for one in told])
    errors = np.array([one.error for one in told])
    scatter = values.std(ddof=1)
    assert scatter > 0.12 * values.mean()  # of twenty walkers by themselves: 0.08
    assert 0.8 < np.sqrt(np.mean(errors**2)) / scatter < 2.0
    covered = [abs(one.value - 0.05e-4) < one.bar for one in told]
    assert np.mean(covered) > 0.85


def test_a_run_of_twenty_frames_has_its_diffusion() -> None:
    """As many as a campaign's glass has: four pieces of five frames."""
    one = measure([rigid(groups=40, each=1, frames=20, seed=1)], MOTION)
    diffusion = one.values["diffusion_Li"]
    assert diffusion.error is not None and diffusion.error < 0.03e-4
    assert abs(diffusion.value - 0.05e-4) < 3 * diffusion.error


@pytest.mark.parametrize("frames", range(5, 42, 3))
def test_a_run_of_any_length_has_a_window_of_three_points(frames: int) -> None:
    one = measure([rigid(groups=40, each=1, frames=frames, seed=1)], MOTION)
    assert "hold" not in one.missing.get("diffusion", "")
    assert "diffusion_Li" in one.values or "does not diffuse" in one.missing["diffusion_Li"]


def test_free_flight_is_no_diffusion() -> None:
    """The MSD of atoms that nothing stops grows as t²."""
    generator = np.random.default_rng(3)
    start, flight = generator.uniform(0, 12, (64, 3)), generator.normal(0, 0.05, (64, 3))
    frames = [Atoms("Ar64", start + k * flight, cell=[12.0] * 3, pbc=True) for k in range(100)]
    found = measure([Trajectory(tuple(frames), 0.001, unwrapped=True)], MOTION)
    assert "diffusion_Ar" not in found.values
    assert "t^2.0" in found.missing["diffusion_Ar"]


def test_ions_that_move_in_groups_have_their_haven_ratio() -> None:
    options = MeasureOptions(
        groups=("dynamics",), temperature=500.0, charges={"Li": 1.0}, window=(0.5, 2.0)
    )
    samples = [rigid(groups=10, each=3, frames=501, seed=k) for k in (1, 2, 3)]
    found = measure(samples, options).values
    haven, together = found["haven_ratio"], found["conductivity_einstein"]
    assert (haven.unit, together.unit, haven.n) == ("", "S/cm", 3)
    assert haven.error is not None and haven.error < 0.1
    assert abs(haven.value - 1 / 3) < 3 * haven.error
    assert haven.value == pytest.approx(found["conductivity"].value / together.value)
    assert observable("haven_ratio")[1].group == "dynamics"
    absent = options.model_copy(update={"charges": {"Li": 1.0, "Na": 1.0}})
    assert "Na in `charges` does not" in measure(samples, absent).missing["conductivity"]


def test_brownian_particles_have_one_diffusion_by_both_routes() -> None:
    """Ornstein and Uhlenbeck: <v(0)v(t)> = 3 exp(-t/tau), so D = tau, whatever is measured."""
    rng = np.random.default_rng(8)
    tau, dt, n = 0.2, 0.01, 150
    keep = np.exp(-dt / tau)
    velocity = rng.normal(size=(n, 3))
    atoms = Atoms(["Li"] * n, 30.0 * rng.random((n, 3)), cell=[30.0] * 3, pbc=True)
    frames = []
    for _ in range(1200):
        atoms = atoms.copy()
        atoms.positions += velocity * dt
        velocity = keep * velocity + np.sqrt(1 - keep**2) * rng.normal(size=(n, 3))
        atoms.set_velocities(velocity / (1000 * units.fs))
        frames.append(atoms)
    run = Trajectory(tuple(frames), interval=dt)
    found = measure([run], MOTION)
    for name in ("diffusion_Li", "green_kubo_Li"):
        one = found.values[name]
        assert one.error is not None
        assert abs(one.value - tau * 1e-4) < 4 * one.error < tau * 1e-4
    assert observable("green_kubo_Li")[1].group == observable("dynamic_s_neutron")[1].group
    sparse = measure([Trajectory(tuple(frames[::2]), interval=2 * dt)], MOTION)
    assert "green_kubo_Li" not in sparse.values
    assert "do not resolve vibrations" in sparse.missing["green_kubo"]
    assert "20 fs" in sparse.missing["dynamic_s_neutron"]


def test_waves_of_a_free_gas_are_gaussian_in_frequency() -> None:
    """Of standard deviation q sqrt(kT/m) / 2 pi under the broadening, with an area of 1."""
    rng = np.random.default_rng(4)
    n, length, speed, dt = 400, 20.0, 8.0, 0.01
    start, velocity = length * rng.random((n, 3)), rng.normal(0.0, speed, (n, 3))
    gas = Atoms(["O"] * n, start, cell=[length] * 3, pbc=True)
    frames = [gas.copy() for _ in range(300)]
    for k, atoms in enumerate(frames):
        atoms.set_positions(start + k * dt * velocity)
    options = MeasureOptions(groups=("dynamics",), wave_number=1.5, broadening=0.5)
    found = measure([Trajectory(tuple(frames), interval=dt)], options)
    curve = found.curves["dynamic_s_neutron"]
    sigma = np.hypot(1.5 * speed / (2 * np.pi), 0.5)
    expected = np.exp(-0.5 * (curve.x / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    assert curve.error is not None and curve.n > 20
    assert (np.abs(curve.y - expected) < 5 * curve.error + 2e-3).all()
    frames[7].set_cell([length + 0.1] * 3)
    moved = measure([Trajectory(tuple(frames), interval=dt)], options)
    assert "cell changes" in moved.missing["dynamic_s_neutron"]


def test_a_cage_is_no_diffusion() -> None:
    run = Trajectory(
        rattled("beta-cristobalite", size=2, amplitude=0.05, frames=40).frames, interval=0.01
    )
    found = measure([run], MOTION)
    assert "diffusion_Si" not in found.values
    assert "does not diffuse" in found.why_missing("diffusion_Si")
