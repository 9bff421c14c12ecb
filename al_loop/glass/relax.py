"""Atoms, and the cell if asked, moved to where nothing pulls at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.filters import UnitCellFilter
from ase.optimize import LBFGS

from al_loop.errors import PhysicsFault

FreeCell = Literal["fixed", "isotropic", "free"]


def relaxed(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    cell: FreeCell = "fixed",
    mask: tuple[int, int, int, int, int, int] | None = None,
    force: float = 1.0e-3,
    steps: int = 2000,
    listen: Callable[[], None] = lambda: None,
) -> Atoms:
    """A copy at rest, with the calculator attached: no force above ``force``, eV/Å.

    Of a cell that is free, the stress times the volume per atom is below it, too, in eV: with 1e-4
    and 15 Å3 0.001 GPa are left.

    ``cell``: fixed, of a free volume but fixed shape (isotropic), or free. ``mask`` instead frees
    single strains (xx, yy, zz, yz, xz, xy). ``listen`` is called at each step; what it raises
    ends the relaxation.

    Raises
    ------
    PhysicsFault
        Not at rest after ``steps`` steps (``not-relaxed``).
    """
    moved = atoms.copy()
    moved.calc = calculator
    what: Any = moved
    quiet: Any = None
    if mask is not None:
        what = UnitCellFilter(moved, mask=list(mask))
    elif cell != "fixed":
        what = UnitCellFilter(moved, hydrostatic_strain=cell == "isotropic")
    with LBFGS(what, logfile=quiet) as optimizer:
        optimizer.attach(listen)
        if not optimizer.run(fmax=force, steps=steps):
            left = float(np.linalg.norm(what.get_forces(), axis=1).max())
            raise PhysicsFault(
                "not-relaxed",
                f"a force of {left:.3g} eV/Å is left after {steps} steps; asked for {force:g}",
                remedy="allow more steps, or ask for a larger force if the potential is noisy",
            )
    return cast(Atoms, moved)
