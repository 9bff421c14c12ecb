"""Elasticity against analytic constants (matscipy), energies, sound in phonopy, and exact forms."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.eos import EquationOfState as AseEquationOfState
from ase.units import GPa
from matscipy.elasticity import nonaffine_elastic_contribution

from al_loop.crystals import crystal as published
from al_loop.errors import DatasetError, PhysicsFault
from al_loop.glass.estimate import Estimate
from al_loop.glass.lines import fit_line
from al_loop.glass.mechanics import (
    Elasticity,
    Pull,
    bulk_modulus_from_pressures,
    compress,
    elastic_constants,
    equation_of_state,
    isotropic_moduli,
    static_pull,
    tensile_moduli,
)
from al_loop.glass.mechanics.eos import birch_murnaghan
from al_loop.glass.relax import relaxed
from al_loop.pair_sums import pair_calculator
from al_loop.units import Array, density
from tests.glass.lennard_jones import alloy, argon, layered, layers, lennard_jones


def isotropic(bulk: float, shear: float) -> Array:
    """Stiffness of an isotropic solid from Lamé's constants."""
    lame = bulk - 2 * shear / 3
    stiffness = np.diag([2 * shear] * 3 + [shear] * 3)
    stiffness[:3, :3] += lame
    return stiffness


def voigt_of(tensor: Array) -> Array:
    pairs = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
    return np.array([[tensor[(*a, *b)] for b in pairs] for a in pairs])


@pytest.fixture(scope="module")
def crystal() -> Atoms:
    return relaxed(argon(1), lennard_jones(), cell="isotropic", force=1e-8)


@pytest.fixture(scope="module")
def glass() -> Atoms:
    return alloy()


def test_constants_of_a_crystal_are_the_analytic_ones(crystal: Atoms) -> None:
    found = elastic_constants(crystal, lennard_jones(), strain=1e-3)
    analytic = voigt_of(crystal.calc.get_property("elastic_constants", crystal)) / GPa
    np.testing.assert_allclose(found.stiffness, analytic, atol=1e-3 * analytic[0, 0])
    assert found.asymmetry < 1e-3 * analytic[0, 0]
    c11, c12, c44 = found.stiffness[0, 0], found.stiffness[0, 1], found.stiffness[3, 3]
    assert c12 == pytest.approx(c44, rel=5e-3)  # Cauchy's relation of central forces
    assert found.voigt.bulk == pytest.approx((c11 + 2 * c12) / 3)
    assert found.voigt.shear == pytest.approx((c11 - c12 + 3 * c44) / 5)
    soft = (c11 - c12) / 2
    assert found.reuss.shear == pytest.approx(5 * soft * c44 / (3 * soft + 2 * c44))
    assert found.anisotropy == pytest.approx(1.2 * (c44 / soft + soft / c44 - 2))
    assert found.reuss.shear < found.hill.shear < found.voigt.shear


def test_constants_of_a_disordered_solid_hold_what_its_atoms_do_under_strain(glass: Atoms) -> None:
    """matscipy's analytic constants, with and without their non-affine part."""
    analytic = voigt_of(glass.calc.get_property("elastic_constants", glass)) / GPa
    moves = voigt_of(nonaffine_elastic_contribution(glass)) / GPa
    assert np.abs(moves).max() > 0.05 * analytic[0, 0]
    found = elastic_constants(glass, lennard_jones(), strain=5e-4, force=1e-6)
    np.testing.assert_allclose(found.stiffness, analytic, atol=2e-3 * analytic[0, 0])
    held = elastic_constants(glass, lennard_jones(), strain=5e-4, relax=False)
    np.testing.assert_allclose(held.stiffness, analytic - moves, atol=2e-3 * analytic[0, 0])
    assert np.abs(found.stress).max() < 1e-3


