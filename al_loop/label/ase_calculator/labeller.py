"""The ASE labeller."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import ase
import numpy as np
from ase import Atoms
from ase.calculators.calculator import (
    BaseCalculator,
    CalculatorError,
    PropertyNotImplementedError,
    SCFError,
)

from al_loop.campaign.engines import EngineOptions
from al_loop.errors import EngineCrashed, PhysicsFault
from al_loop.hashing import canonical_json, file_digest
from al_loop.label.ase_calculator.calculator import make, package_of
from al_loop.label.ase_calculator.options import AseLabelOptions
from al_loop.label.faults import check_distances, check_frame
from al_loop.label.interface import FingerprintValue, Label
from al_loop.units import virial_from_stress


class AseLabeller:
    """Whatever has a calculator for ASE.

    The energy is the free energy where the calculator has one (forces are its derivatives), else
    the energy; the label's note says which. Each frame gets a new calculator, so that a label
    depends on its frame alone. One that works with files does so in the frame's scratch folder.
    """

    Options: ClassVar[type[EngineOptions]] = AseLabelOptions
    preload: ClassVar[tuple[str, ...]] = ()

    def __init__(self, options: AseLabelOptions) -> None:
        self.options = options

    @property
    def cores(self) -> int:
        """As the options say."""
        return self.options.cores

    def check(self) -> str:
        """Package, version and calculator, or EngineMissing. The calculator is made once."""
        make(self.options)
        return f"{package_of(self.options)} ({self.options.calculator}), ASE {ase.__version__}"

    def fingerprint(self) -> Mapping[str, FingerprintValue]:
        """Calculator, its package's minor version, and its arguments; files by what they hold."""
        arguments = {name: _identity(value) for name, value in self.options.arguments.items()}
        return {
            "engine": "ase",
            "calculator": self.options.calculator,
            "package": package_of(self.options, parts=2),
            "arguments": canonical_json(arguments),
        }

    def label(self, atoms: Atoms, scratch: Path) -> Label:
        """Label a frame.

        Raises
        ------
        PhysicsFault
            The SCF does not converge, or atoms are too close.
        EngineCrashed
            Anything else that the calculator reports.
        """
        check_frame(atoms)
        check_distances(atoms, self.options.closest)
        work = Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
        calculator = make(self.options)
        if hasattr(calculator, "directory"):
            calculator.directory = str(scratch)
        work.calc = calculator
        try:
            energy, which = _energy(work, calculator)
            forces = np.asarray(work.get_forces(), dtype=np.float64)
            virial = None
            if self.options.virial:
                stress = np.asarray(work.get_stress(voigt=False), dtype=np.float64)
                virial = virial_from_stress(stress, work.get_volume())
        except SCFError as error:
            raise PhysicsFault(
                "scf-not-converged",
                str(error) or "the calculator's SCF did not converge",
                remedy="if many: give the calculator more cycles or another mixing",
            ) from error
        except PropertyNotImplementedError as error:
            raise EngineCrashed(
                f"{self.options.calculator} does not compute what a label needs: {error}",
                where=scratch,
                remedy="without a stress: label.options.virial: false; without forces it is of no "
                "use here",
            ) from error
        except CalculatorError as error:
            raise EngineCrashed(f"{type(error).__name__}: {error}", where=scratch) from error
        return Label(energy, forces, virial, note=f"energy: {which}")


def _energy(atoms: Atoms, calculator: BaseCalculator) -> tuple[float, str]:
    if "free_energy" in calculator.implemented_properties:
        return float(atoms.get_potential_energy(force_consistent=True)), "free energy"
    return float(atoms.get_potential_energy()), "as the calculator gives it"


def _identity(value: object) -> object:
    """A value, or the digest of the file that it names by its whole path.

    A relative name would be a file in one working folder and a word in another.
    """
    if isinstance(value, str) and Path(value).is_absolute() and Path(value).is_file():
        return f"sha256:{file_digest(Path(value))}"
    if isinstance(value, list):
        return [_identity(one) for one in value]
    if isinstance(value, dict):
        return {name: _identity(one) for name, one in value.items()}
    return value
