"""Potentials as LAMMPS computes them: against formulas, another program, and themselves in time."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.tersoff import Tersoff
from ase.units import _e, _eps0
from matscipy.neighbours import neighbour_list

from al_loop.crystals import crystal
from al_loop.d3 import D3, correction
from al_loop.errors import EngineMissing, StructureError, UserError
from al_loop.glass.make import Classical, Potential, Protocol, potential_of
from al_loop.glass.make.inputs import start_file
from al_loop.glass.make.job import run_glass_job
from al_loop.glass.make.potential import CLASSICAL, caution, field_of
from al_loop.glass.make.results import collect_glass
from al_loop.glass.make.stage import LammpsChoice, stage_glass_job
from al_loop.jobfolder import Clock
from al_loop.lammps.data import DATA
from al_loop.lammps.dump import read_dump
from al_loop.lammps.executable import find_program, shipped_potential
from al_loop.lammps.force_field import elements_of
from al_loop.packing import pack, usual_distances
from al_loop.pair_sums import pair_calculator

COULOMB = _e / (4 * np.pi * _eps0) * 1e10  # eV Å


class Point(NamedTuple):
    """Energy in eV, forces (atoms, 3) in eV/Å, pressure in GPa at 0 K."""

    energy: float
    forces: np.ndarray
    pressure: float


def lammps(folder: Path, atoms: Atoms, potential: Potential) -> Point:
    """What the lines give that glasses are made with."""
    folder.mkdir(parents=True)
    field = field_of(potential, atoms)
    for name, text in {**field.files, DATA: start_file(atoms)}.items():
        (folder / name).write_text(text)
    charges = "".join(
        f"set type {kind} charge {field.charges.get(symbol, 0.0):.12g}\n"
        for kind, symbol in enumerate(elements_of(atoms), start=1)
    )
    (folder / "in").write_text(
        "units metal\natom_style charge\nboundary p p p\nbox tilt large\n"
        f"read_data {DATA}\n{charges}{field.lines()}\nrun 0\n"
        'variable e equal pe\nvariable p equal press\nprint "${e} ${p}" file numbers.txt\n'
        "write_dump all custom f.dump id type x y z fx fy fz modify sort id format float %.15g\n"
    )
    program = find_program(LammpsChoice()).bare()
    done = subprocess.run(
        [*program.command, "-in", "in"],
        cwd=folder,
        env=program.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    with (folder / "f.dump").open() as stream:
        (snapshot,) = read_dump(stream)
    energy, bar = map(float, (folder / "numbers.txt").read_text().split())
    return Point(energy, snapshot.forces, bar * 1e-4)


def rattled(atoms: Atoms) -> Atoms:
    atoms.positions += np.random.default_rng(3).normal(0, 0.08, atoms.positions.shape)
    return atoms


def sodium_silicate(seed: int = 1) -> Atoms:
    apart = usual_distances({"Na": 1, "Si": 1, "O": 1})
    return pack("Na2Si2O5", atoms=36, density=2.49, min_distance=apart, seed=seed)


def shik(atoms: Atoms) -> tuple[float, np.ndarray]:
    """Sundararaman et al. 2018, 2019: Buckingham, r^-24 and Wolf's sum, from the printed numbers.

    Smoothed by exp(-0.2²/(r - 8)²); the constant terms of Wolf's sum are left out.
    """
    numbers = {
        ("O", "O"): (1120.5, 2.8927, 26.132, 16800),
        ("O", "Si"): (23108, 5.0979, 139.70, 66),
        ("Si", "Si"): (2798.0, 4.4073, 0, 3423204),
        ("Na", "O"): (1127566, 6.8986, 40.562, 16800),
        ("Na", "Si"): (495653, 5.4151, 0, 16800),
        ("Na", "Na"): (1476.9, 3.4075, 0, 16800),
    }
    symbols = np.array(atoms.get_chemical_symbols())
    q = {"Si": 1.7755, "Na": 0.6018}
    q["O"] = -sum(q[s] for s in symbols if s != "O") / (symbols == "O").sum()

    def value(a: str, b: str, r: np.ndarray) -> np.ndarray:
        wolf = COULOMB * q[a] * q[b] * (1 / r - 1 / 10 + (r - 10) / 100)
        big, inverse, c, d = numbers[tuple(sorted((a, b)))]  # type: ignore[index]
        short = big * np.exp(-inverse * r) - c / r**6 + d / r**24
        short *= np.exp(-0.04 / np.minimum(r - 8, -1e-3) ** 2)
        return np.where(r < 8, wolf + short, wolf)

    i, j, r, vector = neighbour_list("ijdD", atoms=atoms, cutoff=10.0)
    energy, slope = np.zeros(len(r)), np.zeros(len(r))
    for a in q:
        for b in q:
            here = (symbols[i] == a) & (symbols[j] == b)
            energy[here] = value(a, b, r[here])
            up, down = value(a, b, r[here] + 1e-6), value(a, b, r[here] - 1e-6)
            slope[here] = (up - down) / 2e-6
    pull = (slope / r)[:, None] * vector
    forces = np.stack([np.bincount(i, pull[:, k], len(atoms)) for k in range(3)], axis=1)
    return float(energy.sum() / 2), forces


@pytest.mark.engine
def test_shik_is_that_of_the_papers(tmp_path: Path) -> None:
    one, other = sodium_silicate(), sodium_silicate(seed=2)
    got = [lammps(tmp_path / str(n), a, Classical(name="shik")) for n, a in enumerate((one, other))]
    want = [shik(atoms) for atoms in (one, other)]
    for point, (_, forces) in zip(got, want, strict=True):
        np.testing.assert_allclose(point.forces, forces, atol=3e-3, rtol=3e-4)
    assert got[1].energy - got[0].energy == pytest.approx(want[1][0] - want[0][0], rel=1e-4)


@pytest.mark.engine
@pytest.mark.parametrize("name", ["bks", "shik", "pmmcs", "du-teter"])
def test_our_own_sums_and_lammps_agree(tmp_path: Path, name: str) -> None:
    """Two programs, one table of parameters: forces and pressure."""
    atoms = rattled(crystal("alpha-quartz")) if name == "bks" else sodium_silicate()
    point = lammps(tmp_path / name, atoms, Classical(name=name))
    atoms.calc = pair_calculator(name)
    np.testing.assert_allclose(point.forces, atoms.get_forces(), atol=3e-3, rtol=3e-4)
    pressure = -atoms.get_stress()[:3].mean() * 160.21766
    assert point.pressure == pytest.approx(pressure, abs=0.02, rel=1e-3)


@pytest.mark.engine
def test_tersoff_is_that_of_ase(tmp_path: Path) -> None:
    """ASE's own Tersoff, which reads the same file of Munetoh et al. (2007)."""
    file = shipped_potential("SiO.tersoff")
    assert file is not None
    atoms = rattled(crystal("alpha-cristobalite"))
    point = lammps(tmp_path / "t", atoms, Classical(name="tersoff"))
    atoms.calc = Tersoff.from_lammps(file)
    assert point.energy == pytest.approx(atoms.get_potential_energy(), rel=1e-6)
    np.testing.assert_allclose(point.forces, atoms.get_forces(), atol=1e-4)


