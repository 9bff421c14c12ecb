"""RMC, hybrid RMC and FEAR: counts, what they sample, and structures that are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.units import kB

from al_loop.calculator import FunctionCalculator
from al_loop.distances import closest_contact
from al_loop.errors import StructureError
from al_loop.glass import Trajectory
from al_loop.glass.scattering_lengths import NEUTRON_LENGTHS
from al_loop.glass.structure import pair_distributions
from al_loop.pair_potentials import POTENTIALS
from al_loop.pair_sums import pair_calculator
from al_loop.structures import crystal, pack
from al_loop.structures.rmc import (
    Bias,
    Grid,
    PairTable,
    ReverseMonteCarlo,
    Target,
    on_bins,
    refine,
    tabulated,
)

LEAST = {"O-Si": 1.3, "O-O": 2.0, "Si-Si": 2.4}
PAIRS = ("O-O", "O-Si", "Si-Si")


def cristobalite() -> Atoms:
    """192 atoms, 14.3 Å, a little shaken."""
    atoms = crystal("beta-cristobalite", supercell=(2, 2, 2))
    atoms.rattle(0.08, seed=3)
    return atoms


def targets_of(atoms: Atoms, of: Sequence[str], *, sigma: float) -> list[Target]:
    """Its own curves, as RMC counts them."""
    flat = [Target(name, np.array([0.0, 20.0]), np.ones(2), sigma) for name in of]
    grid = on_bins(flat, atoms, lengths=NEUTRON_LENGTHS)
    curves = ReverseMonteCarlo(atoms, grid, least={}).curves
    r = grid.width * (np.arange(grid.bins) + 0.5)
    return [Target(name, r, g, sigma) for name, g in zip(of, curves, strict=True)]


def grid_of(atoms: Atoms, *, sigma: float) -> Grid:
    return on_bins(targets_of(atoms, PAIRS, sigma=sigma), atoms)


def test_counts_follow_the_moves_exactly() -> None:
    atoms = pack("SiO2", atoms=72, density=2.2, min_distance=LEAST, seed=1)
    walk = ReverseMonteCarlo(atoms, grid_of(atoms, sigma=1.0), least=LEAST, step=0.5)
    assert walk.chi2 == pytest.approx(0, abs=1e-9)
    tally = walk.run(1500, tries=20_000)
    assert tally.accepted == 1500 < tally.tried
    followed, chi2 = walk.counts.copy(), walk.chi2
    walk.place(walk.atoms.positions)
    assert (walk.counts == followed).all()
    assert walk.chi2 == chi2
    assert not np.allclose(walk.atoms.positions, atoms.positions)
    assert closest_contact(walk.atoms, LEAST) is None


def test_distributions_are_those_of_the_glass_room() -> None:
    atoms = cristobalite()
    names = [*PAIRS, "total", "neutron"]
    ours = targets_of(atoms, names, sigma=1.0)
    bins = len(ours[0].r)
    theirs = pair_distributions(Trajectory((atoms,)), r_max=bins * 0.05, width=0.05)
    curves = [*(theirs.partial(pair) for pair in PAIRS), theirs.total(), theirs.neutron()]
    for our, their in zip(ours, curves, strict=True):
        np.testing.assert_allclose(our.r, their.x, atol=1e-9)
        np.testing.assert_allclose(our.g, their.y, atol=1e-9)


@pytest.mark.parametrize(("known", "sigma"), [("crystal", 0.3), ("liquid", 0.15)])
def test_a_known_structure_is_found_again_up_to_the_noise(known: str, sigma: float) -> None:
    """Displaced by 0.3 Å along x, y and z, chi² per bin is far above 1. Noise of sigma is 1."""
    atoms = cristobalite()
    if known == "liquid":
        atoms = pack("SiO2", atoms=192, density=2.2, min_distance=LEAST, seed=5)
    grid = grid_of(atoms, sigma=sigma)
    moved = atoms.copy()
    moved.rattle(0.3, seed=7)
    walk = ReverseMonteCarlo(moved, grid, least={}, step=0.1)
    bins = int((grid.weight > 0).sum())
    far, off = walk.chi2 / bins, walk.r_chi
    walk.run(100_000, tries=80_000)
    assert far > 5
    assert walk.chi2 / bins < 1
    assert walk.r_chi < 0.4 * off


SIDE = 6.0
"""Å, of the box of two atoms."""


def two_atoms() -> Atoms:
    return Atoms("Ar2", positions=[[1, 1, 1], [3, 1, 1]], cell=[SIDE] * 3, pbc=True)


def spring(atoms: Atoms) -> tuple[float, np.ndarray, np.ndarray]:
    """0.02 eV/Å² (r² - 4 Å²) within 3 Å, else the value there."""
    r2 = min(float(atoms.get_distance(0, 1, mic=True)) ** 2, 9.0)
    return 0.02 * (r2 - 4.0), np.zeros((2, 3)), np.zeros((3, 3))


TABLE = PairTable(np.array([0.02 * (np.linspace(0, 9, 9001) - 9.0)]), 3.0)


@pytest.mark.parametrize(
    "of", [None, TABLE, FunctionCalculator(spring)], ids=["rmc", "table", "ase"]
)
def test_moves_sample_the_distribution_that_they_should(of: PairTable | Calculator | None) -> None:
    """Two atoms: P(r) = shell exp(-chi²(r)/2 - E(r)/kT) / Z, and all is known."""
    atoms, width, temperature = two_atoms(), 0.5, 900.0
    r = np.arange(0.25, 3, 0.5)
    goal = np.array([0, 0, 4, 1, 2, 0.0])
    grid = on_bins([Target("Ar-Ar", r, goal, 4.0)], atoms, width=width)
    bias = None if of is None else Bias(of, temperature)
    walk = ReverseMonteCarlo(atoms, grid, least={}, step=SIDE / 2, seed=11, bias=bias)
    n = 600 if isinstance(of, Calculator) else 8000
    seen = np.zeros(7)
    for _ in range(n):
        walk.run(1000, tries=4)
        seen[int(walk.counts[0].argmax()) if walk.counts.any() else 6] += 1
    edges = width * np.arange(7)
    shells = np.append(4 / 3 * np.pi * np.diff(edges**3), SIDE**3 - 4 / 3 * np.pi * 27)
    g = np.vstack([np.diag(SIDE**3 / shells[:6]), np.zeros(6)])  # an atom in bin b, or far away
    fine = (np.arange(6000) + 0.5) / 2000
    energy = np.zeros_like(fine) if of is None else 0.02 * (fine**2 - 9)
    thermal = [fine[k * 1000 : (k + 1) * 1000] ** 2 for k in range(6)]
    boltzmann = [
        float((x * np.exp(-energy[k * 1000 : (k + 1) * 1000] / (kB * temperature))).sum() / x.sum())
        for k, x in enumerate(thermal)
    ]
    odds = shells * np.exp(-((g - goal) ** 2).sum(axis=1) / 32) * np.array([*boltzmann, 1.0])
    expected = n * odds / odds.sum()
    many = expected > 5
    # Neighbouring samples are correlated: twice the variance of independent ones is ample here.
    off = float(((seen - expected)[many] ** 2 / expected[many]).sum())
    assert off < 2 * (many.sum() + 4 * np.sqrt(2 * many.sum()))
    assert seen[~many].sum() < 30


@pytest.mark.parametrize(("name", "formula"), [("bks", "SiO2"), ("du-teter", "Li4B4Si2O12")])
def test_a_tabulated_energy_changes_as_the_potentials_own(name: str, formula: str) -> None:
    """The box is smaller than the reach of the electrostatics: images count."""
    least = {"O-O": 2.0, "O-Si": 1.5, "Si-Si": 2.4, "B-O": 1.4, "Li-O": 1.7}
    symbols = sorted({s for s in ("Li", "B", "Si", "O") if s in formula})
    pairs = {f"{a}-{b}": 2.0 for i, a in enumerate(symbols) for b in symbols[i:]} | least
    size = 24 if name == "bks" else 22
    start = pack(formula, atoms=size, density=2.2, min_distance=pairs, seed=2)
    grid = on_bins([Target("O-O", np.array([0.0, 9.0]), np.ones(2), 1e6)], start)
    counts = {s: list(start.symbols).count(s) for s in symbols}
    table = tabulated(POTENTIALS[name], grid.pairs, counts)
    calculator = pair_calculator(name)
    changes = []
    for of in (table, calculator):
        walk = ReverseMonteCarlo(
            start, grid, least=least, step=0.4, seed=4, bias=Bias(of, 30_000.0)
        )
        walk.run(40, tries=400)
        atoms = walk.atoms
        atoms.calc = calculator
        changes.append((walk.tally, atoms.positions, atoms.get_potential_energy()))
    (one, here, low), (other, there, same) = changes
    assert one == other and one.accepted == 40, "each move was judged alike"
    np.testing.assert_allclose(here, there)
    assert low == pytest.approx(same)


def test_fear_keeps_the_curve_and_gives_the_energy_that_rmc_loses() -> None:
    """As Liu et al. (2022), figures 11 and 14: RMC alone fits, and its energy rises."""
    goal = cristobalite()
    neutron = targets_of(goal, ["neutron"], sigma=0.1)
    start = pack("SiO2", atoms=192, density=2.2, min_distance=LEAST, seed=9)
    grid = on_bins(neutron, start, lengths=NEUTRON_LENGTHS)
    calculator = pair_calculator("bks")
    found = {}
    for name, given in (("rmc", None), ("fear", calculator)):
        walk = ReverseMonteCarlo(start, grid, least=LEAST, step=0.2, seed=1)
        before = walk.r_chi
        for _, cycle in zip(
            range(2), refine(walk, moves=1000, calculator=given, steps=12), strict=False
        ):
            last = cycle
        atoms = last.atoms
        atoms.calc = calculator
        found[name] = (walk.r_chi, atoms.get_potential_energy() / len(atoms))
        assert walk.r_chi < before
        assert (last.energy is None) == (given is None)
    assert found["fear"][1] < found["rmc"][1] - 0.5, "eV/atom"


def test_what_cannot_be_done_is_refused() -> None:
    atoms = two_atoms()
    r, g = np.array([1.0, 2.0]), np.ones(2)
    with pytest.raises(StructureError, match="no pair of these atoms"):
        on_bins([Target("Na-O", r, g, 1.0)], atoms)
    with pytest.raises(StructureError, match="no scattering length"):
        on_bins([Target("neutron", r, g, 1.0)], atoms)
    with pytest.raises(StructureError, match="beyond half the box"):
        on_bins([Target("total", r + 8, g, 1.0)], atoms)
    grid = on_bins([Target("total", r, g, 1.0)], atoms)
    atoms.set_cell([[6, 0, 0], [1, 6, 0], [0, 0, 6]])
    with pytest.raises(StructureError, match="right-angled"):
        ReverseMonteCarlo(atoms, grid, least={})
