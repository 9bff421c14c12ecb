"""VASP's results, read from real files where they lie beside the clone, and from damaged ones.

The real files are test data of dpdata and custodian: see the README beside them.
"""

from __future__ import annotations

import re
from pathlib import Path

import dpdata
import numpy as np
import pytest

from al_loop.errors import PhysicsFault
from al_loop.label.vasp.faults import REMEDIES, reason_of
from al_loop.label.vasp.parse import (
    SinglePoint,
    Unreadable,
    check_single_point,
    read_outcar,
    read_vasprun,
)
from al_loop.units import virial_from_stress

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "vasp-outputs"

needs_real_files = pytest.mark.skipif(
    not REAL.is_dir(), reason="no real output of VASP lies beside the clone"
)

VASPRUNS = (
    "Ti-O-Ti-v6/vasprun.xml",
    "vasprun.Ge.vdw.xml",
    "vasprun.h2o.md.10.xml",
    "vasprun.h2o.md.novirial.xml",
)
OUTCARS = {  # version, converged, ended: as one reads them in the files
    "Ti-O-Ti-v6/OUTCAR": ("6.3.0", True, True),
    "OUTCAR.Ge.vdw": ("5.4.4.18Apr17-6-g9f103f2a35", True, True),
    "OUTCAR.ch4.unconverged": ("5.4.4.18Apr17-6-g9f103f2a35", False, True),
    "OUTCAR.h2o.md.10": ("5.4.4.18Apr17-6-g9f103f2a35", True, True),
    "faults/large_cell_real_optlay/OUTCAR": ("5.3.5", False, False),
}


@needs_real_files
@pytest.mark.parametrize("name", VASPRUNS)
def test_a_real_vasprun_is_read_as_dpdata_reads_it(name: str) -> None:
    """Energy, forces and virial of the last step; dpdata turns the cell, which is undone here."""
    found = read_vasprun(REAL / name)
    theirs = dpdata.LabeledSystem(str(REAL / name), fmt="vasp/xml")
    turn = np.linalg.solve(found.cell, theirs["cells"][-1])
    assert found.free_energy == theirs["energies"][-1]
    assert np.abs(found.forces @ turn - theirs["forces"][-1]).max() < 1e-6
    symbols = [theirs["atom_names"][kind] for kind in theirs["atom_types"]]
    assert len(symbols) == len(found.numbers)
    assert ("virials" in theirs.data) == (found.stress is not None)
    if found.stress is not None:
        virial = virial_from_stress(found.stress, float(np.linalg.det(found.cell)))
        assert np.abs(turn.T @ virial @ turn - theirs["virials"][-1]).max() < 1e-4
    assert found.converged


@needs_real_files
def test_the_three_energies_are_those_of_the_outcar() -> None:
    """VASP 5 names them wrongly at the end of its vasprun.xml."""
    files = {"Ti-O-Ti-v6/vasprun.xml": "Ti-O-Ti-v6/OUTCAR", "vasprun.Ge.vdw.xml": "OUTCAR.Ge.vdw"}
    for vasprun, outcar in files.items():
        text = (REAL / outcar).read_text()
        free = re.findall(r"free  energy +TOTEN += +(\S+)", text)[-1]
        both = r"energy +without entropy *= +(\S+) +energy\(sigma->0\) *= +(\S+)"
        without, sigma_0 = re.findall(both, text)[-1]
        found = read_vasprun(REAL / vasprun)
        assert found.free_energy == pytest.approx(float(free), abs=1e-7)
        assert found.energy_without_entropy == pytest.approx(float(without), abs=1e-7)
        assert found.energy_sigma_0 == pytest.approx(float(sigma_0), abs=1e-7)


@needs_real_files
@pytest.mark.parametrize("name", OUTCARS)
def test_a_real_outcar_tells_how_the_run_went(name: str) -> None:
    found = read_outcar((REAL / name).read_text(errors="replace"))
    assert (found.version, found.converged, found.ended) == OUTCARS[name]


