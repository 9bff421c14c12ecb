"""Melt-quench under published pair potentials: parameters, forces, and the glass that comes out."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.units import _e, _eps0
from matscipy.neighbours import neighbour_list
from pydantic import ValidationError
from scipy.special import erfc

from al_loop import stopping
from al_loop.campaign.quench import MeltQuench
from al_loop.errors import JobStopped
from al_loop.explore.lammps.options import LammpsOptions
from al_loop.explore.quench import (
    QuenchResult,
    collect_quench,
    legs_of,
    run_quench_job,
    stage_quench_job,
)
from al_loop.explore.quench.inputs import force_field, static_files
from al_loop.jobfolder import Clock, JobFolder
from al_loop.lammps.dump import read_dump
from al_loop.lammps.executable import find_program
from al_loop.pair_potentials import POTENTIALS, boron_strength, splice
from al_loop.structures import pack
from al_loop.units import density

COULOMB = _e / (4 * np.pi * _eps0) * 1e10  # eV Å
NEAR = {"O": 2.2, "Si": 1.5, "Na": 2.0, "B": 1.35, "Li": 1.8}


def box(formula: str, atoms: int, rho: float, *, seed: int = 1) -> Atoms:
    symbols = [s for s in NEAR if s in set(Atoms(formula).get_chemical_symbols())]
    apart = {
        "-".join(sorted((a, b))): NEAR[b if a == "O" else a] if "O" in (a, b) else 2.3
        for a in symbols
        for b in symbols
    }
    return pack(formula, atoms=atoms, density=rho, min_distance=apart, seed=seed)


def wish(**changes: object) -> MeltQuench:
    asked = {"formula": "SiO2", "atoms": 72, "density": 2.2, "potential": "bks"}
    return MeltQuench.model_validate({**asked, **changes})


def test_legs_cover_the_schedule_and_keep_what_is_asked_for() -> None:
    legs = legs_of(
        wish(
            melt={"temperature": 4000, "ps": 30},
            quench={"rate": 100, "to": 300},
            glass={"ps": 4},
            snapshots={"melt": 3, "path": 4, "glass": 2},
        )
    )
    steps = Counter[str]()
    for leg in legs:
        steps[leg.phase] += leg.steps
    assert steps == {"melt": 30_000, "path": 37_000, "glass": 4000}
    assert Counter(leg.phase for leg in legs if leg.keep) == {"melt": 3, "path": 4, "glass": 2}
    assert max(leg.steps for leg in legs) <= 10_000
    assert all(a.temperature[1] == pytest.approx(b.temperature[0]) for a, b in pairwise(legs))
    path = [leg.temperature[1] for leg in legs if leg.keep and leg.phase == "path"]
    assert path == pytest.approx([3260, 2520, 1780, 1040])
    for leg in (leg for leg in legs if leg.phase == "path"):
        assert (leg.temperature[0] - leg.temperature[1]) / (leg.steps * 1e-3) == pytest.approx(100)


@pytest.mark.parametrize("none", ["melt", "path", "glass"])
def test_a_phase_without_frames_is_run_all_the_same(none: str) -> None:
    legs = legs_of(wish(snapshots={none: 0}))
    assert not any(leg.keep for leg in legs if leg.phase == none)
    assert any(leg.phase == none for leg in legs)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"formula": "B2O3", "atoms": 50}, "bks has no parameters for B, .*take du-teter"),
        ({"formula": "SiO3"}, "has a charge of -1.2 e"),
        ({"formula": "Si"}, "there is no O"),
        ({"potential": "bsk"}, "no pair potential is called 'bsk'.*bks"),
        ({"quench": {"to": 5000}}, "quench.to must be below"),
        ({"snapshots": {"melt": 0, "path": 0, "glass": 0}}, "at least one frame"),
    ],
)
def test_what_cannot_be_done_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        wish(**changes)


def test_boron_has_the_strength_that_is_published() -> None:
    """npj Comput. Mater. 6, 25 (2020): 12362.78 eV for SiO2/B2O3 = 7/3 without modifier."""
    assert boron_strength(7 / 3, 0) == pytest.approx(12362.78, abs=0.01)
    below, above = boron_strength(1.0, 0.5625 - 1e-9), boron_strength(1.0, 0.5625 + 1e-9)
    assert above == pytest.approx(below, rel=1e-6)


@pytest.mark.parametrize(
    ("a", "rho", "c", "published"),
    [
        (13702.905, 0.193817, 54.681, (28.950, 3.932, -3.059, 1.168)),
        (2029.2204, 0.343645, 192.58, (46.462, 3.430, -0.32605, 1.906)),
        (4383.7555, 0.243838, 30.70, (48.264, 2.893, -4.730, 1.172)),
    ],
    ids=["Si-O", "O-O", "Na-O"],
)
def test_splice_is_the_published_one(
    a: float, rho: float, c: float, published: tuple[float, ...]
) -> None:
    """Table 1 of npj Comput. Mater. 6, 25 (2020), from the Buckingham parameters alone."""
    assert splice(a, rho, c) == pytest.approx(published, rel=0.02)


@pytest.mark.parametrize("name", sorted(POTENTIALS))
def test_forces_are_slopes_and_end_at_the_cutoff(name: str) -> None:
    potential = POTENTIALS[name]
    counts = {"O": 7, "B": 2, "Si": 2, "Na": 2}
    r = np.linspace(1.3, potential.cutoff - 0.01, 200)
    for symbol in potential.charges:
        short = potential.short_range(symbol, counts)
        slope = (short(r + 1e-5)[0] - short(r - 1e-5)[0]) / 2e-5
        np.testing.assert_allclose(short(r)[1], -slope, rtol=1e-4, atol=1e-5)
        assert abs(short(np.array([potential.cutoff]))[0][0]) < 1e-9


def test_bks_has_a_wall_where_it_would_turn_over() -> None:
    """Bare BKS falls into the nucleus below 1.194 Å (Si-O) and 1.438 Å (O-O)."""
    bks = POTENTIALS["bks"]
    r = np.linspace(0.6, 1.45, 200)
    for symbol, charge in (("Si", -2.88), ("O", 1.44)):
        force = bks.short_range(symbol, {})(r)[1] + charge * COULOMB / r**2
        assert (force[r < 1.3] > 0).all()


def pair_sum(atoms: Atoms, name: str) -> tuple[float, np.ndarray]:
    """Energy (without the constant self term) and forces, from the papers' formulas."""
    q = {"Si": 2.4, "Na": 0.6, "B": 1.8, "O": -1.2}
    alpha, reach = {"bks": (0.2, 10.0)}.get(name, (0.25, 8.0))
    charge = np.array([q[s] for s in atoms.get_chemical_symbols()])
    i, j, r, vector = neighbour_list("ijdD", atoms=atoms, cutoff=reach)
    slope = erfc(alpha * reach) / reach**2
    slope += 2 * alpha / np.sqrt(np.pi) * np.exp(-((alpha * reach) ** 2)) / reach
    energy = erfc(alpha * r) / r - erfc(alpha * reach) / reach + slope * (r - reach)
    force = erfc(alpha * r) / r**2 - slope
    force += 2 * alpha / np.sqrt(np.pi) * np.exp(-((alpha * r) ** 2)) / r
    qq = COULOMB * charge[i] * charge[j]
    energy, force = qq * energy, qq * force
    symbols = np.array(atoms.get_chemical_symbols())
    for symbol in set(symbols):
        here = ((symbols[i] == symbol) & (symbols[j] == "O")) | (
            (symbols[j] == symbol) & (symbols[i] == "O")
        )
        e, f = SHORT[name](symbol, r[here])
        energy[here] += e
        force[here] += f
    push = force[:, None] * vector / r[:, None]
    total = -np.stack([np.bincount(i, push[:, k], len(atoms)) for k in range(3)], axis=1)
    return float(energy.sum() / 2), total