@pytest.mark.engine
def test_dispersion_is_added_to_any_potential(tmp_path: Path) -> None:
    """The difference is what s-dftd3 computes."""
    d3 = D3(functional="pbe", damping="bj", cutoff=12.0, cn_cutoff=8.0)
    atoms = rattled(crystal("alpha-quartz"))
    bare, both = (
        lammps(tmp_path / str(k), atoms, Classical(name="bks", dispersion=d)) for k, d in
        enumerate((None, d3))
    )  # fmt: skip
    added = correction(atoms, d3)
    assert both.energy - bare.energy == pytest.approx(added.energy, rel=2e-3)
    np.testing.assert_allclose(both.forces - bare.forces, added.forces, atol=1e-3)


@pytest.mark.engine
@pytest.mark.parametrize("name", ["bks", "shik"])
def test_smoothed_cutoffs_conserve_energy(tmp_path: Path, name: str) -> None:
    """At 1000 K without baths: no drift, and halving the step calms it.

    An error of the integrator falls with the square of the step; a jump of the force does not.
    """
    swing = []
    for step in (1.0, 0.5):
        protocol = Protocol.model_validate(
            {
                "name": "nve",
                "start": {"kind": "crystal", "name": "alpha-quartz", "supercell": [2, 2, 1]},
                "timestep": step,
                "thermo": 0.005,
                "steps": [{"do": "hold", "temperature": 1000, "ps": 0.2, "ensemble": "nve"}],
            }
        )
        job = stage_glass_job(
            tmp_path / str(step), protocol=protocol, potential=Classical(name=name), sample=0
        )
        run_glass_job(job, Clock())
        table = collect_glass(job)["hold"].thermo()
        total = table["total_energy"][1:]
        swing.append(float(total.std()))
        assert np.ptp(total) < 1e-2 * (total - table["energy"][1:]).mean()
    assert swing[1] < 0.5 * swing[0]


def test_what_a_potential_cannot_do_is_said_before_it_runs(tmp_path: Path) -> None:
    atoms = Atoms("NaB", positions=[[0, 0, 0], [2, 2, 2]], cell=np.eye(3) * 5, pbc=True)
    with pytest.raises(StructureError, match="tersoff has parameters for Si and O, not for B, Na"):
        field_of(Classical(name="tersoff"), atoms)
    with pytest.raises(StructureError, match="no parameters for B"):
        field_of(Classical(name="pmmcs"), atoms)
    with pytest.raises(UserError, match="did you mean 'shik'"):
        potential_of("shk")
    assert all(caution(Classical(name=name)) for name in CLASSICAL)


def test_a_shipped_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("al_loop.glass.make.potential.shipped_potential", lambda name: None)
    with pytest.raises(EngineMissing, match=r"SiO\.tersoff"):
        field_of(Classical(name="tersoff"), crystal("alpha-quartz"))
