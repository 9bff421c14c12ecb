"""Any ASE calculator as a labeller: GPAW, Quantum ESPRESSO, MACE, a classical potential, ..."""

from al_loop.label.ase_calculator.labeller import AseLabeller
from al_loop.label.ase_calculator.options import AseLabelOptions

__all__ = ["AseLabelOptions", "AseLabeller"]
