"""Young's modulus and Poisson's ratio from pulling along one axis after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Estimate, combine
from al_loop.glass.lines import fit_line
from al_loop.glass.relax import relaxed
from al_loop.units import EV_PER_A3_IN_GPA, Array


@dataclass(frozen=True)
class Pull:
    """A configuration under growing strain along one axis, free to contract along the others.

    ``strain`` (steps,) along the axis, ``stress`` (steps,) along it in GPa, positive when pulled;
    ``lateral`` (steps,) mean strain of the other two axes.
    """

    axis: int
    strain: Array
    stress: Array
    lateral: Array

    @classmethod
    def of(cls, axis: int, cells: Array, stress: Array) -> Pull:
        """From the cells (steps, 3, 3) in Å, first the one without strain, and stresses in GPa.

        Of MD, the averages over each step's plateau.

        Raises
        ------
        DatasetError
            Fewer than three steps, or as many cells as stresses are not there.
        """
        if axis not in (0, 1, 2):
            raise DatasetError(f"axis: {axis}", remedy="0, 1 or 2")
        if len(cells) != len(stress) or len(cells) < 3:
            raise DatasetError(
                f"{len(cells)} cells and {len(stress)} stresses; three of each or more are needed"
            )
        lengths = np.linalg.norm(cells, axis=2)
        strains = lengths / lengths[0] - 1.0
        lateral: Array = np.delete(strains, axis, axis=1).mean(axis=1)
        return cls(axis, strains[:, axis], np.asarray(stress, dtype=np.float64), lateral)


def static_pull(
    atoms: Atoms,
    calculator: BaseCalculator,
    axis: int,
    *,
    strains: Sequence[float] = (0.0, 0.01, 0.02, 0.03),
    force: float = 1.0e-4,
) -> Pull:
    """Strains of 1 to 3 % along an axis, at rest under each, without stress along the others.

    The steps of Pedone et al., J. Chem. Theory Comput. 21, 4769 (2025), at 0 K. ``atoms`` in a
    right-angled cell along x, y and z; angles stay. ``force`` as for :func:`relaxed`.

    Raises
    ------
    DatasetError
        The cell is not right-angled, or fewer than three strains.
    PhysicsFault
        A relaxation does not end.
    """
    if not np.allclose(atoms.cell.array, np.diag(atoms.cell.lengths()), atol=1e-8):
        raise DatasetError(
            "pulling along x, y and z needs a cell along them",
            remedy="take elastic_constants, which takes any cell",
        )
    mask = tuple(int(k < 3 and k != axis) for k in range(6))
    cells, stresses = [], []
    now = atoms.copy()
    for strain in strains:
        cell = now.cell.array.copy()
        cell[axis, axis] = atoms.cell.array[axis, axis] * (1 + strain)
        now.set_cell(cell, scale_atoms=True)
        now = relaxed(now, calculator, mask=mask, force=force)  # type: ignore[arg-type]
        cells.append(now.cell.array.copy())
        stresses.append(now.get_stress()[axis] * EV_PER_A3_IN_GPA)
    if strains and strains[0] != 0:
        raise DatasetError(f"strains: {strains}", remedy="begin with 0")
    return Pull.of(axis, np.array(cells), np.array(stresses))


def tensile_moduli(pulls: Sequence[Pull]) -> dict[str, Estimate]:
    """Young's modulus ("young", GPa) and Poisson's ratio ("poisson"), means over pulls.

    Slopes of lines through stress and lateral strain over strain, as Pedone et al. fit them; with
    an end at 3 % they hold what is not linear. The error is that over axes and samples, or of the
    lines where it is larger.

    Raises
    ------
    DatasetError
        There is no pull.
    """
    young, poisson = [], []
    for pull in pulls:
        stress = fit_line(pull.strain, pull.stress)
        lateral = fit_line(pull.strain, pull.lateral)
        young.append(Estimate(stress.slope, stress.slope_error, stress.n, "GPa"))
        poisson.append(Estimate(-lateral.slope, lateral.slope_error, lateral.n))
    return {"young": combine(young), "poisson": combine(poisson)}