def test_constants_are_the_curvature_of_the_energy(glass: Atoms) -> None:
    found = elastic_constants(glass, lennard_jones(), strain=1e-3, force=1e-6)
    strain = 1e-3 * np.random.default_rng(0).normal(size=(3, 3))
    strain = (strain + strain.T) / 2
    engineering = np.array([*np.diag(strain), 2 * strain[1, 2], 2 * strain[0, 2], 2 * strain[0, 1]])
    energies = []
    for sign in (-1, 0, 1):
        pulled = glass.copy()
        pulled.set_cell(glass.cell.array @ (np.eye(3) + sign * strain), scale_atoms=True)
        energies.append(relaxed(pulled, lennard_jones(), force=1e-6).get_potential_energy())
    curvature = (energies[0] + energies[2] - 2 * energies[1]) / glass.get_volume() / GPa
    assert curvature == pytest.approx(engineering @ found.stiffness @ engineering, rel=0.02)


def test_sound_in_phonopy_is_as_fast_as_the_constants_say(crystal: Atoms) -> None:
    from al_loop.glass.vibrations import crystal_phonons

    found = elastic_constants(crystal, lennard_jones(), strain=1e-3)
    phonons = crystal_phonons(crystal, lennard_jones(), supercell=(3, 3, 3))
    q = 0.02
    phonons.run_qpoints([[q, 0, 0]])
    transverse, _, longitudinal = phonons.qpoints.frequencies[0][:3]
    wave = 2 * np.pi * q / (crystal.cell.lengths()[0] * 1e-10)
    rho = density(crystal) * 1000
    for frequency, constant in ((longitudinal, (0, 0)), (transverse, (3, 3))):
        speed = 2 * np.pi * frequency * 1e12 / wave
        assert rho * speed**2 / 1e9 == pytest.approx(found.stiffness[constant], rel=0.01)


def test_an_isotropic_solid_has_one_set_of_moduli() -> None:
    """Vitreous silica: K 36.7, G 31.2 GPa, so E 72.9 GPa and Poisson's ratio 0.17."""
    found = Elasticity(isotropic(36.7, 31.2), np.zeros(6), 0.0)
    for moduli in (found.voigt, found.reuss, found.hill):
        assert (moduli.bulk, moduli.shear) == pytest.approx((36.7, 31.2))
        assert moduli.young == pytest.approx(72.9, abs=0.1)
        assert moduli.poisson == pytest.approx(0.17, abs=0.003)
    assert found.anisotropy == pytest.approx(0.0, abs=1e-9)
    assert found.stable


def test_moduli_over_samples_scatter_as_the_samples_do() -> None:
    samples = [Elasticity(isotropic(k, 30.0), np.zeros(6), 0.0) for k in (35.0, 37.0, 39.0)]
    found = isotropic_moduli(samples)
    assert found["bulk"].value == pytest.approx(37.0)
    assert found["bulk"].error == pytest.approx(2.0 / np.sqrt(3))
    assert found["shear"].error == pytest.approx(0.0, abs=1e-9)
    assert found["young"].unit == "GPa"
    assert isotropic_moduli(samples[:1])["bulk"].error is None
    with pytest.raises(DatasetError):
        isotropic_moduli([])


def test_a_solid_that_is_not_stable_has_no_compliance() -> None:
    found = Elasticity(isotropic(36.7, -1.0), np.zeros(6), 0.0)
    assert not found.stable
    with pytest.raises(PhysicsFault, match="lowest eigenvalue") as caught:
        _ = found.hill
    assert caught.value.reason == "not-stable"
    with pytest.raises(DatasetError, match=r"strain: 0\.2"):
        elastic_constants(argon(1), lennard_jones(), strain=0.2)


def test_pulling_a_cubic_crystal_gives_its_compliance(crystal: Atoms) -> None:
    stiffness = voigt_of(crystal.calc.get_property("elastic_constants", crystal)) / GPa
    compliance = np.linalg.inv(stiffness)
    steps = (0.0, 2e-4, 4e-4, 6e-4)
    pulls = [
        static_pull(crystal, lennard_jones(), axis, strains=steps, force=1e-7) for axis in range(3)
    ]
    found = tensile_moduli(pulls)
    assert found["young"].value == pytest.approx(1 / compliance[0, 0], rel=0.01)
    assert found["poisson"].value == pytest.approx(-compliance[0, 1] / compliance[0, 0], rel=0.01)
    assert found["young"].n == 3


