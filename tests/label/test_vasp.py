"""The VASP labeller under its contract, and every way in which VASP fails.

VASP is proprietary: ``vasp_std`` beside this file stands in for it, with numbers by xTB. custodian,
pymatgen, the process and the files are real.
"""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Mapping
from pathlib import Path

import dpdata
import numpy as np
import pytest
from ase import Atoms
from ase.units import kB
from pymatgen.io.vasp.outputs import Oszicar, Outcar, Vasprun

from al_loop import stopping
from al_loop.errors import EngineCrashed, EngineMissing, JobStopped, PhysicsFault
from al_loop.frame import frame_hash
from al_loop.jobfolder import Clock
from al_loop.label import Label, collect_labels, run_label_job, stage_label_job
from al_loop.label.vasp import VaspLabeller, VaspOptions
from al_loop.label.xtb import XtbLabeller, XtbOptions
from al_loop.taxonomy import FAULTS, diagnose

from .contract import LabellerContract
from .structures import cristobalite, foreign_atom
from .vasp_setup import COMMAND, POTCARS, SECRET, write_library

pytestmark = pytest.mark.engine


@pytest.fixture(autouse=True)
def library(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = write_library(tmp_path_factory.mktemp("psp"))
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(root))
    return root


def asked(command: str = "", **others: object) -> VaspOptions:
    values = {"potcars": POTCARS, "command": f"{COMMAND} {command}", "max_iterations": 20, **others}
    return VaspOptions.model_validate(values)


def frame() -> Atoms:
    return cristobalite(cubic=False, seed=7)


def by_xtb(atoms: Atoms, folder: Path) -> Label:
    """The numbers of the stand-in, straight from tblite."""
    return XtbLabeller(XtbOptions(electronic_temperature=0.05 / kB)).label(atoms, folder)


class TestVasp(LabellerContract):
    engine = VaspLabeller
    options = asked()
    same_numbers = (
        asked(incar={"NCORE": 4, "ALGO": "Fast"}),
        asked("--cycles 5", cores=4, max_iterations=30),
    )
    other_numbers = (asked(sigma=0.5), asked(functional="SCAN"))
    # As for xTB, whose numbers these are, written with eight decimals.
    reference_tolerance = 1e-4
    energy_tolerance = 3e-4
    force_tolerance = 5e-4
    virial_tolerance = 5e-3

    def reference(self) -> tuple[Atoms, float]:
        cell = cristobalite(cubic=False, seed=3)
        return cell, by_xtb(cell, Path()).energy

    def foreign_frames(self) -> Mapping[str, Atoms]:
        return {"element without a POTCAR": foreign_atom("U")}


def test_units_signs_and_order_of_atoms_survive_the_files(tmp_path: Path) -> None:
    """A left-handed cell with mixed atoms: VASP sees it turned and sorted."""
    atoms = frame()[[2, 0, 3, 1, 5, 4]]
    atoms.set_cell(atoms.cell.array[[1, 0, 2]])
    assert np.linalg.det(atoms.cell.array) < 0
    label, expected = VaspLabeller(asked()).label(atoms, tmp_path), by_xtb(atoms, tmp_path)
    assert label.energy == pytest.approx(expected.energy, abs=1e-4)
    assert np.abs(label.forces - expected.forces).max() < 1e-5
    assert label.virial is not None
    assert expected.virial is not None
    assert np.abs(label.virial - expected.virial).max() < 1e-5


def test_all_three_energies_are_kept(tmp_path: Path) -> None:
    label = VaspLabeller(asked()).label(frame(), tmp_path)
    assert f"energy without entropy {label.energy + 0.006:.8f} eV" in label.note
    assert f"for sigma -> 0 {label.energy + 0.003:.8f} eV" in label.note
    assert label.corrections == ()


# -- what custodian mends

MENDED = {
    "zbrent": "EDIFF = 1e-07",
    "edddav": "ALGO = All",
    "brmix": "ISTART = 1",
    "nonconv": "ALGO = All",
}


