"""How alike two curves are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.integrate import trapezoid

from al_loop.errors import DatasetError
from al_loop.glass.compare.reference import ReferenceCurve
from al_loop.glass.estimate import Curve
from al_loop.units import Array

_FEWEST = 5
ENERGY = "eV/atom"
"""The unit of what has no zero that two methods share."""


@dataclass(frozen=True)
class Similarity:
    """``r_chi`` (0: the same), ``noise``: the R_chi that error bars alone would give, ``overlap``
    (1: the same), ``x``: the range that both have, ``points`` of the reference in it."""

    r_chi: float
    noise: float
    overlap: float
    x: tuple[float, float]
    points: int


def r_chi(reference: Array, measured: Array) -> float:
    """sqrt(sum (reference - measured)² / sum reference²), points at the same x (points,).

    Wright, J. Non-Cryst. Solids 159, 264 (1993).
    """
    return float(np.sqrt(np.sum((reference - measured) ** 2) / np.sum(reference**2)))


def overlap(x: Array, one: Array, other: Array) -> float:
    """1 - ∫|f - g| / ∫(|f| + |g|): 1 for the same curve, 0 where one is zero wherever the other
    is not. Of two distributions with area 1 it is their common area, ∫min(f, g)."""
    both = float(trapezoid(np.abs(one) + np.abs(other), x))
    return 1.0 - float(trapezoid(np.abs(one - other), x)) / both if both else 1.0


def similarity(measured: Curve, reference: ReferenceCurve) -> Similarity:
    """Compare where both are, at the reference's points; the measured curve in between is linear.

    Energies of two methods have no common zero: each is taken from its lowest point there.

    Raises
    ------
    DatasetError
        They have fewer than five points in common, or the reference is zero there.
    """
    part = reference.within(float(measured.x[0]), float(measured.x[-1]))
    if len(part.x) < _FEWEST:
        raise DatasetError(
            f"{reference.name}: {len(part.x)} points of the reference lie between "
            f"{measured.x[0]:.4g} and {measured.x[-1]:.4g} {measured.x_unit}",
            where=reference.subject.source,
            remedy=f"{_FEWEST} or more are needed",
        )
    ours = np.interp(part.x, measured.x, measured.y)
    our_error = _at(measured, part.x)
    theirs = part.y
    their_error = np.zeros_like(theirs) if part.error is None else part.error
    if measured.y_unit == ENERGY:
        ours, theirs = ours - ours.min(), theirs - theirs.min()
    if reference.scaled:
        ours, our_error = _scaled(part.x, ours, our_error)
        theirs, their_error = _scaled(part.x, theirs, their_error)
    if not np.any(theirs):
        raise DatasetError(f"{reference.name} is zero everywhere", where=reference.subject.source)
    noise = np.sqrt(np.sum(our_error**2 + their_error**2) / np.sum(theirs**2))
    return Similarity(
        r_chi(theirs, ours),
        float(noise),
        overlap(part.x, theirs, ours),
        (float(part.x[0]), float(part.x[-1])),
        len(part.x),
    )


def zero_of(measured: Curve, reference: ReferenceCurve) -> float:
    """What brings a reference of energies (eV/atom) to the zero of the measured ones; else 0."""
    part = reference.within(float(measured.x[0]), float(measured.x[-1]))
    if measured.y_unit != ENERGY or not len(part.x):
        return 0.0
    return float(np.interp(part.x, measured.x, measured.y).min() - part.y.min())


def _at(curve: Curve, x: Array) -> Array:
    if curve.error is None:
        return np.zeros_like(x)
    return np.asarray(np.interp(x, curve.x, curve.error), dtype=np.float64)


def _scaled(x: Array, y: Array, error: Array) -> tuple[Array, Array]:
    area = float(trapezoid(y, x))
    if not area > 0.0:
        raise DatasetError("a curve whose shape is to be compared needs an area above zero")
    return y / area, error / area
