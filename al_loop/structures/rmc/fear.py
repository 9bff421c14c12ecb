"""Force-enhanced atomic refinement (FEAR): RMC moves and minimisations of the energy by turns.

Pandey, Biswas, Drabold, Phys. Rev. B 92, 155205 (2015). Liu et al., C. R. Géosci. 354 (S1), 35
(2022): 5000 moves, then one minimisation, until both chi² and the energy converge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.optimize import FIRE

from al_loop.structures.rmc.walk import ReverseMonteCarlo, Tally

TRIES = 20
"""Moves that are tried for each that is wanted, at most."""


@dataclass(frozen=True)
class Cycle:
    """The box after a cycle: chi² as the moves left it and as it is now; energy in eV, or None."""

    atoms: Atoms
    moves: Tally
    chi2_moved: float
    chi2: float
    energy: float | None


def refine(
    walk: ReverseMonteCarlo,
    *,
    moves: int,
    calculator: Calculator | None = None,
    steps: int = 100,
    force: float = 0.1,
) -> Iterator[Cycle]:
    """Cycles without end: ``moves`` accepted moves, then at most ``steps`` steps downhill.

    A minimisation ends earlier where no force is above ``force`` (eV/Å). Without a ``calculator``
    (any of ASE: a pair potential, a committee, a DFT code) there is none, and this is RMC.
    """
    while True:
        tally = walk.run(moves, tries=TRIES * moves)
        moved = walk.chi2
        atoms, energy = walk.atoms, None
        if calculator is not None:
            atoms.calc = calculator
            quiet: Any = None
            with FIRE(atoms, logfile=quiet) as downhill:
                downhill.run(fmax=force, steps=steps)
            energy = float(atoms.get_potential_energy())
            atoms.calc = None
            walk.place(atoms.positions)
        yield Cycle(walk.atoms, tally, moved, walk.chi2, energy)
