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
from al_loop.units import EV_PER_A3_IN_GPA

FreeCell = Literal["fixed", "isotropic", "shape", "free"]


def relaxed(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    cell: FreeCell = "fixed",
    mask: tuple[int, int, int, int, int, int] | None = None,
    pressure: float = 0.0,
    force: float = 1.0e-3,
    steps: int = 2000,
    listen: Callable[[], None] = lambda: None,
) -> Atoms:
    """A copy at rest, with the calculator attached: no force above ``force``, eV/Å.

    Of a cell that is free, what the stress is off times the volume per atom is below it, too, in
    eV: with 1e-4 and 15 Å3 0.001 GPa are left.

    ``cell``: fixed, of a free volume but fixed shape (isotropic), of a free shape until the stress
    is hydrostatic (shape; the volume stays to first order in the strain, within 0.1 %), or free.
    ``mask`` instead frees single strains (xx, yy, zz, yz, xz, xy). ``pressure``, GPa, is that of a
    cell whose volume is free. ``listen`` is called at each step; what it raises ends the
    relaxation.

    Raises
    ------
    PhysicsFault
        Not at rest after ``steps`` steps (``not-relaxed``).
    """
    moved = atoms.copy()
    moved.calc = calculator
    options: dict[str, Any] = {"scalar_pressure": pressure / EV_PER_A3_IN_GPA}
    if mask is not None:
        options["mask"] = list(mask)
    elif cell == "shape":
        options = {"constant_volume": True}
    else:
        options["hydrostatic_strain"] = cell == "isotropic"
    free = mask is not None or cell != "fixed"
    for _ in range(2 if cell == "shape" else 1):  # its stress is taken in the cell it began with
        _run(UnitCellFilter(moved, **options) if free else moved, force, steps, listen)
    return cast(Atoms, moved)


def _run(what: Any, force: float, steps: int, listen: Callable[[], None]) -> None:
    quiet: Any = None
    with LBFGS(what, logfile=quiet) as optimizer:
        optimizer.attach(listen)
        if not optimizer.run(fmax=force, steps=steps):
            left = float(np.linalg.norm(what.get_forces(), axis=1).max())
            raise PhysicsFault(
                "not-relaxed",
                f"a force of {left:.3g} eV/Å is left after {steps} steps; asked for {force:g}",
                remedy="allow more steps, or ask for a larger force if the potential is noisy",
            )
