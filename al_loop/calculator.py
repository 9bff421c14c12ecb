"""Whatever tells energy, forces and virial of a configuration, as an ASE calculator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from al_loop.units import Array, stress_from_virial


class FunctionCalculator(Calculator):
    """ASE calculator (energy, forces, stress) of a function.

    ``predict`` gives energy (eV), forces (atoms, 3) in eV/Å and virial (3, 3) in eV.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012

    def __init__(self, predict: Callable[[Atoms], tuple[float, Array, Array]]) -> None:
        Calculator.__init__(self)
        self._predict = predict

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Fill ``results``; see ASE."""
        Calculator.calculate(self, atoms, properties or ["energy"], system_changes)
        current = cast(Atoms, self.atoms)
        energy, forces, virial = self._predict(current)
        stress = stress_from_virial(virial, current.get_volume())
        results: dict[str, Any] = {
            "energy": energy,
            "free_energy": energy,
            "forces": forces,
            "stress": full_3x3_to_voigt_6_stress(stress),
        }
        self.results = results
