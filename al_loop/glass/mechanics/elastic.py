"""Elastic constants of a configuration, and the moduli of an isotropic solid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator

from al_loop.errors import DatasetError, PhysicsFault
from al_loop.glass.estimate import Estimate, combine
from al_loop.glass.relax import relaxed
from al_loop.units import EV_PER_A3_IN_GPA, Array

_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


@dataclass(frozen=True)
class Moduli:
    """Of an isotropic solid: bulk, shear and Young's modulus in GPa, Poisson's ratio."""

    bulk: float
    shear: float

    @property
    def young(self) -> float:
        """9KG / (3K + G), GPa."""
        return 9 * self.bulk * self.shear / (3 * self.bulk + self.shear)

    @property
    def poisson(self) -> float:
        """(3K - 2G) / (6K + 2G)."""
        return (3 * self.bulk - 2 * self.shear) / (6 * self.bulk + 2 * self.shear)


@dataclass(frozen=True)
class Elasticity:
    """Elastic constants (6, 6) in GPa, symmetric, in Voigt's order xx yy zz yz xz xy.

    ``stress`` (6,) in GPa is that of the configuration before it was strained; under a stress the
    constants are those of stress over strain, not of energy. ``asymmetry`` in GPa is the
    largest difference that was averaged away: what is left of noise and of the stress.
    """

    stiffness: Array
    stress: Array
    asymmetry: float

    @property
    def voigt(self) -> Moduli:
        """Average of the stiffness over directions: of a glass, its isotropic part."""
        c = self.stiffness
        ends, sides, shears = _sums(c)
        return Moduli((ends + 2 * sides) / 9, (ends - sides + 3 * shears) / 15)

    @property
    def reuss(self) -> Moduli:
        """From the average of the compliance.

        Raises
        ------
        PhysicsFault
            The configuration is not stable (``not-stable``).
        """
        if not self.stable:
            raise PhysicsFault(
                "not-stable",
                "a strain lowers the energy: the lowest eigenvalue of the elastic constants is "
                f"{np.linalg.eigvalsh(self.stiffness)[0]:.3g} GPa",
                remedy="relax cell and positions first; a cutoff with a jump in force also does it",
            )
        compliance: Array = np.linalg.inv(self.stiffness).astype(np.float64)
        ends, sides, shears = _sums(compliance)
        return Moduli(1 / (ends + 2 * sides), 15 / (4 * ends - 4 * sides + 3 * shears))

    @property
    def hill(self) -> Moduli:
        """Mean of Voigt's and Reuss' bulk and shear moduli (Hill, Proc. Phys. Soc. A 65, 349)."""
        upper, lower = self.voigt, self.reuss
        return Moduli((upper.bulk + lower.bulk) / 2, (upper.shear + lower.shear) / 2)

    @property
    def anisotropy(self) -> float:
        """5 G_V/G_R + K_V/K_R - 6, 0 if isotropic (Ranganathan and Ostoja-Starzewski, 2008)."""
        upper, lower = self.voigt, self.reuss
        return 5 * upper.shear / lower.shear + upper.bulk / lower.bulk - 6

    @property
    def stable(self) -> bool:
        """No strain lowers the energy (Born)."""
        return bool(np.linalg.eigvalsh(self.stiffness)[0] > 0)


def elastic_constants(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    strain: float = 2.0e-3,
    relax: bool = True,
    force: float = 1.0e-4,
    listen: Callable[[], None] = lambda: None,
) -> Elasticity:
    """C_ij from the stress under the six strains +- ``strain``, at rest again under each.

    ``atoms`` should be at rest and, for constants that are those of energy, free of stress (see
    :func:`relaxed`). ``relax`` moves the atoms until no force is above ``force``, eV/Å; without it
    the constants are those of a homogeneous deformation. Thirteen relaxations, and ``listen`` is
    called at each of their steps.

    Static strains need forces that are continuous: a pair potential with an abrupt cutoff gives
    constants that depend on ``strain``.

    Raises
    ------
    DatasetError
        ``strain`` is not positive, or above 0.05.
    PhysicsFault
        A relaxation does not end.
    """
    if not 0 < strain <= 0.05:
        raise DatasetError(f"strain: {strain}", remedy="0.001 to 0.005 is usual")
    start = atoms.copy()
    start.calc = calculator
    if relax:
        start = relaxed(atoms, calculator, force=force, listen=listen)
    stress = start.get_stress() * EV_PER_A3_IN_GPA
    columns = np.empty((6, 6))
    for j in range(6):
        pulled = [
            _stress_under(start, calculator, j, sign * strain, force if relax else None, listen)
            for sign in (1.0, -1.0)
        ]
        columns[:, j] = (pulled[0] - pulled[1]) / (2 * strain)
    return Elasticity((columns + columns.T) / 2, stress, float(np.abs(columns - columns.T).max()))


def isotropic_moduli(samples: Sequence[Elasticity]) -> dict[str, Estimate]:
    """Hill's bulk, shear and Young's modulus (GPa) and Poisson's ratio over independent samples.

    A glass is isotropic but a sample of it is not quite: errors are those over samples, so that a
    single one has none.

    Raises
    ------
    DatasetError
        There is no sample.
    """
    found = [one.hill for one in samples]
    return {
        name: combine([Estimate(getattr(one, name), None, 1, unit) for one in found])
        for name, unit in (("bulk", "GPa"), ("shear", "GPa"), ("young", "GPa"), ("poisson", ""))
    }


def _stress_under(
    atoms: Atoms,
    calculator: BaseCalculator,
    component: int,
    strain: float,
    force: float | None,
    listen: Callable[[], None],
) -> Array:
    """Stress (6,) in GPa under one strain; shear strains are twice those of the tensor."""
    i, j = _VOIGT[component]
    tensor = np.zeros((3, 3))
    tensor[i, j] += strain / 2
    tensor[j, i] += strain / 2
    pulled = atoms.copy()
    pulled.set_cell(atoms.cell.array @ (np.eye(3) + tensor), scale_atoms=True)
    pulled.calc = calculator
    if force is not None:
        pulled = relaxed(pulled, calculator, force=force, listen=listen)
    stress: Array = pulled.get_stress() * EV_PER_A3_IN_GPA
    return stress


def _sums(matrix: Array) -> tuple[float, float, float]:
    """11 + 22 + 33, 12 + 13 + 23 and 44 + 55 + 66."""
    diagonal = np.diag(matrix)
    sides = matrix[0, 1] + matrix[0, 2] + matrix[1, 2]
    return float(diagonal[:3].sum()), float(sides), float(diagonal[3:].sum())
