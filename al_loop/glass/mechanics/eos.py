"""Equations of state, and the bulk modulus from pressures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from numpy.typing import ArrayLike
from scipy.optimize import curve_fit

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Estimate
from al_loop.glass.relax import FreeCell, relaxed
from al_loop.units import EV_PER_A3_IN_GPA, Array

Form = Literal["birch-murnaghan", "vinet"]


def birch_murnaghan(v: Array, v0: float, e0: float, k: float, slope: float) -> Array:
    """Third order; volumes and ``v0`` in Å3, energies in eV, K in eV/Å3, K' (Birch 1947)."""
    x = (v0 / v) ** (2 / 3)
    energy: Array = e0 + 9 * v0 * k / 16 * ((x - 1) ** 3 * slope + (x - 1) ** 2 * (6 - 4 * x))
    return energy


def vinet(v: Array, v0: float, e0: float, k: float, slope: float) -> Array:
    """As :func:`birch_murnaghan`; Vinet et al., J. Phys. Condens. Matter 1, 1941 (1989)."""
    x = (v / v0) ** (1 / 3)
    eta = 1.5 * (slope - 1)
    decay = np.exp(eta * (1 - x))
    energy: Array = e0 + 9 * k * v0 / eta**2 * (1 - (1 - eta * (1 - x)) * decay)
    return energy


FORMS: Mapping[str, Callable[[Array, float, float, float, float], Array]] = {
    "birch-murnaghan": birch_murnaghan,
    "vinet": vinet,
}


@dataclass(frozen=True)
class EquationOfState:
    """Volume (Å3) and energy (eV) without pressure, bulk modulus (GPa) and its pressure derivative.

    ``residual`` in eV: root of the mean square of what the form misses.
    """

    form: Form
    volume: Estimate
    energy: Estimate
    bulk_modulus: Estimate
    derivative: Estimate
    residual: float

    def energies(self, volumes: ArrayLike) -> Array:
        """Energies in eV at volumes in Å3."""
        return FORMS[self.form](
            np.asarray(volumes, dtype=np.float64),
            self.volume.value,
            self.energy.value,
            self.bulk_modulus.value / EV_PER_A3_IN_GPA,
            self.derivative.value,
        )


@dataclass(frozen=True)
class Compression:
    """Volumes (Å3), energies (eV) and pressures (GPa), each (steps,)."""

    volumes: Array
    energies: Array
    pressures: Array


def compress(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    volumes: Sequence[float] = (0.94, 0.96, 0.98, 1.0, 1.02, 1.04, 1.06),
    relax: bool = True,
    shape: bool = False,
    force: float = 1.0e-3,
    listen: Callable[[], None] = lambda: None,
) -> Compression:
    """Energies and pressures at ``volumes``, which are relative to that of ``atoms``.

    ``relax`` moves the atoms at each volume until no force is above ``force``, eV/Å, with ``shape``
    the shape of the cell, too, until the stress is hydrostatic. Where the shape is kept, the
    curvature of a crystal's energy is Voigt's bulk modulus, else Reuss': that of a crystal
    under pressure. ``listen`` is called at each step of a relaxation.

    Raises
    ------
    PhysicsFault
        A relaxation does not end.
    """
    found = []
    for volume in volumes:
        now = atoms.copy()
        now.set_cell(atoms.cell.array * volume ** (1 / 3), scale_atoms=True)
        now.calc = calculator
        if relax:
            cell: FreeCell = "shape" if shape else "fixed"
            now = relaxed(now, calculator, cell=cell, force=force, listen=listen)
        pressure = -np.trace(now.get_stress(voigt=False)) / 3 * EV_PER_A3_IN_GPA
        found.append((now.get_volume(), now.get_potential_energy(), pressure))
    rows = np.array(found, dtype=np.float64).reshape(-1, 3)
    return Compression(rows[:, 0], rows[:, 1], rows[:, 2])


