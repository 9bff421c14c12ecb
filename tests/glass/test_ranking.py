"""Rankings: lattice sums, energies of LAMMPS, scipy's test, and what cannot be ranked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from matscipy.calculators.pair_potential import LennardJonesCut, PairPotential
from scipy.stats import ttest_ind
from typer.testing import CliRunner

from al_loop.cli.glass import app
from al_loop.errors import DatasetError, UserError
from al_loop.glass import Trajectory, read_trajectory
from al_loop.glass.compare import rank
from al_loop.pair_sums import pair_calculator
from tests.glass.networks import rattled

RATES = Path(__file__).with_name("silica-rates.extxyz")
"""BKS silica of 72 atoms at rest, with LAMMPS' energies: four quenched at 100 K/ps, then four at
5000 K/ps."""

LATTICE_SUMS = {
    "fcc": (12.13188, 14.45392),
    "bcc": (9.11418, 12.25367),
    "sc": (6.20215, 8.40192),
}
"""A12 and A6 (Kittel, Introduction to Solid State Physics; Jones and Ingham, 1925)."""


def quenched() -> dict[str, list[Trajectory]]:
    run = read_trajectory(RATES)
    assert run.energies is not None
    parts = {"slow": slice(0, 4), "fast": slice(4, 8)}
    return {
        name: [Trajectory(run.frames[part], source=name, energies=run.energies[part])]
        for name, part in parts.items()
    }


def test_crystals_are_ranked_as_by_their_lattice_sums() -> None:
    """At rest -A6²/(2 A12) epsilon an atom; the cell finds its volume by itself."""
    lattices = {
        name: [Trajectory((bulk("Ar", name, a=a),))]
        for name, a in (("sc", 1.1), ("bcc", 1.3), ("fcc", 1.5))
    }
    tool = PairPotential({(18, 18): LennardJonesCut(1.0, 1.0, 12.0)})
    found = rank(lattices, tool, rest="cell", force=1e-4)
    assert [one.name for one in found.groups] == ["fcc", "bcc", "sc"]
    for group in found.groups:
        high, low = LATTICE_SUMS[group.name]
        assert group.energy.value == pytest.approx(-(low**2) / (2 * high), rel=4e-3)
        assert group.energy.error is None
    assert all(step.p is None and not step.sure for step in found.steps)  # single crystals
    assert found.agreement is None


def test_the_slower_quench_is_lower_as_lammps_has_it_but_four_glasses_do_not_tell() -> None:
    found = rank(quenched(), pair_calculator("bks"))
    assert [one.name for one in found.groups] == ["slow", "fast"]
    for group in found.groups:
        theirs = np.array([one.carried for one in group.glasses])
        assert [one.energy for one in group.glasses] == pytest.approx(theirs, abs=2e-5)
        assert group.energy.error == pytest.approx(theirs.std(ddof=1) / 2, rel=1e-2)
    (step,) = found.steps
    assert step.difference.value == pytest.approx(0.025, abs=1e-3) and not step.sure
    assert found.agreement is not None
    assert (found.agreement.tau, found.agreement.n) == (pytest.approx(1.0), 8)


def test_how_sure_a_step_is_is_welchs_test_of_scipy() -> None:
    generator = np.random.default_rng(2)
    scatter = {"a": (3, 0.02), "b": (7, 0.2), "c": (5, 0.05)}
    frames = rattled("alpha-quartz", size=1, amplitude=0.01, frames=7).frames
    runs = {
        name: [Trajectory(frames[:n], energies=9 * generator.normal(-19 + 0.1 * k, s, n))]
        for k, (name, (n, s)) in enumerate(scatter.items())
    }
    found = rank(runs)  # by the energies that the files have
    assert found.agreement is None
    energies = {one.name: [glass.energy for glass in one.glasses] for one in found.groups}
    for step in found.steps:
        theirs = ttest_ind(energies[step.higher], energies[step.lower], equal_var=False)
        assert step.p == pytest.approx(theirs.pvalue)
        assert step.freedom == pytest.approx(theirs.df)
        assert step.sure == (theirs.pvalue < 0.05)


def test_an_order_against_that_of_the_files_is_told() -> None:
    """Energies of opposite sign: no two glasses are in the order that the files have."""
    upside_down = {
        name: [Trajectory(run.frames, energies=-run.energies) for run in runs]  # type: ignore[operator]
        for name, runs in quenched().items()
    }
    found = rank(upside_down, pair_calculator("bks"))
    assert found.agreement is not None
    assert found.agreement.tau == pytest.approx(-1.0)
    assert found.agreement.p < 0.001


def test_what_cannot_be_ranked_is_said() -> None:
    quartz = [rattled("alpha-quartz", size=1, amplitude=0.01)]
    salt = [Trajectory((bulk("NaCl", "rocksalt", a=5.6, cubic=True),))]
    bks = pair_calculator("bks")
    with pytest.raises(DatasetError, match="two or more"):
        rank({"one": quartz}, bks)
    with pytest.raises(DatasetError, match="composition"):
        rank({"one": quartz, "two": salt}, bks)
    with pytest.raises(DatasetError, match=r"none of its 1 glasses has an energy; .*knows Si, O"):
        rank({"one": salt, "two": salt}, bks)
    with pytest.raises(DatasetError, match="has no energy"):
        rank({"one": quartz, "two": quartz})
    with pytest.raises(DatasetError, match="calculator is needed"):
        rank({"one": quartz, "two": quartz}, rest="atoms")


def test_glasses_that_have_no_energy_are_left_out_and_told() -> None:
    near = rattled("alpha-quartz", size=1, amplitude=0.01).frames[0]
    near.positions[1] = near.positions[0] + [0.1, 0, 0]
    runs = quenched() | {"odd": [rattled("alpha-quartz", size=1, amplitude=0.01)]}
    runs["odd"].append(Trajectory((near,), source="near.xyz"))
    odd = next(one for one in rank(runs, pair_calculator("bks")).groups if one.name == "odd")
    assert len(odd.glasses) == 1
    assert len(odd.failed) == 1 and "near.xyz" in odd.failed[0] and "0.1 Å" in odd.failed[0]


def test_the_command_takes_patterns_and_energies_of_the_files(tmp_path: Path) -> None:
    for name, (run,) in quenched().items():
        for k, atoms in enumerate(run.frames):
            assert run.energies is not None
            atoms.calc = SinglePointCalculator(atoms, energy=run.energies[k])
            write(tmp_path / f"{name}-{k}.extxyz", atoms)
    groups = [f"{name}={tmp_path}/{name}-*.extxyz" for name in ("fast", "slow")]
    runner = CliRunner()
    shown = runner.invoke(app, ["rank", *groups, "--calculator", "bks"])
    assert shown.exit_code == 0, shown.output
    assert shown.output.index("slow") < shown.output.index("fast")
    assert "tau 1.000" in shown.output
    plain = json.loads(runner.invoke(app, ["rank", *groups, "--json"]).output)
    assert [one["name"] for one in plain["groups"]] == ["slow", "fast"]
    assert plain["agreement"] is None and 0.05 < plain["steps"][0]["p"] < 0.5
    rest = runner.invoke(
        app, ["rank", *groups, "--calculator", "bks", "--relax", "atoms", "--json"]
    )
    found = json.loads(rest.output)
    for before, after in zip(plain["groups"], found["groups"], strict=True):
        assert after["energy"]["value"] == pytest.approx(before["energy"]["value"], abs=1e-3)
    missing = runner.invoke(app, ["rank", "a=none-*.xyz", groups[0]])
    assert isinstance(missing.exception, UserError) and "no such file" in missing.exception.what
