"""D3 against finite differences, and against LAMMPS, whose code shares nothing with s-dftd3."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from dftd3.ase import DFTD3

from al_loop.campaign import parse_campaign
from al_loop.d3 import D3, Correction, calculator_arguments, correction
from al_loop.errors import PhysicsFault
from al_loop.explore.lammps.options import LammpsOptions
from al_loop.lammps.cell import RestrictedCell
from al_loop.lammps.data import data_file
from al_loop.lammps.executable import find_program
from al_loop.structures import build_structures
from al_loop.units import EV_PER_A3_IN_GPA, stress_from_virial
from tests.campaigns import CHEAP
from tests.train.silica import cristobalite

ELEMENTS = ("Si", "O", "Na")
PBE = D3(functional="pbe", damping="bj", cutoff=15.0, cn_cutoff=10.0)
FAR = PBE.model_copy(update={"cutoff": 50.0, "cn_cutoff": 30.0})
"""For derivatives: cutoffs are sharp, and the energy jumps a little as a pair crosses one."""


def distorted() -> Atoms:
    """24 atoms in a sheared cell; two Na for a third element."""
    atoms: Atoms = cristobalite() * (2, 1, 1)
    rng = np.random.default_rng(1)
    strain = np.eye(3) + 0.05 * rng.standard_normal((3, 3))
    atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
    atoms.rattle(0.15, seed=3)
    atoms.symbols[[0, 5]] = "Na"
    return atoms


@pytest.fixture(scope="module")
def atoms() -> Atoms:
    return distorted()


def test_forces_are_the_energys_derivatives(atoms: Atoms) -> None:
    found = correction(atoms, FAR).forces
    step = 1e-3
    for atom, axis in ((0, 0), (7, 1), (20, 2)):
        energies = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[atom, axis] += sign * step
            energies.append(correction(moved, FAR).energy)
        assert found[atom, axis] == pytest.approx(
            -(energies[0] - energies[1]) / (2 * step), abs=2e-5
        )


def test_virial_is_the_energys_derivative_by_strain(atoms: Atoms) -> None:
    found = correction(atoms, FAR).virial
    assert found == pytest.approx(found.T)
    step = 2e-4
    for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2)):
        energies = []
        for sign in (1, -1):
            strain = np.zeros((3, 3))
            strain[i, j] = strain[j, i] = sign * step / (1 if i == j else 2)
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
            energies.append(correction(strained, FAR).energy)
        assert found[i, j] == pytest.approx(-(energies[0] - energies[1]) / (2 * step), abs=0.01)
    assert abs(found).max() > 2.0


def test_ase_computes_the_same(atoms: Atoms) -> None:
    ours = correction(atoms, PBE)
    atoms = atoms.copy()
    atoms.calc = DFTD3(**calculator_arguments(PBE))
    assert atoms.get_potential_energy() == pytest.approx(ours.energy, abs=1e-10)
    assert atoms.get_forces() == pytest.approx(ours.forces, abs=1e-10)
    stress = stress_from_virial(ours.virial, atoms.get_volume())
    assert atoms.get_stress(voigt=False) == pytest.approx(stress, abs=1e-10)


def test_beta_cristobalite_has_the_energy_that_is_known() -> None:
    """-0.111 eV/atom, with LAMMPS at 30/20 Å."""
    crystal = build_structures(parse_campaign(CHEAP.format(name="cheap")), base=Path())
    atoms = crystal["cristobalite"][0].atoms
    far = PBE.model_copy(update={"cutoff": 30.0, "cn_cutoff": 20.0})
    assert correction(atoms, far).energy / len(atoms) == pytest.approx(-0.111, abs=0.0006)


def test_the_cutoffs_cost_a_millielectronvolt(atoms: Atoms) -> None:
    near, all_ = correction(atoms, PBE), correction(atoms, FAR)
    assert 0.0005 < (near.energy - all_.energy) / len(atoms) < 0.0011
    assert near.forces == pytest.approx(all_.forces, abs=5e-4)
    pressures = np.trace(near.virial - all_.virial) / 3 / atoms.get_volume() * EV_PER_A3_IN_GPA
    assert abs(pressures) < 0.03  # GPa


def test_atoms_at_one_place_are_a_fault_of_the_frame(atoms: Atoms) -> None:
    atoms = atoms.copy()
    atoms.positions[1] = atoms.positions[0]
    with pytest.raises(PhysicsFault) as caught:
        correction(atoms, PBE)
    assert caught.value.reason == "atoms-too-close"


@pytest.mark.engine
@pytest.mark.parametrize("damping", ["bj", "zero"])
@pytest.mark.parametrize("functional", ["pbe", "pbesol", "revpbe", "rpbe", "tpss", "pbe0", "hse06"])
def test_lammps_computes_the_same(
    atoms: Atoms, tmp_path: Path, functional: str, damping: str
) -> None:
    d3 = PBE.model_copy(update={"functional": functional, "damping": damping})
    ours, theirs = correction(atoms, d3), lammps(atoms, d3, tmp_path)
    # The two convert from atomic units with constants that differ by 1e-6.
    assert theirs.energy == pytest.approx(ours.energy, rel=3e-6)
    assert theirs.forces == pytest.approx(ours.forces, abs=1e-6)
    assert theirs.virial == pytest.approx(ours.virial, abs=2e-5)


@pytest.mark.engine
def test_lammps_computes_the_same_with_large_cutoffs(atoms: Atoms, tmp_path: Path) -> None:
    far = PBE.model_copy(update={"cutoff": 30.0, "cn_cutoff": 20.0})
    ours, theirs = correction(atoms, far), lammps(atoms, far, tmp_path)
    assert theirs.energy == pytest.approx(ours.energy, rel=3e-6)
    assert theirs.forces == pytest.approx(ours.forces, abs=1e-6)


def lammps(atoms: Atoms, d3: D3, folder: Path) -> Correction:
    """The correction by ``pair_style dispersion/d3``, in the orientation of ``atoms``."""
    (folder / "start.data").write_text(data_file(atoms, ELEMENTS))
    (folder / "in.lammps").write_text(f"""\
units metal
atom_style atomic
newton on
boundary p p p
box tilt large
read_data start.data
pair_style dispersion/d3 {d3.damping} {d3.functional} {d3.cutoff} {d3.cn_cutoff}
pair_coeff * * {" ".join(ELEMENTS)}
neighbor 2.0 bin
neigh_modify one 20000 page 200000
thermo_style custom step pe pxx pyy pzz pxy pxz pyz vol
thermo_modify format float %.17g
dump forces all custom 1 forces.dump id fx fy fz
dump_modify forces sort id format float %.15g
run 0
""")
    program = find_program(LammpsOptions())
    done = subprocess.run(
        [*program.command, "-log", "none", "-in", "in.lammps"],
        cwd=folder,
        env=program.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    head = next(i for i, line in enumerate(lines) if line.split()[:2] == ["Step", "PotEng"])
    energy, xx, yy, zz, xy, xz, yz, volume = (float(word) for word in lines[head + 1].split()[1:])
    bars = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    rotation = RestrictedCell.of(atoms.cell.array).rotation
    forces = np.loadtxt(folder / "forces.dump", skiprows=9)[:, 1:]
    virial = bars * 1e-4 / EV_PER_A3_IN_GPA * volume
    return Correction(energy, forces @ rotation, rotation.T @ virial @ rotation)
