"""D3 on top of a potential in ASE's molecular dynamics."""

from __future__ import annotations

from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.calculators.mixing import SumCalculator

from al_loop.calculator import FunctionCalculator
from al_loop.d3 import D3, check_d3, correction
from al_loop.units import Array


def with_dispersion(potential: BaseCalculator, d3: D3 | None) -> BaseCalculator:
    """What moves the atoms: the potential, and D3 where it has to be added.

    s-dftd3 runs on one thread, so that a walk is the same to the last bit.
    """
    if d3 is None:
        return potential
    check_d3()

    def dispersion(atoms: Atoms) -> tuple[float, Array, Array]:
        found = correction(atoms, d3)
        return found.energy, found.forces, found.virial

    return SumCalculator([potential, FunctionCalculator(dispersion)])