def test_pulls_of_cells_and_stresses_are_fitted_by_lines() -> None:
    strains = np.array([0.0, 0.01, 0.02, 0.03])
    rng = np.random.default_rng(0)
    pulls = []
    for axis in range(3):
        lengths = 20.0 * (1 - 0.17 * strains[:, None] * np.ones(3))
        lengths[:, axis] = 20.0 * (1 + strains)
        cells = lengths[:, :, None] * np.eye(3)
        pulls.append(Pull.of(axis, cells, 0.3 + 72.0 * strains + 0.02 * rng.normal(size=4)))
    found = tensile_moduli(pulls)
    assert found["young"].error is not None
    assert abs(found["young"].value - 72.0) < 3 * found["young"].error < 3.0
    assert found["poisson"].value == pytest.approx(0.17)


def test_what_cannot_be_pulled_is_an_error() -> None:
    cells = np.tile(10 * np.eye(3), (2, 1, 1))
    with pytest.raises(DatasetError, match="2 cells and 2 stresses"):
        Pull.of(0, cells, np.zeros(2))
    with pytest.raises(DatasetError, match="axis: 3"):
        Pull.of(3, cells, np.zeros(2))
    skewed = argon(1)
    skewed.set_cell([[5.26, 0, 0], [1.0, 5.26, 0], [0, 0, 5.26]])
    with pytest.raises(DatasetError, match="cell along them"):
        static_pull(skewed, lennard_jones(), 0)
    with pytest.raises(DatasetError, match="begin with 0"):
        static_pull(argon(1), lennard_jones(), 0, strains=(0.01, 0.02, 0.03))


@pytest.mark.parametrize(
    ("form", "theirs"), [("birch-murnaghan", "birchmurnaghan"), ("vinet", "vinet")]
)
def test_an_equation_of_state_is_found_again(form: str, theirs: str) -> None:
    """K 37 GPa, K' 5.2 in ASE's own forms."""
    from ase import eos

    volumes = np.linspace(42, 50, 9)
    energies = getattr(eos, theirs)(volumes, -20.0, 37.0 * GPa, 5.2, 45.7)
    found = equation_of_state(volumes, energies, form=form)  # type: ignore[arg-type]
    assert found.volume.value == pytest.approx(45.7, rel=1e-5)
    assert found.energy.value == pytest.approx(-20.0)
    assert found.bulk_modulus.value == pytest.approx(37.0, rel=1e-4)
    assert found.derivative.value == pytest.approx(5.2, rel=1e-3)
    np.testing.assert_allclose(found.energies(volumes), energies, atol=1e-7)
    assert AseEquationOfState(volumes, energies, eos=theirs).fit()[2] / GPa == pytest.approx(
        found.bulk_modulus.value, rel=1e-3
    )


@pytest.mark.parametrize("zero", [0.0, -2.0e3, -1.0e5])
def test_an_equation_of_state_is_that_of_any_zero_of_energy(zero: float) -> None:
    """Energies of all electrons are 1e5 eV and more."""
    v = 15.0 * np.linspace(0.94, 1.06, 7)
    found = equation_of_state(v, birch_murnaghan(v, 15.0, zero, 0.02, 10.0))
    assert found.derivative.value == pytest.approx(10.0, rel=1e-2)
    assert found.bulk_modulus.value == pytest.approx(0.02 / GPa, rel=1e-3)
    assert found.energy.value == pytest.approx(zero, abs=1e-4)


def test_errors_of_an_equation_of_state_are_those_of_repeated_noise() -> None:
    from ase import eos

    volumes = np.linspace(42, 50, 15)
    energies = eos.birchmurnaghan(volumes, -20.0, 37.0 * GPa, 5.2, 45.7)
    rng = np.random.default_rng(0)
    found = [
        equation_of_state(volumes, energies + 1e-4 * rng.normal(size=15)).bulk_modulus
        for _ in range(100)
    ]
    spread = np.std([one.value for one in found])
    assert 0.8 < np.mean([one.error for one in found]) / spread < 1.25
    assert np.mean([one.value for one in found]) == pytest.approx(37.0, abs=4 * spread / 10)


