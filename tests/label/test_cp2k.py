"""The CP2K labeller, with the real program: the contract, physics from elsewhere, its faults."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.units import Hartree, kcal, mol

from al_loop import stopping
from al_loop.errors import EngineCrashed, EngineMissing, JobStopped, PhysicsFault
from al_loop.frame import frame_hash
from al_loop.jobfolder import Clock
from al_loop.label import collect_labels, run_label_job, stage_label_job
from al_loop.label.cp2k import Cp2kLabeller, Cp2kOptions

from .contract import LabellerContract
from .structures import foreign_atom

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        shutil.which("cp2k.psmp") is None, reason="CP2K is not here: tests/system-packages"
    ),
]

CHEAP = {
    "cutoff": 200.0,
    "finer_grid": False,
    "basis": "SZV-MOLOPT-SR-GTH",
    "eps_default": 1.0e-10,
    "eps_scf": 1.0e-7,
    "restart": False,
}


def asked(**changes: object) -> Cp2kOptions:
    return Cp2kOptions.model_validate({**CHEAP, **changes})


LARGE_BASIS = asked(basis="TZV2P-MOLOPT-GTH", cutoff=300.0)


def hydrogen(seed: int = 7) -> Atoms:
    """Two molecules in a triclinic cell."""
    places = [(0.5, 0.5, 0.5), (1.0, 1.0, 0.7), (2.4, 2.5, 2.3), (2.9, 2.2, 2.8)]
    cell = np.array([(4.0, 0.3, 0.2), (0.1, 4.2, -0.3), (0.2, 0.4, 3.8)]) * 1.3
    atoms = Atoms("H4", positions=places, cell=cell, pbc=True)
    atoms.positions += np.random.default_rng(seed).normal(0, 0.04, (4, 3))
    return atoms


class TestCp2k(LabellerContract):
    engine = Cp2kLabeller
    options = asked()
    same_numbers = (asked(max_iterations=60),)
    other_numbers = (asked(functional="PBEsol"), asked(dispersion="d3-bj"), asked(cutoff=120.0))
    reference_options = LARGE_BASIS
    reference_tolerance = 0.05
    force_tolerance = 2e-4
    # Where an atom sits between the points of so coarse a grid matters.
    image_tolerances = (1e-2, 0.25, 0.1)

    def frame(self, seed: int = 7) -> Atoms:
        return hydrogen(seed)

    def foreign_frames(self) -> Mapping[str, Atoms]:
        return {"no such pseudopotential": foreign_atom("Pu")}

    def reference(self) -> tuple[Atoms, float]:
        """PBE binds H2 by 104.6 kcal/mol, and the atom has -0.49999 Ha (Kurth, Perdew, Blaha,
        Int. J. Quantum Chem. 75, 889 (1999)).
        """
        molecule = Atoms("H2", positions=[(0, 0, 0), (0.75, 0, 0)], cell=[7.0] * 3, pbc=True)
        return molecule, -2 * 0.49999 * Hartree - 104.6 * kcal / mol


def test_an_odd_number_of_electrons_is_spin_polarised(tmp_path: Path) -> None:
    """The PBE energy of the hydrogen atom: -0.49999 Ha; without spin it is 1 eV higher."""
    atom = Atoms("H", positions=[(1, 1, 1)], cell=[7.0] * 3, pbc=True)
    label = Cp2kLabeller(LARGE_BASIS).label(atom, tmp_path)
    assert label.energy == pytest.approx(-0.49999 * Hartree, abs=0.05)


def test_k_points_are_those_of_the_supercell_at_gamma(tmp_path: Path) -> None:
    cell = Atoms("H2", positions=[(0.4, 0.5, 0.6), (1.1, 0.7, 0.5)], cell=[3.6, 4.2, 4.6], pbc=True)
    dense = Cp2kLabeller(asked(solver="diagonalization", kpoints=(2, 1, 1)))
    unit = dense.label(cell, tmp_path)
    double = Cp2kLabeller(asked()).label(cell * (2, 1, 1), tmp_path)
    # Monkhorst and Pack's mesh of two points has no Γ: not the same sampling, but near
    gamma = Cp2kLabeller(asked()).label(cell, tmp_path)
    assert abs(2 * unit.energy - double.energy) < 0.5 * abs(2 * gamma.energy - double.energy)


def test_diagonalisation_finds_the_energy_of_ot(tmp_path: Path) -> None:
    by_ot = Cp2kLabeller(asked()).label(hydrogen(), tmp_path)
    other = Cp2kLabeller(asked(solver="diagonalization")).label(hydrogen(), tmp_path)
    assert other.energy == pytest.approx(by_ot.energy, abs=1e-6)
    np.testing.assert_allclose(other.forces, by_ot.forces, atol=1e-4)
    one = dict(Cp2kLabeller(asked()).fingerprint())
    assert one == dict(Cp2kLabeller(asked(solver="diagonalization")).fingerprint())


def test_d3_is_that_of_s_dftd3(tmp_path: Path) -> None:
    """Another program: Grimme's own. CP2K's differs from it by 1 % in energy and 10 % in forces of
    0.02 eV/Å here, and agrees with its own differences to 3 %.
    """
    from dftd3.interface import DispersionModel, RationalDampingParam

    atoms = hydrogen()
    bare = Cp2kLabeller(asked()).label(atoms, tmp_path)
    with_d3 = Cp2kLabeller(asked(dispersion="d3-bj")).label(atoms, tmp_path)
    bohr = 0.529177210903
    model = DispersionModel(
        atoms.numbers, atoms.positions / bohr, lattice=atoms.cell.array / bohr, periodic=atoms.pbc
    )
    found = model.get_dispersion(RationalDampingParam(method="pbe", atm=False), grad=True)
    energy = float(found["energy"]) * Hartree
    assert with_d3.energy - bare.energy == pytest.approx(energy, rel=2e-2)
    forces = -found["gradient"] * Hartree / bohr
    np.testing.assert_allclose(with_d3.forces - bare.forces, forces, atol=3e-3)
    assert with_d3.virial is not None and bare.virial is not None
    virial = -found["virial"] * Hartree
    np.testing.assert_allclose(with_d3.virial - bare.virial, virial, atol=5e-3)


# -- the orbitals of a neighbour


def test_orbitals_of_the_frame_before_save_steps_and_change_nothing(tmp_path: Path) -> None:
    near = hydrogen()
    near.positions += 0.02
    near.positions[0] += 0.03
    labeller = Cp2kLabeller(asked(restart=True))
    first = labeller.label(hydrogen(), tmp_path)
    second = labeller.label(near, tmp_path)
    alone = Cp2kLabeller(asked()).label(near, tmp_path)
    assert second.energy == pytest.approx(alone.energy, abs=1e-6)
    np.testing.assert_allclose(second.forces, alone.forces, atol=1e-4)

    def steps(note: str) -> int:
        return int(note.split(", ")[1].split()[0])

    assert steps(second.note) < steps(alone.note)
    assert steps(first.note) > 5
    assert labeller.label(foreign_atom("H"), tmp_path).energy < 0  # other atoms: from the beginning


def test_orbitals_that_lead_astray_are_forgotten(tmp_path: Path) -> None:
    labeller = Cp2kLabeller(asked(restart=True))
    labeller._orbitals = hydrogen().numbers.tolist(), b"no orbitals at all"
    label = labeller.label(hydrogen(), tmp_path)
    assert label.energy == pytest.approx(
        Cp2kLabeller(asked()).label(hydrogen(), tmp_path).energy, abs=1e-6
    )


# -- faults


def test_an_scf_that_does_not_converge_has_failed_and_its_files_stay(tmp_path: Path) -> None:
    labeller = Cp2kLabeller(asked(solver="diagonalization", max_iterations=10, eps_scf=1e-13))
    with pytest.raises(PhysicsFault) as caught:
        labeller.label(hydrogen(), tmp_path)
    assert caught.value.reason == "scf-not-converged"
    assert "SCF" in (tmp_path / "cp2k" / "cp2k.out").read_text()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"command": "no-such-cp2k"}, "'no-such-cp2k' is not installed"),
        ({"command": "true"}, "does not say that it is CP2K"),
        ({"basis": "NO-SUCH-BASIS"}, "no entry of NO-SUCH-BASIS"),
        ({"potential_file": "/no/such/file"}, "data file /no/such/file is not installed"),
    ],
)
def test_what_is_missing_is_named_before_anything_runs(
    changes: dict[str, object], words: str
) -> None:
    with pytest.raises(EngineMissing, match=words) as caught:
        Cp2kLabeller(asked(**changes)).check()
    assert caught.value.remedy


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[str]:
    """A program that says that it is CP2K and then says nothing."""
    program = tmp_path / "silent"
    program.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && { echo " CP2K version 2023.1"; exit; }\n'
        f"echo $$ > {tmp_path}/pid\nexec sleep 60\n"
    )
    program.chmod(0o755)
    yield str(program)


def test_a_cp2k_that_is_silent_for_too_long_is_ended(silent: str, tmp_path: Path) -> None:
    with pytest.raises(EngineCrashed, match="silent"):
        Cp2kLabeller(asked(command=silent, frozen_after=0.5)).label(hydrogen(), tmp_path / "s")
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_request_to_stop_ends_cp2k_and_is_no_failure(silent: str, tmp_path: Path) -> None:
    with stopping.listening(tmp_path):
        threading.Timer(0.5, stopping.request).start()
        begun = time.monotonic()
        with pytest.raises(JobStopped):
            Cp2kLabeller(asked(command=silent)).label(hydrogen(), tmp_path / "s")
    assert time.monotonic() - begun < 10
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_killed_cp2k_is_the_machines_fault_and_the_frame_is_tried_again(tmp_path: Path) -> None:
    program = tmp_path / "dies"
    program.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && { echo " CP2K version 2023.1"; exit; }\nkill -9 $$\n'
    )
    program.chmod(0o755)
    with pytest.raises(EngineCrashed, match=signal.Signals.SIGKILL.name):
        Cp2kLabeller(asked(command=str(program))).label(hydrogen(), tmp_path / "s")


def test_a_chunk_keeps_compressed_files_if_asked(tmp_path: Path) -> None:
    name = frame_hash(hydrogen())
    options = asked(keep="compressed", threads=2, command="env cp2k.psmp")
    folder = stage_label_job(
        tmp_path / "job", engine="cp2k", options=options, frames={name: hydrogen()}
    )
    with folder.lock():
        run_label_job(folder, Clock())
    (outcome,) = collect_labels(folder)
    assert outcome.state == "ok" and "SCF steps" in outcome.detail
    kept = {path.name for path in (folder.path / "raw" / name).iterdir()}
    assert kept == {"cp2k.inp.gz", "cp2k.out.gz"}
    assert not (folder.path / "scratch").exists()
