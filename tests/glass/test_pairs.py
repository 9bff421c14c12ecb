from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from scipy.interpolate import interp1d

from al_loop.errors import DatasetError
from al_loop.glass import Trajectory
from al_loop.glass.structure import largest_radius, pair_distributions
from al_loop.glass.structure.pairs import first_peak
from al_loop.structures import crystal
from tests.glass.networks import rattled


def gas(*, atoms: int, frames: int, seed: int = 1, edge: float = 20.0) -> Trajectory:
    """Uncorrelated atoms, a third of them silicon, in a skewed cell."""
    generator = np.random.default_rng(seed)
    cell = np.array([[edge, 0, 0], [0.3 * edge, edge, 0], [-0.2 * edge, 0.4 * edge, edge]])
    symbols = ["Si"] * (atoms // 3) + ["O"] * (atoms - atoms // 3)
    return Trajectory(
        tuple(
            Atoms(symbols, generator.random((atoms, 3)) @ cell, cell=cell, pbc=True)
            for _ in range(frames)
        )
    )


@pytest.mark.parametrize("atoms", [12, 600])
def test_an_ideal_gas_has_g_of_one_at_every_number_of_atoms(atoms: int) -> None:
    run = gas(atoms=atoms, frames=12_000 // atoms)
    pairs = pair_distributions(run, width=0.5)
    silicon = atoms // 3
    for name, couples in (
        ("O-O", 2 * silicon * (2 * silicon - 1) / 2),
        ("O-Si", 2 * silicon**2),
        ("Si-Si", silicon * (silicon - 1) / 2),
    ):
        g = pairs.partial(name)
        shells = 4 / 3 * np.pi * np.diff((np.arange(len(g.x) + 1) * pairs.width) ** 3)
        expected = couples * len(run) * shells / run.frames[0].get_volume()  # Poisson
        seen = expected > 25
        deviations = ((g.y - 1.0) * np.sqrt(expected))[seen]
        assert np.abs(deviations).max() < 4.0
        assert np.mean(deviations**2) == pytest.approx(1.0, abs=0.8)


def test_neighbours_of_ideal_cristobalite_stand_where_geometry_puts_them() -> None:
    """a = 7.16 Å: Si-O a sqrt(3)/8, O-O a sqrt(2)/4, Si-Si a sqrt(3)/4."""
    pairs = pair_distributions(
        Trajectory((crystal("beta-cristobalite", supercell=(2, 2, 2)),)), width=0.01
    )
    for name, distance, around in (
        ("Si-O", 1.5502, 4),
        ("O-Si", 1.5502, 2),
        ("O-O", 2.5315, 6),
        ("Si-Si", 3.1004, 4),
    ):
        g = pairs.partial(name)
        assert g.x[np.flatnonzero(g.y)[0]] == pytest.approx(distance, abs=0.006)
        n = pairs.running_coordination(*name.split("-"))
        assert interp1d(n.x, n.y)(distance + 0.2) == pytest.approx(around, rel=1e-12)


def test_counts_agree_with_all_distances_of_a_skewed_cell_one_by_one() -> None:
    run = gas(atoms=90, frames=1, edge=9.0)
    atoms = run.frames[0]
    pairs = pair_distributions(run, r_max=largest_radius(atoms), width=0.1)
    distances = atoms.get_all_distances(mic=True)
    silicon = atoms.numbers == 14
    for name, rows, columns in (("O-Si", silicon, ~silicon), ("Si-Si", silicon, silicon)):
        block = distances[np.ix_(rows, columns)]
        block = block[np.triu_indices(len(block), 1)] if name == "Si-Si" else block.ravel()
        expected, _ = np.histogram(
            block, bins=len(pairs.r), range=(0.0, pairs.width * len(pairs.r))
        )
        ideal = len(block) if name != "Si-Si" else 30 * 29 / 2
        shells = 4 / 3 * np.pi * np.diff((np.arange(len(pairs.r) + 1) * pairs.width) ** 3)
        g = expected * atoms.get_volume() / (ideal * shells)
        assert pairs.partials[name][0] == pytest.approx(g, rel=1e-9)


def test_neutron_weights_of_silica_are_those_of_the_tables() -> None:
    pairs = pair_distributions(gas(atoms=600, frames=1), width=0.5)
    weights = {"Si-Si": 0.0694, "O-Si": 0.3880, "O-O": 0.5427}
    expected = sum(weights[name] * g[0] for name, g in pairs.partials.items())
    assert pairs.neutron().y == pytest.approx(expected, rel=3e-4)
    other = pairs.neutron({"Si": 0.0})
    assert other.y == pytest.approx(pairs.partial("O-O").y)
    correlation = pairs.total_correlation()
    expected_t = 4 * np.pi * 600 / 20.0**3 * pairs.r * pairs.neutron().y
    assert correlation.y == pytest.approx(expected_t)


def test_radii_beyond_the_cell_are_refused() -> None:
    run = Trajectory((crystal("alpha-quartz"),))
    assert pair_distributions(run).r[-1] < largest_radius(run.frames[0]) < 2.71
    with pytest.raises(DatasetError, match=r"room for r_max 2\.1"):
        pair_distributions(run, r_max=6.0)
    with pytest.raises(DatasetError, match="there are O-O, O-Si, Si-Si"):
        pair_distributions(run).partial("Na-O")


def test_the_error_of_a_first_peak_is_the_scatter_of_repeated_runs() -> None:
    """Each run is of independent frames; the jackknife of one must know what many show."""
    found = []
    for seed in range(24):
        run = rattled("beta-cristobalite", size=2, amplitude=0.08, frames=10, seed=seed)
        pairs = pair_distributions(run, r_max=4.0, width=0.02)
        found.append(first_peak(pairs.r, pairs.partials["Si-Si"]))
    places = np.array([one.value for one in found])
    errors = np.array([one.error for one in found], dtype=float)
    assert places.mean() == pytest.approx(3.1, abs=0.02)  # a sqrt(3) / 4 at a = 7.16 Å
    assert np.sqrt((errors**2).mean()) == pytest.approx(places.std(ddof=1), rel=0.4)
    assert first_peak(pairs.r, pairs.partials["Si-Si"][:1]).error is None
    assert np.isnan(first_peak(pairs.r, np.ones((3, len(pairs.r)))).value)
