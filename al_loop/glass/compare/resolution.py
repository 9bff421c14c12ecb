"""Our curves over r with the resolution that an experiment up to some q has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.special import sici

from al_loop.errors import DatasetError
from al_loop.glass.compare.reference import ReferenceCurve
from al_loop.glass.estimate import Curve
from al_loop.glass.structure import Window
from al_loop.units import Array

_LORCH_WIDTH = 5.437
"""Over q_max: full width at half height of Lorch's peak."""


def at_resolution(curves: Mapping[str, Curve], reference: ReferenceCurve) -> Curve:
    """The curve of the reference's name as its experiment would show it.

    Unchanged without ``q_max``. Else D(r) = r (g - 1), of T(r) what is beside 4 pi rho r, is
    folded with P(x) = 1/pi * integral from 0 to q_max of M(q) cos(qx) dq: D'(r) = integral of
    D(r') (P(r - r') - P(r + r')) dr'. That is the transform to S(q) up to q_max and back
    (:func:`~al_loop.glass.structure.measured_correlation`), with no more than the curve. It ends
    one width of P before our r does. Errors are as if neighbouring points erred together.

    Raises
    ------
    DatasetError
        There is no ``g_neutron`` from which T(r) has its density.
    """
    curve = curves[reference.name]
    if reference.q_max is None:
        return curve
    r, q_max = curve.x, reference.q_max
    if reference.name == "t_neutron":
        flat = _slope(curve, curves) * r
        per_y = np.ones_like(r)
    else:
        flat, per_y = np.ones_like(r), r
    kept = r <= r[-1] - _LORCH_WIDTH / q_max
    kernel = np.gradient(r) * (
        peak_function(r[kept, None] - r, q_max, reference.window)
        - peak_function(r[kept, None] + r, q_max, reference.window)
    )
    y = flat[kept] + kernel @ ((curve.y - flat) * per_y) / per_y[kept]
    error = None if curve.error is None else np.abs(kernel) @ (curve.error * per_y) / per_y[kept]
    return replace(curve, x=r[kept], y=y, error=error)


def peak_function(x: Array, q_max: float, window: Window) -> Array:
    """P(x) in 1/Å, with an area of 1: what becomes of a sharp distance.

    Lorch: M(q) = sin(pi q/q_max) / (pi q/q_max), J. Phys. C 2, 229 (1969); none: M = 1.
    """
    if window == "none":
        return np.asarray(q_max / np.pi * np.sinc(q_max * x / np.pi), dtype=np.float64)
    above, below = (sici(np.pi + sign * q_max * x)[0] for sign in (1.0, -1.0))
    return np.asarray(q_max / (2.0 * np.pi**2) * (above + below), dtype=np.float64)


def _slope(t: Curve, curves: Mapping[str, Curve]) -> float:
    """4 pi rho of T(r) = 4 pi rho r g(r), 1/Å3."""
    g = curves.get("g_neutron")
    if g is None or len(g.x) != len(t.x):
        raise DatasetError("t_neutron at another resolution needs g_neutron, for the density")
    shape = g.x * g.y
    return float(shape @ t.y / (shape @ shape))