@needs_real_files
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.999])
def test_a_truncated_vasprun_is_unreadable_wherever_it_ends(share: float, tmp_path: Path) -> None:
    whole = (REAL / "Ti-O-Ti-v6" / "vasprun.xml").read_text()
    file = tmp_path / "vasprun.xml"
    file.write_text(whole[: int(share * len(whole))])
    with pytest.raises(Unreadable, match=r"vasprun\.xml"):
        read_vasprun(file)


@needs_real_files
def test_a_truncated_outcar_has_not_ended() -> None:
    text = (REAL / "OUTCAR.Ge.vdw").read_text()
    assert not read_outcar(text[: text.index("General timing")]).ended
    assert not read_outcar(text[: text.index("aborting loop")]).converged


@needs_real_files
@pytest.mark.parametrize("words", ["             NaN", "****************"])
def test_forces_that_are_no_numbers_are_a_fault(words: str, tmp_path: Path) -> None:
    whole = (REAL / "Ti-O-Ti-v6" / "vasprun.xml").read_text()
    start = whole.index('<varray name="forces"')
    first = re.search(r"<v>\s+\S+", whole[start:])
    assert first is not None
    file = tmp_path / "vasprun.xml"
    file.write_text(whole[:start] + whole[start:].replace(first[0], f"<v>{words}", 1))
    found = read_vasprun(file)
    assert not np.isfinite(found.forces).all()
    assert fault_of_checking(found) == "not-finite"


@needs_real_files
def test_missing_stress_another_cell_and_other_atoms_are_faults() -> None:
    found = read_vasprun(REAL / "vasprun.h2o.md.novirial.xml")
    assert fault_of_checking(found) == "stress-missing"
    whole = read_vasprun(REAL / "Ti-O-Ti-v6" / "vasprun.xml")
    assert fault_of_checking(whole) is None
    assert fault_of_checking(whole, cell=whole.cell * 1.001) == "other-frame"
    assert fault_of_checking(whole, numbers=whole.numbers[::-1] * 2) == "other-frame"
    assert fault_of_checking(whole, outcar="OUTCAR.ch4.unconverged") == "scf-not-converged"


def fault_of_checking(
    found: SinglePoint, *, outcar: str = "Ti-O-Ti-v6/OUTCAR", **sent: np.ndarray
) -> str | None:
    """Reason for which a result is refused; it was sent as it came back, but for ``sent``."""
    wanted = {"numbers": found.numbers, "cell": found.cell, **sent}
    try:
        check_single_point(found, read_outcar((REAL / outcar).read_text()), **wanted)
    except PhysicsFault as fault:
        return fault.reason
    return None


REAL_WORDS = {
    "faults/zpotrf/vasp.out": "zpotrf",
    "faults/large_cell_real_optlay/vasp.out": "real_optlay",
    "faults/poscar_error/vasp.out": "rot_matrix",
    "faults/std_err.txt.oom": "out_of_memory",
    "faults/std_err.txt.kpoints_trans": "kpoints_trans",
}


@needs_real_files
@pytest.mark.engine
@pytest.mark.parametrize("name", REAL_WORDS)
def test_real_last_words_end_as_custodian_and_we_name_them(name: str, tmp_path: Path) -> None:
    from custodian.vasp.handlers import StdErrHandler, VaspErrorHandler

    (tmp_path / "INCAR").write_text("ENCUT = 500\nISYM = 0\n")
    handler = (StdErrHandler if "std_err" in name else VaspErrorHandler)(str(REAL / name))
    assert handler.check(str(tmp_path))
    assert handler.errors == {REAL_WORDS[name]}
    expected = {"zpotrf": "eigenvalue-problem", "out_of_memory": None}
    reason = reason_of(handler.errors, "")
    assert reason == expected.get(REAL_WORDS[name], "vasp-failed")


def test_every_error_that_custodian_knows_has_a_reason_with_a_remedy() -> None:
    from custodian.vasp.handlers import StdErrHandler, VaspErrorHandler

    for error in {*VaspErrorHandler.error_msgs, *StdErrHandler.error_msgs, "Unconverged"}:
        reason = reason_of({error}, "")
        assert reason is None or reason in REMEDIES, error
