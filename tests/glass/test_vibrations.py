"""Vibrations against known frequencies, phonopy, matscipy's Hessian and LAMMPS."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.io.lammpsdata import write_lammps_data
from ase.md.verlet import VelocityVerlet
from scipy.constants import atomic_mass, elementary_charge
from scipy.integrate import trapezoid

from al_loop.calculator import FunctionCalculator
from al_loop.errors import DatasetError, PhysicsFault
from al_loop.explore.lammps.options import LammpsOptions
from al_loop.glass.dynamics import velocities_of
from al_loop.glass.relax import relaxed
from al_loop.glass.vibrations import (
    THZ_IN_PER_CM,
    Modes,
    combine_spectra,
    crystal_density_of_states,
    dynamical_matrix,
    effective_neutron,
    mode_density_of_states,
    neutron_weights,
    normal_modes,
    participation_curve,
    participation_ratios,
    read_eskm,
    velocity_density_of_states,
)
from al_loop.lammps.executable import find_program
from al_loop.units import Array
from tests.glass.lennard_jones import CUTOFF, PAIRS, alloy, argon, lennard_jones

STIFFNESS = 2.0  # eV/Å²
SIDE = 4
MASS = {"Si": 28.085, "O": 15.999}


def rock_salt() -> Atoms:
    """Si and O on a simple cubic lattice, each species on every other site."""
    sites = np.array(list(np.ndindex(SIDE, SIDE, SIDE)))
    symbols = np.where(sites.sum(axis=1) % 2, "O", "Si")
    return Atoms(list(symbols), positions=2.0 * sites, cell=[2.0 * SIDE] * 3, pbc=True)


def springs(lattice: Atoms) -> FunctionCalculator:
    """The scalar model: a spring, the same in all directions, to each of six neighbours."""
    home = lattice.get_positions()

    def predict(atoms: Atoms) -> tuple[float, Array, Array]:
        u = (atoms.get_positions() - home).reshape(SIDE, SIDE, SIDE, 3)
        around = sum(np.roll(u, shift, axis) for shift in (1, -1) for axis in range(3))
        pull = -STIFFNESS * (6 * u - around)
        return float(-0.5 * (pull * u).sum()), pull.reshape(-1, 3), np.zeros((3, 3))

    return FunctionCalculator(predict)


def of_the_lattice() -> Array:
    """Frequencies of the scalar model of two masses in THz, from its dispersion relation."""
    per_u = STIFFNESS * elementary_charge / 1e-20 / atomic_mass  # stiffness over 1 u, 1/s²
    waves = 2 * np.pi / SIDE * np.array(list(np.ndindex(SIDE, SIDE, SIDE)))
    found = []
    for wave in waves:
        coupling = -2 * np.cos(wave).sum() / np.sqrt(MASS["Si"] * MASS["O"])
        matrix = np.array([[6 / MASS["Si"], coupling], [coupling, 6 / MASS["O"]]])
        found += list(np.linalg.eigvalsh(matrix * per_u))
    # every wave vector and its partner at the zone's corner fold into the same pair of modes
    return np.sort(np.repeat(np.sqrt(np.maximum(found, 0)) / 2 / np.pi / 1e12, 3))[::2]


@pytest.fixture(scope="module")
def salt() -> Modes:
    lattice = rock_salt()
    matrix = dynamical_matrix(lattice, springs(lattice))
    return normal_modes(matrix, lattice.get_chemical_symbols())


def motion_of(modes: Modes, *, frames: int, dt: float, seed: int) -> Array:
    """Exact velocities in Å/ps of the harmonic crystal, each mode with the same energy."""
    rng = np.random.default_rng(seed)
    phases = rng.uniform(0, 2 * np.pi, len(modes.frequencies))
    angles = 2 * np.pi * np.outer(np.arange(frames) * dt, modes.frequencies) + phases
    moving = np.cos(angles)
    moving[:, modes.translations] = 0.0
    masses = np.array([MASS[symbol] for symbol in modes.symbols])
    return np.tensordot(moving, modes.vectors, 1) / np.sqrt(masses)[:, None]


def test_frequencies_are_those_of_the_dispersion_relation(salt: Modes) -> None:
    np.testing.assert_allclose(salt.frequencies, of_the_lattice(), rtol=1e-6, atol=1e-4)
    assert salt.imaginary() == 0
    gram = np.tensordot(salt.vectors, salt.vectors, ([1, 2], [1, 2]))
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-9)


def test_the_dynamical_matrix_is_the_analytic_hessian_of_a_disordered_solid() -> None:
    solid = alloy()
    found = dynamical_matrix(solid, lennard_jones(), displacement=1e-3)
    root = np.sqrt(np.repeat(solid.get_masses(), 3))
    hessian = solid.calc.get_property("hessian", solid).toarray() / np.outer(root, root)
    expected = hessian * elementary_charge / 1e-20 / atomic_mass * 1e-24
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())
    modes = normal_modes(found, solid.get_chemical_symbols())
    assert np.abs(modes.frequencies[modes.translations]).max() < 1e-3
    assert modes.imaginary() == 0


def test_modes_are_not_made_of_a_configuration_that_is_not_at_rest() -> None:
    crystal = argon()
    crystal.rattle(0.3, seed=1)
    with pytest.raises(DatasetError, match=r"largest_force is 0.05\n.*relax"):
        dynamical_matrix(crystal, lennard_jones())


def test_a_stretched_crystal_has_imaginary_modes() -> None:
    crystal = argon(a=6.6)
    matrix = dynamical_matrix(crystal, lennard_jones())
    assert normal_modes(matrix, crystal.get_chemical_symbols()).imaginary() > 10


@pytest.mark.engine
def test_lammps_finds_the_modes_that_finite_differences_find(tmp_path: Path) -> None:
    """LAMMPS' dynamical_matrix of a disordered solid, under tables of the same potential."""
    solid = alloy()
    kinds = {18: 1, 36: 2}
    script = "units metal\natom_modify map array\nread_data solid.data\n"
    script += "pair_style table linear 50000\n"
    tables = ["# Lennard-Jones\n"]
    r = np.sqrt(np.linspace(2.5**2, CUTOFF**2, 20_000))
    for (a, b), pair in PAIRS.items():
        key = f"P{kinds[a]}{kinds[b]}"
        rows = zip(r, pair(r), -pair.first_derivative(r), strict=True)
        tables.append(f"\n{key}\nN {len(r)} RSQ 2.5 {CUTOFF}\n\n")
        tables += [f"{i} {x:.12g} {e:.12e} {f:.12e}\n" for i, (x, e, f) in enumerate(rows, start=1)]
        script += f"pair_coeff {kinds[a]} {kinds[b]} lj.table {key} {CUTOFF}\n"
    (tmp_path / "lj.table").write_text("".join(tables))
    with (tmp_path / "solid.data").open("w") as stream:
        write_lammps_data(stream, solid, specorder=["Ar", "Kr"], masses=True, atom_style="atomic")
    program = find_program(LammpsOptions())
    program.environment.pop("LAMMPS_PLUGIN_PATH", None)
    done = subprocess.run(
        [*program.command, "-log", "none"],
        input=script + "run 0\ndynamical_matrix all eskm 1e-3 file dynmat.dat\n",
        cwd=tmp_path,
        env=program.environment,
        text=True,
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    symbols = solid.get_chemical_symbols()
    theirs = normal_modes(read_eskm(tmp_path / "dynmat.dat", atoms=16), symbols)
    ours = normal_modes(dynamical_matrix(solid, lennard_jones()), symbols)
    assert ours.frequencies[-1] > 1.0
    np.testing.assert_allclose(theirs.frequencies[3:], ours.frequencies[3:], rtol=2e-3)
    np.testing.assert_allclose(
        participation_ratios(theirs)[3:], participation_ratios(ours)[3:], atol=0.02
    )
    with pytest.raises(DatasetError, match="2304 numbers; 2601 finite ones"):
        read_eskm(tmp_path / "dynmat.dat", atoms=17)


def test_a_matrix_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        read_eskm(tmp_path / "none.dat", atoms=2)


def test_phonopy_finds_the_modes_that_the_supercell_has() -> None:
    """An ordered alloy of two masses; wave vectors that fit the supercell, so the same modes."""
    cell = argon(1)
    cell.set_chemical_symbols(["Kr", "Ar", "Ar", "Ar"])
    alike = lennard_jones()
    crystal = crystal_density_of_states(
        cell, alike, supercell=(2, 2, 2), mesh=(2, 2, 2), broadening=0.05, maximum=2.5
    )
    supercell = cell * (2, 2, 2)
    modes = normal_modes(dynamical_matrix(supercell, alike), supercell.get_chemical_symbols())
    ours = mode_density_of_states(modes, broadening=0.05, maximum=2.5)
    beyond = ours.total.x > 0.3  # phonopy's translations are at zero, ours left out
    for name in ("Ar", "Kr"):
        np.testing.assert_allclose(
            crystal.species[name].y[beyond] * 96, ours.species[name].y[beyond] * 93, atol=0.05
        )
    assert ours.species["Kr"].y.max() * 93 > 20


def test_both_routes_give_the_same_density_of_states(salt: Modes) -> None:
    velocities = motion_of(salt, frames=4000, dt=0.01, seed=0)
    ours = velocity_density_of_states(velocities, salt.symbols, 0.01, maximum=20.0)
    theirs = mode_density_of_states(salt, maximum=20.0)
    assert trapezoid(ours.total.y, ours.total.x) == pytest.approx(1.0, abs=0.02)
    scale = theirs.total.y.max()
    assert scale > 0.1
    np.testing.assert_allclose(ours.total.y, theirs.total.y, atol=0.03 * scale)
    for name in MASS:
        difference = ours.species[name].y - theirs.species[name].y
        assert np.abs(difference).max() < 0.1 * scale
    # the light species has the upper half of the optical band to itself
    top = ours.total.x > 13.0
    assert ours.species["O"].y[top].sum() > 1.5 * ours.species["Si"].y[top].sum()


def test_an_oscillator_is_a_gaussian_at_its_frequency() -> None:
    time = np.arange(3000) * 0.005
    velocities = np.zeros((3000, 2, 3))
    velocities[:, 0, 1] = np.cos(2 * np.pi * 17.0 * time)
    velocities[:, 1, 1] = -velocities[:, 0, 1]
    found = velocity_density_of_states(velocities, ["O", "O"], 0.005, broadening=0.5).total
    expected = np.exp(-0.5 * ((found.x - 17.0) / 0.5) ** 2) / 0.5 / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(found.y, expected, atol=0.005)
    assert found.x[np.argmax(found.y)] * THZ_IN_PER_CM == pytest.approx(17.0 * 33.35641, abs=4.2)


def test_the_error_of_a_density_of_states_covers_what_another_run_gives(salt: Modes) -> None:
    """A noisy run: modes have the energies that chance gives them, for a while."""
    rng = np.random.default_rng(0)
    runs = []
    for _ in range(6):
        velocities = np.concatenate(
            [
                motion_of(salt, frames=400, dt=0.01, seed=int(rng.integers(1 << 30)))
                * rng.uniform(0.5, 1.5, (1, len(salt.symbols), 1))
                for _ in range(10)
            ]
        )
        runs.append(
            velocity_density_of_states(velocities, salt.symbols, 0.01, broadening=0.5, maximum=20.0)
        )
    spread = np.std([one.species["O"].y for one in runs], axis=0, ddof=1)
    told = np.mean([one.species["O"].error for one in runs], axis=0)
    inside = runs[0].total.y > 0.02
    assert 0.5 < np.median((told / spread)[inside]) < 2.0
    together = combine_spectra(runs)
    assert together.total.n == 6
    assert together.total.error is not None


def test_velocities_too_seldom_or_too_few_are_an_error() -> None:
    velocities = np.random.default_rng(0).normal(size=(200, 2, 3))
    with pytest.raises(DatasetError, match=r"every 20 fs tell frequencies up to 25 THz.*\n.*4 fs"):
        velocity_density_of_states(velocities, ["O", "O"], 0.02)
    with pytest.raises(DatasetError, match=r"too short for broadening: 0\.3 THz") as caught:
        velocity_density_of_states(velocities, ["O", "O"], 0.005)
    enough = float(caught.value.remedy.split()[0])
    velocity_density_of_states(velocities, ["O", "O"], 0.005, broadening=enough)
    with pytest.raises(DatasetError, match="no atom moves"):
        velocity_density_of_states(np.zeros((5000, 2, 3)), ["O", "O"], 0.005)
    with pytest.raises(DatasetError, match="broadening: 60 THz"):
        velocity_density_of_states(velocities, ["O", "O"], 0.005, broadening=60)


def test_neutrons_see_silica_as_published(salt: Modes) -> None:
    """A b²/m of 0.4355 and 1.4955 (Taraskin and Elliott's weights of SiO2), together 1.142."""
    symbols = ["Si"] + ["O"] * 2
    weights = neutron_weights(symbols)
    assert weights["Si"] == pytest.approx(0.4355, abs=1e-4)
    assert weights["O"] == pytest.approx(1.4955, abs=1e-4)
    # Three free atoms: every vector is a mode, 3N of them in each species' share.
    modes = Modes(np.full(9, 10.0), np.eye(9).reshape(9, 3, 3), tuple(symbols))
    matter = np.arange(9) % 3  # leave out one direction of each atom, as translations
    spectrum = mode_density_of_states(
        Modes(np.where(matter == 0, 0.0, 10.0), modes.vectors, modes.symbols), maximum=20.0
    )
    raw = effective_neutron(spectrum, symbols, renormalised=False)
    assert trapezoid(raw.y, raw.x) == pytest.approx(1.142, abs=5e-4)
    scaled = effective_neutron(spectrum, symbols)
    assert trapezoid(scaled.y, scaled.x) == pytest.approx(1.0, abs=1e-6)


def test_neutrons_weigh_the_species_by_b_squared_over_mass(salt: Modes) -> None:
    spectrum = mode_density_of_states(salt, maximum=20.0)
    seen = effective_neutron(spectrum, salt.symbols)
    ratio = (5.803**2 / 15.999) / (4.1491**2 / 28.085)
    expected = spectrum.species["O"].y * ratio + spectrum.species["Si"].y
    expected *= trapezoid(spectrum.total.y, seen.x) / trapezoid(expected, seen.x)
    np.testing.assert_allclose(seen.y, expected, rtol=1e-9)
    lithium = effective_neutron(
        spectrum, salt.symbols, lengths={"Si": 5.803 * np.sqrt(28.085 / 15.999)}
    )
    np.testing.assert_allclose(lithium.y, spectrum.total.y, rtol=1e-3)  # equal weights


def test_participation_of_one_atom_two_and_all() -> None:
    vectors = np.zeros((3, 5, 3))
    vectors[0, 2, 1] = 1.0
    vectors[1, :2, 0] = np.sqrt(0.5)
    vectors[2] = 1 / np.sqrt(15)
    modes = Modes(np.array([1.0, 2.0, 3.0]), vectors, ("O",) * 5)
    np.testing.assert_allclose(participation_ratios(modes), [0.2, 0.4, 1.0])


def test_participation_over_frequency_is_a_mean_over_the_modes_nearby() -> None:
    """Three translations, one atom at 2 THz, two atoms at 4 THz, and nothing beyond."""
    vectors = np.zeros((5, 5, 3))
    vectors[:3] = 1 / np.sqrt(15)
    vectors[3, 2, 1] = 1.0
    vectors[4, :2, 0] = np.sqrt(0.5)
    modes = Modes(np.array([0.0, 0.0, 0.0, 2.0, 4.0]), vectors, ("O",) * 5)
    curve = participation_curve(modes, broadening=0.1, maximum=50.0)
    np.testing.assert_allclose(
        np.interp([0, 2, 3, 4, 50], curve.x, curve.y), [0.2, 0.2, 0.3, 0.4, 0.4]
    )
    assert np.all(np.diff(curve.y) >= -1e-12)


def test_plane_waves_are_shared_by_all_atoms_and_a_light_impurity_keeps_its_mode() -> None:
    crystal = argon(2)
    masses = crystal.get_masses()
    masses[0] = 4.0
    found = normal_modes(
        dynamical_matrix(crystal, lennard_jones(), masses=masses), crystal.get_chemical_symbols()
    )
    ratios = participation_ratios(found)
    assert ratios[-3:].max() < 0.06  # its three modes are above all others
    assert found.frequencies[-3] > 1.2 * found.frequencies[-4]
    assert np.median(ratios) > 0.3


def test_a_relaxation_that_does_not_end_says_so() -> None:
    crystal = argon()
    crystal.rattle(0.3, seed=1)
    with pytest.raises(PhysicsFault, match="after 2 steps") as caught:
        relaxed(crystal, lennard_jones(), steps=2)
    assert caught.value.reason == "not-relaxed"


def test_a_free_cell_finds_the_lattice_parameter_of_the_minimum() -> None:
    """Against a scan of the energy over the lattice parameter."""
    lengths = np.linspace(5.15, 5.40, 251)
    energies = []
    for a in lengths:
        crystal = argon(1, a=a)
        crystal.calc = lennard_jones()
        energies.append(crystal.get_potential_energy())
    best = lengths[int(np.argmin(energies))]
    squeezed = argon(1, a=5.1)
    squeezed.set_cell(squeezed.cell.array * [[1.0], [1.02], [0.97]], scale_atoms=True)
    found = relaxed(squeezed, lennard_jones(), cell="free", force=1e-5)
    np.testing.assert_allclose(found.cell.lengths(), best, atol=2e-3)
    scaled = relaxed(argon(1, a=5.1), lennard_jones(), cell="isotropic", force=1e-5)
    np.testing.assert_allclose(scaled.cell.lengths(), best, atol=2e-3)


def test_molecular_dynamics_gives_the_density_of_states_of_the_modes() -> None:
    """Velocity Verlet of ASE on the real potential, from the same energy in each mode, near 0 K."""
    solid = alloy()
    modes = normal_modes(dynamical_matrix(solid, lennard_jones()), solid.get_chemical_symbols())
    signs = np.random.default_rng(0).choice([-1.0, 1.0], len(modes.frequencies))
    signs[modes.translations] = 0.0
    kick = np.tensordot(signs, modes.vectors, 1) / np.sqrt(solid.get_masses())[:, None]
    solid.set_velocities(2e-4 * kick)
    frames = []
    with VelocityVerlet(solid, timestep=20 * units.fs) as dynamics:
        dynamics.attach(lambda: frames.append(solid.copy()))
        dynamics.run(1400)
    options = {"broadening": 0.1, "maximum": 2.0}
    found = velocity_density_of_states(
        velocities_of(frames), solid.get_chemical_symbols(), 0.02, **options
    )
    expected = mode_density_of_states(modes, **options)
    np.testing.assert_allclose(found.total.y, expected.total.y, atol=0.1 * expected.total.y.max())
    # vibrations of light and heavy atoms differ, and both routes see how
    bend = found.species["Kr"].y - found.species["Ar"].y * 7 / 9
    same = expected.species["Kr"].y - expected.species["Ar"].y * 7 / 9
    assert np.corrcoef(bend, same)[0, 1] > 0.9