@pytest.mark.parametrize(("fit", "points"), [("eos", 5), ("eos", 7), ("pressures", 4), ("line", 3)])
def test_the_bar_of_a_fit_holds_the_truth_in_95_of_100(fit: str, points: int) -> None:
    """White noise on a form that is right: a binomial's four sigma about 95 % is 4.4 points."""
    rng = np.random.default_rng(7)
    inside = []
    for _ in range(400):
        if fit == "eos":
            volumes = np.linspace(43, 48, points)
            energies = birch_murnaghan(volumes, 45.7, -20.0, 37.0 * GPa, 5.2)
            noisy = energies + 1e-5 * rng.normal(size=points)
            found, truth = equation_of_state(volumes, noisy).bulk_modulus, 37.0
        elif fit == "pressures":
            pressures = np.linspace(0.0, 6.0, points)
            volumes = 100.0 * np.exp(-pressures / 37.0 + 1e-3 * pressures**2)
            noisy = volumes * (1 + 1e-4 * rng.normal(size=points))
            found, truth = bulk_modulus_from_pressures(pressures, noisy), 37.0
        else:
            x = np.linspace(-1.0, 1.0, points)
            line = fit_line(x, 3 * x + rng.normal(size=points))
            found, truth = Estimate(line.slope, line.slope_error, line.n), 3.0
        inside.append(abs(found.value - truth) <= found.bar)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.044)


def test_volumes_weigh_as_their_errors_say() -> None:
    """The scatter over many repetitions is the error that each tells, where points differ."""
    rng = np.random.default_rng(3)
    pressures, errors = np.arange(0.0, 8.0, 2.0), np.array([0.01, 0.1, 0.02, 0.1])
    volumes = 100.0 * np.exp(-pressures / 37.0 + 1e-3 * pressures**2)
    found = [
        bulk_modulus_from_pressures(pressures, volumes + errors * noise, errors=errors)
        for noise in rng.normal(size=(400, 4))
    ]
    spread = np.std([one.value for one in found])
    told = [one.error for one in found if one.error is not None]
    assert min(told) == pytest.approx(spread, rel=0.15)  # carried; larger where points scatter more
    assert np.mean([abs(one.value - 37.0) <= one.bar for one in found]) > 0.93
    plain = np.std(
        [
            bulk_modulus_from_pressures(pressures, volumes + errors * noise).value
            for noise in rng.normal(size=(400, 4))
        ]
    )
    assert spread < 0.9 * plain
    with pytest.raises(DatasetError, match="must be positive"):
        bulk_modulus_from_pressures(pressures, volumes, errors=0 * errors)


def test_compressing_a_crystal_gives_its_bulk_modulus(crystal: Atoms) -> None:
    stiffness = voigt_of(crystal.calc.get_property("elastic_constants", crystal)) / GPa
    bulk = (stiffness[0, 0] + 2 * stiffness[0, 1]) / 3
    steps = compress(crystal, lennard_jones(), volumes=np.linspace(0.985, 1.015, 9))
    fitted = equation_of_state(steps.volumes, steps.energies)
    assert fitted.bulk_modulus.value == pytest.approx(bulk, rel=0.01)
    assert fitted.volume.value == pytest.approx(crystal.get_volume(), rel=1e-4)
    pressed = bulk_modulus_from_pressures(steps.pressures, steps.volumes)
    assert pressed.value == pytest.approx(bulk, rel=0.01)
    assert pressed.error is not None
    assert pressed.error < 0.01 * bulk


def test_the_modulus_of_a_cubic_crystal_is_one_by_energy_pressure_and_constants(
    crystal: Atoms,
) -> None:
    analytic = voigt_of(crystal.calc.get_property("elastic_constants", crystal)) / GPa
    bulk = (analytic[0, 0] + 2 * analytic[0, 1]) / 3
    found = compress(crystal, lennard_jones(), volumes=np.linspace(0.98, 1.02, 7), force=1e-6)
    fitted = equation_of_state(found.volumes, found.energies)
    strain = np.log(found.volumes / crystal.get_volume())
    slope = -np.polynomial.Polynomial.fit(strain, found.pressures, 3).deriv()(0.0)  # -V dP/dV
    assert fitted.bulk_modulus.value == pytest.approx(bulk, rel=2e-3)
    assert slope == pytest.approx(bulk, rel=2e-3)
    assert fitted.volume.value == pytest.approx(crystal.get_volume(), rel=1e-5)