@pytest.mark.parametrize("failure", MENDED)
def test_a_fault_that_custodian_mends_gives_the_same_label_and_is_told(
    failure: str, tmp_path: Path
) -> None:
    label = VaspLabeller(asked(f"--fail {failure} --times 1")).label(frame(), tmp_path)
    (correction,) = label.corrections
    assert correction.startswith("custodian: ") and MENDED[failure] in correction
    undisturbed = VaspLabeller(asked()).label(frame(), tmp_path)
    assert label.energy == undisturbed.energy
    assert (label.forces == undisturbed.forces).all()


CHANGED = {
    "smearing": ("tet", {"sigma": 0.2}, "SIGMA 0.2 -> 0.05"),
    "kind of smearing": ("tet", {"smearing": "fermi"}, "ISMEAR -1 -> 0"),
    "projectors": ("real_optlay", {"incar": {"LREAL": "Auto"}}, "LREAL Auto -> False"),
    "mesh": ("brmix", {"kpoints": (2, 2, 2)}, "k-points (2, 2, 2) G -> (2, 2, 2) M"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_a_correction_that_changes_the_method_makes_no_label(what: str, tmp_path: Path) -> None:
    """VASP would succeed after it. (BRMIX is first met by a new start and other mixing.)"""
    failure, settings, words = CHANGED[what]
    times = 3 if failure == "brmix" else 1
    labeller = VaspLabeller(asked(f"--fail {failure} --times {times}", **settings))
    with pytest.raises(PhysicsFault) as caught:
        labeller.label(frame(), tmp_path)
    assert caught.value.reason == "method-changed"
    assert words in caught.value.what
    assert failure in caught.value.what
    assert (tmp_path / "vasp" / "attempts").read_text() == str(times)


# -- what nothing mends

NO_LABEL = {
    "zbrent": "vasp-failed",
    "edddav": "eigenvalue-problem",
    "zpotrf": "eigenvalue-problem",
    "nonconv": "scf-not-converged",
    "brmix": "charge-mixing-failed",
    "refuse": "vasp-refused-input",
    "nan": "not-finite",
    "no-stress": "stress-missing",
    "other-cell": "other-frame",
}


@pytest.mark.parametrize("failure", NO_LABEL)
def test_a_fault_of_the_frame_is_a_reason(failure: str, tmp_path: Path) -> None:
    with pytest.raises(PhysicsFault) as caught:
        VaspLabeller(asked(f"--fail {failure}")).label(frame(), tmp_path)
    assert caught.value.reason == NO_LABEL[failure]
    assert caught.value.reason in FAULTS
    assert caught.value.remedy


CRASHES = {"killed": "killed", "oom": "out-of-memory", "short-outcar": "engine-crashed"}


@pytest.mark.parametrize("failure", CRASHES)
def test_a_fault_of_the_machine_fails_the_job_with_vasps_last_words(
    failure: str, tmp_path: Path
) -> None:
    with pytest.raises(EngineCrashed) as caught:
        VaspLabeller(asked(f"--fail {failure}")).label(frame(), tmp_path)
    assert diagnose(str(caught.value)) == CRASHES[failure]
    assert "entering main loop" in str(caught.value)


def test_scf_that_needs_its_last_cycle_has_failed_although_vasp_says_it_is_done(
    tmp_path: Path,
) -> None:
    with pytest.raises(PhysicsFault) as caught:
        VaspLabeller(asked("--cycles 20")).label(frame(), tmp_path)
    assert caught.value.reason == "scf-not-converged"


def test_another_version_of_vasp_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineMissing, match=r"is 6\.4\.2") as caught:
        VaspLabeller(asked(version="6.3")).label(frame(), tmp_path)
    assert diagnose(str(caught.value)) == "engine-missing"


def test_a_command_that_is_not_there_is_missing() -> None:
    with pytest.raises(EngineMissing, match="no-such-vasp"):
        VaspLabeller(VaspOptions(potcars=POTCARS, command="no-such-vasp")).check()


# -- stopping


def test_a_stop_request_reaches_vasp_as_stopcar_and_ends_the_job(tmp_path: Path) -> None:
    """The stand-in would go on for minutes; it obeys STOPCAR, and was not killed.

    It runs in the process group of the job: who kills that (walltime) kills VASP as well.
    """
    settings = asked("--cycles 1000 --pause 0.2", max_iterations=2000)
    folder = stage_label_job(
        tmp_path / "job", engine="vasp", options=settings, frames={frame_hash(frame()): frame()}
    )
    run = folder.path / "scratch" / frame_hash(frame()) / "vasp"

    def stop_when_it_runs(ended: threading.Event) -> None:
        while not ended.wait(0.05):
            if "DAV:   2" in _text(run / "OSZICAR"):
                stopping.request()
                return

    ended = threading.Event()
    with folder.lock(), stopping.listening(folder.path):
        watcher = threading.Thread(target=stop_when_it_runs, args=(ended,))
        watcher.start()
        with pytest.raises(JobStopped):
            run_label_job(folder, Clock())
        ended.set()
        watcher.join()
    assert "hard stop encountered" in _text(run / "vasp.out")
    assert _text(run / "group") == str(os.getpgrp())
    assert not (run / "POTCAR").exists()
    assert not any((folder.path / "labels").iterdir())


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


# -- what stays on disk


@pytest.mark.parametrize("keep", ["nothing", "compressed"])
def test_raw_output_is_kept_or_dropped_as_asked_and_potcars_never_stay(
    keep: str, tmp_path: Path
) -> None:
    name = frame_hash(frame())
    settings = asked("--fail edddav --times 1", keep=keep)
    folder = stage_label_job(
        tmp_path / "job", engine="vasp", options=settings, frames={name: frame()}
    )
    with folder.lock():
        run_label_job(folder, Clock())
    (outcome,) = collect_labels(folder)
    assert (outcome.state, outcome.reason) == ("ok", "")
    assert outcome.label is not None
    assert outcome.label.corrections[0].startswith("custodian: edddav")
    kept = {path.name for path in (folder.path / "raw" / name).glob("*")}
    wanted = {"INCAR.gz", "OUTCAR.gz", "vasprun.xml.gz", "OSZICAR.gz", "error.1.tar.gz"}
    assert (kept >= wanted) if keep == "compressed" else not kept
    if keep == "compressed":
        raw = folder.path / "raw" / name / "vasprun.xml.gz"
        assert Vasprun(raw, parse_potcar_file=False).final_energy == pytest.approx(
            outcome.label.energy + 0.003 if outcome.label else 0.0, abs=1e-6
        )
    assert not any(SECRET.encode() in path.read_bytes() for path in _files(tmp_path))


@pytest.mark.parametrize("failure", ["zpotrf", "killed", "nonconv"])
def test_no_potcar_is_left_or_shown_after_a_failure(failure: str, tmp_path: Path) -> None:
    with pytest.raises((PhysicsFault, EngineCrashed)) as caught:
        VaspLabeller(asked(f"--fail {failure}")).label(frame(), tmp_path)
    assert SECRET not in str(caught.value)
    assert (tmp_path / "vasp" / "vasp.out").exists()
    assert not any(SECRET.encode() in path.read_bytes() for path in _files(tmp_path))


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


# -- the stand-in itself


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_dpdata_and_pymatgen_read_what_the_stand_in_writes(tmp_path: Path) -> None:
    label = VaspLabeller(asked(keep="compressed")).label(frame(), tmp_path)
    kept = tmp_path / "kept"
    for name in ("OUTCAR", "vasprun.xml", "OSZICAR"):
        with gzip.open(kept / f"{name}.gz") as stream:
            (tmp_path / name).write_bytes(stream.read())
    order = np.argsort(frame().get_chemical_symbols(), kind="stable")
    cell = frame().cell.array
    for name, fmt, error in (("vasprun.xml", "vasp/xml", 1e-6), ("OUTCAR", "vasp/outcar", 2e-4)):
        system = dpdata.LabeledSystem(str(tmp_path / name), fmt=fmt)
        turn = np.linalg.solve(cell, system["cells"][0])  # dpdata turns the cell
        assert len(system) == 1
        assert system["energies"][0] == pytest.approx(label.energy, abs=1e-6)
        assert np.abs(system["forces"][0] - label.forces[order] @ turn).max() < error
        assert np.abs(system["virials"][0] - turn.T @ label.virial @ turn).max() < error
    run, outcar = Vasprun(tmp_path / "vasprun.xml"), Outcar(tmp_path / "OUTCAR")
    assert run.converged
    assert outcar.final_fr_energy == pytest.approx(label.energy, abs=1e-6)
    assert Oszicar(tmp_path / "OSZICAR").final_energy == pytest.approx(label.energy, abs=0.01)