def equation_of_state(
    volumes: ArrayLike, energies: ArrayLike, *, form: Form = "birch-murnaghan"
) -> EquationOfState:
    """Fit a form to energies (eV) at volumes (Å3); errors from the scatter about it.

    ``n`` of what is found is the degrees of freedom of the fit and one.

    Raises
    ------
    DatasetError
        Fewer than five points, or energies without a minimum inside.
    """
    v, e = np.asarray(volumes, dtype=np.float64), np.asarray(energies, dtype=np.float64)
    if v.ndim != 1 or v.shape != e.shape or len(v) < 5:
        raise DatasetError(
            f"volumes of shape {v.shape}, energies of shape {e.shape}",
            remedy="five points or more for the four parameters",
        )
    middle = v.mean()
    curve = np.polynomial.Polynomial.fit(v, e, 2).convert().coef
    bottom = -curve[1] / (2 * curve[2]) if curve[2] > 0 else np.nan
    if not v.min() <= bottom <= v.max():
        raise DatasetError(
            "the energy has no minimum between the smallest and the largest volume",
            remedy="take volumes on both sides of it",
        )
    zero = float(e.min())  # all-electron energies leave few digits for the form
    e = e - zero
    guess = (bottom, 0.0, 2 * curve[2] * bottom, 4.0)
    fitted, covariance = curve_fit(
        FORMS[form], v, e, p0=guess, x_scale=(middle, 1.0, guess[2], 1.0), method="trf"
    )
    errors = np.sqrt(np.diag(covariance))
    residual = float(np.sqrt(np.mean((FORMS[form](v, *fitted) - e) ** 2)))

    def estimate(i: int, unit: str, scale: float = 1.0) -> Estimate:
        return Estimate(float(fitted[i] * scale), float(errors[i] * scale), len(v) - 3, unit)

    depth = estimate(1, "eV")
    return EquationOfState(
        form=form,
        volume=estimate(0, "Å3"),
        energy=replace(depth, value=depth.value + zero),
        bulk_modulus=estimate(2, "GPa", EV_PER_A3_IN_GPA),
        derivative=estimate(3, ""),
        residual=residual,
    )


def bulk_modulus_from_pressures(
    pressures: ArrayLike,
    volumes: ArrayLike,
    *,
    errors: ArrayLike | None = None,
    degree: int = 2,
) -> Estimate:
    """K = -dP/d ln V at no pressure, GPa, from volumes (any unit) at pressures in GPa.

    A polynomial of ``degree`` is fitted to ln V over P: of Pedone's 0 to 5 GPa by 1 GPa its slope
    at P = 0. With degree 1 it is the mean over the range. ``errors`` are standard errors of the
    volumes: points are weighted by them, and the error is what they make of it, scaled up where
    the points scatter by more; without, that of the scatter. ``n`` is as of :func:`fit_line`.

    Raises
    ------
    DatasetError
        Not more points than the polynomial has parameters, P = 0 outside of them, or errors that
        are not positive.
    """
    p, v = np.asarray(pressures, dtype=np.float64), np.asarray(volumes, dtype=np.float64)
    if p.ndim != 1 or p.shape != v.shape or len(p) < degree + 2 or degree < 1:
        raise DatasetError(
            f"{len(p)} pressures and {len(v)} volumes for a polynomial of degree {degree}",
            remedy=f"{degree + 2} points or more, as many of one as of the other",
        )
    reach = 0.1 * (p.max() - p.min())
    if not p.min() - reach <= 0 <= p.max() + reach:
        raise DatasetError(
            f"pressures from {p.min():g} to {p.max():g} GPa, but the modulus is wanted at none",
            remedy="begin at no pressure",
        )
    known = None if errors is None else np.asarray(errors, dtype=np.float64)
    if known is not None and not (known > 0).all():
        raise DatasetError("errors of volumes must be positive numbers, or left out for all")
    weights = np.ones(len(p)) if known is None else v / known
    fitted, covariance = np.polyfit(p, np.log(v), degree, w=weights, cov="unscaled")
    scatter = weights * (np.log(v) - np.polyval(fitted, p))
    variance = float((scatter**2).sum()) / (len(p) - degree - 1)
    carried = known is not None and variance <= 1.0
    if known is not None:
        variance = max(1.0, variance)
    slope = fitted[-2]
    error = float(np.sqrt(covariance[-2, -2] * variance) / slope**2)
    return Estimate(float(-1 / slope), error, len(p) if carried else len(p) - degree, "GPa")