def test_a_crystal_whose_shape_is_free_has_the_modulus_of_reuss() -> None:
    """Strong layers on weak springs: 1.92 GPa under pressure, 2.93 where its shape is kept."""
    rest = relaxed(layered(), layers(), cell="free", force=1e-6)
    analytic = Elasticity(
        voigt_of(rest.calc.get_property("elastic_constants", rest)) / GPa, np.zeros(6), 0.0
    )
    assert analytic.voigt.bulk > 1.5 * analytic.reuss.bulk
    volumes = np.linspace(0.98, 1.02, 7)
    for shape, bulk in ((False, analytic.voigt.bulk), (True, analytic.reuss.bulk)):
        found = compress(rest, layers(), volumes=volumes, shape=shape, force=1e-6)
        fitted = equation_of_state(found.volumes, found.energies)
        assert fitted.bulk_modulus.value == pytest.approx(bulk, rel=2e-3)
        assert found.volumes / rest.get_volume() == pytest.approx(volumes, rel=1e-3)
    squeezed = rest.copy()
    squeezed.set_cell(0.98 * rest.cell.array, scale_atoms=True)
    stress = relaxed(squeezed, layers(), cell="shape", force=1e-6).get_stress()
    assert np.ptp(stress[:3]) < 0.01 * abs(stress[0])


def test_quartz_and_stishovite_under_shik_and_by_ase() -> None:
    """Quartz is the stable one at no pressure, stishovite twice as stiff by far and denser by half
    (Levien 1980; Ross 1990: 22.7 and 14.0 Å3 by SiO2). The same energies fitted by ASE."""
    found = {}
    for name, volume in (("alpha-quartz", 37.7 / 3), ("stishovite", 23.3 / 3)):
        potential = pair_calculator("shik")
        rest = relaxed(published(name), potential, cell="free")
        one = compress(rest, potential, volumes=np.linspace(0.97, 1.03, 7), shape=True)
        v, e = one.volumes / len(rest), one.energies / len(rest)
        found[name] = equation_of_state(v, e)
        theirs = AseEquationOfState(v, e, eos="birchmurnaghan").fit()
        ours = found[name].volume.value, found[name].energy.value
        assert ours == pytest.approx(theirs[:2], rel=1e-5)
        assert found[name].bulk_modulus.value == pytest.approx(theirs[2] / GPa, rel=5e-3)
        assert found[name].volume.value == pytest.approx(volume, rel=0.05)
    quartz, stishovite = found["alpha-quartz"], found["stishovite"]
    assert quartz.energy.value < stishovite.energy.value
    assert stishovite.bulk_modulus.value > 5 * quartz.bulk_modulus.value


def test_the_slope_at_no_pressure_is_not_that_over_the_range() -> None:
    """V = V0 (1 + K' P / K)^(-1/K'), Murnaghan's solid, with K 37 and K' 4 from 0 to 5 GPa."""
    pressures = np.arange(6.0)
    volumes = 100 * (1 + 4 * pressures / 37) ** -0.25
    assert bulk_modulus_from_pressures(pressures, volumes, degree=3).value == pytest.approx(
        37, rel=0.005
    )
    assert bulk_modulus_from_pressures(pressures, volumes).value == pytest.approx(37, rel=0.05)
    assert bulk_modulus_from_pressures(pressures, volumes, degree=1).value > 42


@pytest.mark.parametrize(
    ("pressures", "message"),
    [([0.0, 1.0, 2.0], "3 pressures and 3 volumes"), ([3.0, 4.0, 5.0, 6.0], "wanted at none")],
)
def test_pressures_that_do_not_tell_the_modulus(pressures: list[float], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        bulk_modulus_from_pressures(pressures, [100.0 - p for p in pressures])


def test_energies_without_a_minimum_have_no_equation_of_state() -> None:
    volumes = np.linspace(40, 44, 7)
    with pytest.raises(DatasetError, match="no minimum"):
        equation_of_state(volumes, (volumes - 50) ** 2)
    with pytest.raises(DatasetError, match="five points"):
        equation_of_state(volumes[:4], volumes[:4])