def morse(symbol: str, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    d, a, r0, c = {
        "Si": (0.340554, 2.0067, 2.1, 1),
        "Na": (0.023363, 1.763867, 3.006315, 5),
        "O": (0.042395, 1.379316, 3.618701, 22),
    }[symbol]

    def v(x: np.ndarray | float) -> np.ndarray:
        return np.asarray(d * ((1 - np.exp(-a * (x - r0))) ** 2 - 1) + c / x**12)

    inside = r < 5.5
    slope = (v(r + 1e-6) - v(r - 1e-6)) / 2e-6
    return inside * (v(r) - v(5.5)), -slope * inside


def smoothed_bks(symbol: str, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b, c, eps, s = {
        "Si": (18003.7572, 4.87318, 133.5381, 0.003097948, 1.313635),
        "O": (1388.773, 2.76, 175.0, 0.00105105048, 1.779239),
    }[symbol]

    def v(x: np.ndarray) -> np.ndarray:
        x = np.minimum(x, 5.4999)
        bare = a * np.exp(-b * x) - c / x**6 + 4 * eps * ((s / x) ** 30 - (s / x) ** 6)
        return np.asarray(bare * np.exp(-0.05 / (x - 5.5) ** 2))

    inside = r < 5.5
    return inside * v(r), (v(r - 1e-6) - v(r + 1e-6)) / 2e-6 * inside


SHORT = {"pmmcs": morse, "bks": smoothed_bks}


def single_point(folder: Path, atoms: Atoms, name: str) -> tuple[float, np.ndarray]:
    """Energy and forces of the input that quenches are run with."""
    folder.mkdir()
    potential = POTENTIALS[name]
    for file, text in static_files(atoms, potential).items():
        (folder / file).write_text(text)
    script = (
        "units metal\natom_style charge\nboundary p p p\nbox tilt large\nread_data start.data\n"
        + force_field(atoms, potential)
        + "\nthermo_style custom step pe\nthermo_modify format float %.12g\nrun 0\n"
        'variable e equal pe\nprint "${e}" file energy.txt\n'
        "write_dump all custom f.dump id type x y z fx fy fz modify sort id format float %.15g\n"
    )
    (folder / "in").write_text(script)
    program = find_program(LammpsOptions())
    subprocess.run(
        [*program.command, "-in", "in"],
        cwd=folder,
        env=program.environment,
        check=True,
        capture_output=True,
        timeout=120,
    )
    with (folder / "f.dump").open() as stream:
        (snapshot,) = read_dump(stream)
    return float((folder / "energy.txt").read_text()), snapshot.forces


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "formula", "atoms", "rho"),
    [("pmmcs", "Na2Si2O5", 36, 2.49), ("bks", "SiO2", 36, 2.2)],
)
def test_lammps_has_the_energies_and_forces_of_the_papers(
    tmp_path: Path, name: str, formula: str, atoms: int, rho: float
) -> None:
    one = box(formula, atoms, rho)
    other = one.copy()
    other.positions += np.random.default_rng(3).normal(0, 0.05, (atoms, 3))
    got = [single_point(tmp_path / str(n), a, name) for n, a in enumerate((one, other))]
    wanted = [pair_sum(a, name) for a in (one, other)]
    for (_, forces), (_, true) in zip(got, wanted, strict=True):
        np.testing.assert_allclose(forces, true, atol=2e-3, rtol=1e-4)
    difference = wanted[1][0] - wanted[0][0]
    assert abs(difference) > 0.1
    assert got[1][0] - got[0][0] == pytest.approx(difference, abs=1e-3 + 1e-4 * abs(difference))


