"""Any ASE calculator: the contract on ASE's own Lennard-Jones, GFN1-xTB both ways, and faults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator, SCFError, all_changes
from pydantic import ValidationError

from al_loop.errors import EngineCrashed, EngineMissing, PhysicsFault
from al_loop.label.ase_calculator import AseLabeller, AseLabelOptions
from al_loop.label.xtb import XtbLabeller, XtbOptions

from .contract import LabellerContract
from .structures import cristobalite

LJ = "ase.calculators.lj:LennardJones"
ARGON = {"sigma": 1.4, "epsilon": 0.3, "rc": 6.0, "ro": 4.0, "smooth": True}


def lj(**changed: object) -> AseLabelOptions:
    return AseLabelOptions.model_validate(
        {"calculator": LJ, "arguments": {**ARGON, **changed}, "other_arguments": {}}
    )


class TestAse(LabellerContract):
    engine = AseLabeller
    options = lj()
    same_numbers = (lj().model_copy(update={"cores": 4}),)
    other_numbers = (lj(epsilon=0.31), lj(rc=6.5))
    energy_tolerance = 1e-9
    force_tolerance = 1e-4
    virial_tolerance = 2e-3
    reference_tolerance = 1e-9
    step = 1e-4

    def reference(self) -> tuple[Atoms, float]:
        """Two atoms closer than where the smoothing begins: the formula itself."""
        atoms = Atoms("SiO", positions=[(0, 0, 0), (1.7, 0, 0)], cell=[30] * 3, pbc=True)
        x6 = (1.4 / 1.7) ** 6
        return atoms, 4 * 0.3 * (x6**2 - x6)

    def foreign_frames(self) -> Mapping[str, Atoms]:
        close = Atoms("SiO", positions=[(0, 0, 0), (0.3, 0, 0)], cell=[9] * 3, pbc=True)
        return {"atoms inside one another": close}


@pytest.mark.engine
def test_gfn1_xtb_by_its_ase_calculator_is_that_of_the_xtb_engine(tmp_path: Path) -> None:
    atoms = cristobalite(cubic=True, seed=3)
    options = AseLabelOptions(
        calculator="tblite.ase:TBLite",
        arguments={"method": "GFN1-xTB"},
        other_arguments={"verbosity": 0},
    )
    label = AseLabeller(options).label(atoms, tmp_path)
    ours = XtbLabeller(XtbOptions()).label(atoms, tmp_path)
    assert label.energy == pytest.approx(ours.energy, abs=1e-4)
    np.testing.assert_allclose(label.forces, ours.forces, atol=1e-4)
    assert label.virial is not None
    assert ours.virial is not None
    np.testing.assert_allclose(label.virial, ours.virial, atol=2e-3)


class Failing(Calculator):  # type: ignore[misc]  # ASE is not typed
    """Fails as it is told to; without it has forces and no stress."""

    implemented_properties = ("energy", "forces")

    def __init__(self, how: str = "") -> None:
        super().__init__()
        self.how = how

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: tuple[str, ...] = ("energy",),
        system_changes: list[str] = all_changes,
    ) -> None:
        super().calculate(atoms, properties, system_changes)
        if self.how:
            raise SCFError("no convergence in 60 cycles")
        self.results = {"energy": -1.0, "forces": np.zeros((len(self.atoms), 3))}


def not_a_calculator() -> str:
    return "a word"


def options_of(name: str, **else_: object) -> AseLabelOptions:
    return AseLabelOptions.model_validate({"calculator": f"{__name__}:{name}", **else_})


def test_scf_without_convergence_is_the_frames_fault(tmp_path: Path) -> None:
    with pytest.raises(PhysicsFault) as caught:
        AseLabeller(options_of("Failing", arguments={"how": "scf"})).label(
            cristobalite(cubic=False, seed=1), tmp_path
        )
    assert caught.value.reason == "scf-not-converged"


def test_a_calculator_without_stress_says_what_to_do(tmp_path: Path) -> None:
    atoms = cristobalite(cubic=False, seed=1)
    with pytest.raises(EngineCrashed, match="virial: false"):
        AseLabeller(options_of("Failing")).label(atoms, tmp_path)
    label = AseLabeller(options_of("Failing", virial=False)).label(atoms, tmp_path)
    assert (label.energy, label.virial) == (-1.0, None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (AseLabelOptions(calculator="no_such_module:Calc"), "cannot be imported"),
        (AseLabelOptions(calculator="ase.calculators.lj:LenardJones"), "cannot be imported"),
        (options_of("Failing", arguments={"sigma": 1}), "sigma"),
        (options_of("not_a_calculator"), "not an ASE calculator"),
    ],
)
def test_what_is_no_calculator_is_found_by_the_check(options: AseLabelOptions, words: str) -> None:
    with pytest.raises(EngineMissing, match=words):
        AseLabeller(options).check()


@pytest.mark.parametrize("path", ["ase.calculators.lj.LennardJones", "os; rm", ":x", "a:", "a:b.c"])
def test_an_import_path_is_a_module_and_a_name(path: str) -> None:
    with pytest.raises(ValidationError, match="calculator"):
        AseLabelOptions(calculator=path)


def test_a_file_among_the_arguments_is_known_by_what_it_holds(tmp_path: Path) -> None:
    def fingerprint(name: str, text: str) -> Mapping[str, object]:
        file = tmp_path / name
        file.write_text(text)
        return AseLabeller(options_of("Failing", arguments={"how": str(file)})).fingerprint()

    assert fingerprint("one", "weights") == fingerprint("two", "weights")
    assert fingerprint("one", "weights") != fingerprint("one", "other weights")
