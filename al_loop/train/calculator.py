"""Any predictor as an ASE calculator."""

from __future__ import annotations

from typing import Any, cast

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from al_loop.train.interface import Predictor
from al_loop.units import stress_from_virial


class PredictorCalculator(Calculator):
    """ASE calculator (energy, forces, stress) of a loaded model."""

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012

    def __init__(self, predictor: Predictor) -> None:
        Calculator.__init__(self)
        self._predictor = predictor

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Fill ``results``; see ASE."""
        Calculator.calculate(self, atoms, properties or ["energy"], system_changes)
        current = cast(Atoms, self.atoms)
        energy, forces, virial = self._predictor.predict(current)
        stress = stress_from_virial(virial, current.get_volume())
        results: dict[str, Any] = {
            "energy": energy,
            "free_energy": energy,
            "forces": forces,
            "stress": full_3x3_to_voigt_6_stress(stress),
        }
        self.results = results
