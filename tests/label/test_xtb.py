"""The xTB labeller: the contract, tblite's own reference values, its words for its faults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop.errors import PhysicsFault
from al_loop.label.xtb import XtbLabeller, XtbOptions
from al_loop.label.xtb.faults import fault_from

from .contract import LabellerContract
from .structures import cristobalite, foreign_atom


def carbon_dioxide() -> Atoms:
    """The crystal of tblite's own test of GFN1-xTB in three dimensions (test_gfn1_xtb_3d)."""
    positions = [
        (0.9441259872, 0.9437851680, 0.9543505632),
        (3.7179966528, 0.9556570368, 3.7316862240),
        (3.7159517376, 3.7149292800, 0.9692330016),
        (0.9529872864, 3.7220864832, 3.7296981120),
        (1.6213905408, 1.6190616096, 1.6313879040),
        (0.2656685664, 0.2694175776, 0.2776540416),
        (4.3914553920, 1.6346256864, 3.0545920000),
        (3.0440834880, 0.2764611744, 4.4080419264),
        (4.3910577696, 3.0416409504, 0.2881058304),
        (3.0399936576, 4.3879335936, 1.6497353376),
        (0.2741322432, 4.4003734944, 3.0573754368),
        (1.6312174944, 3.0434586528, 4.4023048032),
    ]
    return Atoms("C4O8", positions=positions, cell=[5.68032] * 3, pbc=True)


@pytest.mark.engine
class TestXtb(LabellerContract):
    engine = XtbLabeller
    options = XtbOptions()
    same_numbers = (XtbOptions(max_iterations=400),)
    other_numbers = (
        XtbOptions(method="GFN2-xTB"),
        XtbOptions(electronic_temperature=6000.0),
        XtbOptions(accuracy=0.001),
    )
    # tblite cuts its lattice sums off by distance: energies of equivalent frames differ by some
    # 1e-5 eV/atom, and slopes by finite differences by what that makes of them.
    reference_tolerance = 1e-4
    energy_tolerance = 3e-4
    force_tolerance = 5e-4
    virial_tolerance = 5e-3

    def reference(self) -> tuple[Atoms, float]:
        return carbon_dioxide(), -1256.958705929313

    def foreign_frames(self) -> Mapping[str, Atoms]:
        return {"element beyond radon": foreign_atom("U")}


@pytest.mark.engine
def test_forces_and_virial_have_the_units_of_tblites_reference(tmp_path: Path) -> None:
    label = XtbLabeller(XtbOptions()).label(carbon_dioxide(), tmp_path)
    np.testing.assert_allclose(label.forces[0], (-0.07360394, -0.05603834, -0.06036344), atol=1e-4)
    np.testing.assert_allclose(label.forces[4], (-1.91909901, -1.91825110, -1.92230737), atol=1e-4)
    assert label.virial is not None
    stress = -label.virial / 5.68032**3
    np.testing.assert_allclose(np.diag(stress), (5.926417e-2, 5.926161e-2, 5.932100e-2), atol=1e-5)


@pytest.mark.engine
def test_gfn2_has_a_periodic_virial(tmp_path: Path) -> None:
    """Along one random symmetric strain: GFN2 takes many SCF cycles."""
    atoms = cristobalite(cubic=False, seed=4)
    labeller = XtbLabeller(XtbOptions(method="GFN2-xTB"))
    virial = labeller.label(atoms, tmp_path).virial
    assert virial is not None
    strain = np.array([[1.0, 0.3, 0.2], [0.3, -0.5, 0.4], [0.2, 0.4, 0.7]])
    energies = []
    for sign in (1.0, -1.0):
        strained = atoms.copy()
        deformation = np.eye(3) + sign * 2.5e-4 * strain
        strained.set_cell(strained.cell.array @ deformation, scale_atoms=True)
        energies.append(labeller.label(strained, tmp_path).energy)
    slope = (energies[0] - energies[1]) / 5e-4
    assert float(np.sum(virial * strain)) == pytest.approx(-slope, abs=5e-3)


@pytest.mark.engine
def test_scf_that_does_not_converge_says_so_and_prints_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    labeller = XtbLabeller(XtbOptions(max_iterations=2))
    with pytest.raises(PhysicsFault) as caught:
        labeller.label(cristobalite(cubic=False, seed=1), tmp_path)
    assert caught.value.reason == "scf-not-converged"
    assert "max_iterations" in caught.value.remedy
    assert capfd.readouterr() == ("", "")


@pytest.mark.engine
def test_a_label_is_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    XtbLabeller(XtbOptions()).label(cristobalite(cubic=False, seed=1), tmp_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("SCF not converged in 250 cycles", "scf-not-converged"),
        ("Too close interatomic distances found", "atoms-too-close"),
        ("No support for elements with Z >86.", "unknown-element"),
        ("(sygvd) failed to solve eigenvalue problem. info=10", "eigenvalue-problem"),
        ("something new", "tblite-failed"),
    ],
)
def test_messages_of_tblite_become_reasons(message: str, reason: str) -> None:
    fault = fault_from(message)
    assert (fault.reason, fault.what) == (reason, message)
    assert fault.remedy


def test_options_out_of_range_are_refused() -> None:
    for values in ({"accuracy": 0}, {"electronic_temperature": -1}, {"max_iterations": 0}):
        with pytest.raises(ValueError, match=next(iter(values))):
            XtbOptions.model_validate(values)
