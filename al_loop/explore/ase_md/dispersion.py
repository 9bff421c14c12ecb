"""D3 as an ASE calculator, alone and on top of a potential."""

from __future__ import annotations

from typing import cast

from ase import Atoms
from ase.calculators.calculator import BaseCalculator, Calculator, all_changes
from ase.calculators.mixing import SumCalculator
from ase.stress import full_3x3_to_voigt_6_stress

from al_loop.d3 import D3, check_d3, correction
from al_loop.units import stress_from_virial


class DispersionCalculator(Calculator):
    """s-dftd3 on one thread, so that a walk is the same to the last bit."""

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012

    def __init__(self, d3: D3) -> None:
        Calculator.__init__(self)
        self._d3 = d3

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Fill ``results``; see ASE."""
        Calculator.calculate(self, atoms, properties or ["energy"], system_changes)
        current = cast(Atoms, self.atoms)
        found = correction(current, self._d3)
        stress = stress_from_virial(found.virial, current.get_volume())
        self.results = {
            "energy": found.energy,
            "free_energy": found.energy,
            "forces": found.forces,
            "stress": full_3x3_to_voigt_6_stress(stress),
        }


def with_dispersion(potential: BaseCalculator, d3: D3 | None) -> BaseCalculator:
    """What moves the atoms: the potential, and D3 where it has to be added."""
    if d3 is None:
        return potential
    check_d3()
    return SumCalculator([potential, DispersionCalculator(d3)])