def put_up(folder: Path, asked: MeltQuench, start: Atoms) -> JobFolder:
    return stage_quench_job(
        folder,
        options=LammpsOptions(),
        box=start,
        potential=asked.potential,
        legs=legs_of(asked),
        timestep=asked.timestep,
        seed=7,
    )


def run(job: JobFolder) -> QuenchResult:
    with stopping.listening(job.path):
        run_quench_job(job, Clock())
    return collect_quench(job)


def fourfold(atoms: Atoms, cation: str, cutoff: float) -> float:
    symbols = np.array(atoms.get_chemical_symbols())
    i, j = neighbour_list("ij", atoms=atoms, cutoff=cutoff)
    bonds = np.bincount(i[symbols[j] == "O"], minlength=len(atoms))[symbols == cation]
    return float((bonds == 4).mean())


@pytest.mark.engine
def test_silica_becomes_a_glass_of_tetrahedra(tmp_path: Path) -> None:
    asked = wish(melt={"temperature": 4500, "ps": 4}, quench={"rate": 150, "to": 300})
    job = put_up(tmp_path, asked, box("SiO2", 72, 2.2))
    result = run(job)
    assert result.stop == "completed"
    assert [kept.phase for kept, _ in result.frames] == ["melt"] * 2 + ["path"] * 4 + ["glass"] * 2
    for _, atoms in result.frames:
        assert density(atoms) == pytest.approx(2.2, rel=1e-6)
        assert Counter(atoms.get_chemical_symbols()) == {"Si": 24, "O": 48}
    glass = result.frames[-1][1]
    assert fourfold(glass, "Si", 2.2) > 0.95
    i, j, r = neighbour_list("ijd", atoms=glass, cutoff=2.2)
    bonds = r[(glass.numbers[i] == 14) & (glass.numbers[j] == 8)]
    assert bonds.mean() == pytest.approx(1.61, abs=0.03)  # neutron diffraction: 1.61 Å
    assert not list(tmp_path.glob("leg-*"))


@pytest.mark.engine
@pytest.mark.parametrize("formula", ["Na2Si2O5", "Li4B6SiO13"])
def test_a_job_that_was_stopped_gives_the_same_frames(tmp_path: Path, formula: str) -> None:
    natoms = len(Atoms(formula)) * (4 if formula.startswith("Na") else 1)
    asked = wish(
        formula=formula,
        atoms=natoms,
        potential="du-teter",
        melt={"temperature": 3000, "ps": 1},
        quench={"rate": 2000},
        glass={"ps": 0.5},
        snapshots={"melt": 1, "path": 2, "glass": 1},
    )
    start = box(formula, natoms, 2.3)
    whole = run(put_up(tmp_path / "whole", asked, start))
    job = put_up(tmp_path / "stopped", asked, start)

    def ask() -> None:
        end = time.monotonic() + 60
        while not (job.path / "leg-0001.restart").exists() and time.monotonic() < end:
            time.sleep(0.005)
        stopping.request()

    asker = threading.Thread(target=ask)
    with pytest.raises(JobStopped), stopping.listening(job.path):
        asker.start()
        run_quench_job(job, Clock())
    asker.join()
    again = run(job)
    assert len(whole.frames) == len(again.frames) == 4
    for (_, one), (_, same) in zip(whole.frames, again.frames, strict=True):
        np.testing.assert_array_equal(one.positions, same.positions)
