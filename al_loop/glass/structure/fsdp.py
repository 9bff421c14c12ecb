"""The first sharp diffraction peak, from S at the wave vectors of the cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Curve, Estimate
from al_loop.glass.structure.wave_vectors import WaveVectors
from al_loop.units import Array

FSDP_RANGE = (1.0, 2.2)
"""1/Å: where the first sharp diffraction peak of an oxide glass is looked for."""
RESOLUTION = 0.15
"""1/Å: standard deviation of the weights of wave vectors around a point, in every cell."""
COARSER = float(np.sqrt(2.0))
"""At this times the resolution all is done again: the difference is the resolution's error."""
REACH = 3.0 * COARSER * RESOLUTION
"""1/Å: wave vectors so far beyond a point still count for it."""
_LOWEST = 0.6  # 1/Å
_STEP = 0.02  # 1/Å
_FEWEST = 40
_TOP = 0.8  # of the height: what a parabola is fitted to
_GROUPS = 20


@dataclass(frozen=True)
class Peak:
    """Position and width in 1/Å, height without unit."""

    position: Estimate
    height: Estimate
    width: Estimate


def first_sharp_peak(
    vectors: WaveVectors, *, within: tuple[float, float] = FSDP_RANGE
) -> tuple[Peak, Curve]:
    """First sharp diffraction peak, and the smooth S(q) in which it is.

    S at the wave vectors is smoothed by local cubic polynomials with Gaussian weights of 0.15 1/Å
    (Fan and Gijbels, Local Polynomial Modelling (1996)): the same in every cell, and with no
    shift by the slope or curvature of S. The height is that of the highest maximum within the
    range. The position is the vertex of a parabola through what is above 0.8 of it around it,
    since the top of a broad peak is flat. The width is twice the distance to where S has fallen
    to half its height on the low-q side: the high-q side runs into the next peak.

    Errors are the jackknife over 20 groups of wave vectors, since S of each is one draw from what
    other glasses of the same kind would have; so one glass, even one frame, knows how far another
    would differ. To the square is added that of the change at a resolution of 0.21 1/Å: sharper
    peaks lose height. The curve's errors are without that. ``vectors`` reach :data:`REACH` beyond
    ``within``.

    Raises
    ------
    DatasetError
        There is no maximum within the range (at both resolutions and without any group), or the
        cell has fewer than 40 wave vectors there.
    """
    low, high = within
    few = int(np.sum((vectors.q > low) & (vectors.q < high)))
    if few < _FEWEST:
        raise DatasetError(
            f"{few} wave vectors of the cell lie between {low:g} and {high:g} 1/Å: too few for a "
            f"peak ({_FEWEST} or more)",
            remedy="take a larger glass",
        )
    start = max(min(_LOWEST, low), _STEP * np.ceil(vectors.q.min() / _STEP))
    points = np.arange(round(start / _STEP), round(high / _STEP) + 1) * _STEP
    whole, parts = _smooth(vectors, points, RESOLUTION)
    coarse, _ = _smooth(vectors, points, RESOLUTION * COARSER)
    values = _peak(points, whole, within)
    resolution = values - _peak(points, coarse, within)
    scatter = _scatter(np.array([_peak(points, one, within) for one in parts]))
    errors = np.hypot(scatter, resolution)
    position, height, width = (
        Estimate(float(value), float(error), _GROUPS, unit)
        for value, error, unit in zip(values, errors, ("1/Å", "", "1/Å"), strict=True)
    )
    curve = Curve(points, whole, _scatter(parts), _GROUPS, "1/Å", "")
    return Peak(position, height, width), curve


def _smooth(vectors: WaveVectors, points: Array, width: float) -> tuple[Array, Array]:
    """S at the points (points,), and without each group of vectors (groups, points)."""
    order = np.argsort(vectors.q, kind="stable")
    moments = np.empty((_GROUPS, 7, len(points)))
    products = np.empty((_GROUPS, 4, len(points)))
    for group in range(_GROUPS):
        some = order[group::_GROUPS]
        away = (vectors.q[some] - points[:, None]) / width
        powers = np.exp(-0.5 * away**2) * away ** np.arange(7)[:, None, None]
        moments[group] = powers.sum(axis=2)
        products[group] = powers[:4] @ vectors.s[some]
    without = [
        _solved(moments.sum(0) - m, products.sum(0) - p)
        for m, p in zip(moments, products, strict=True)
    ]
    return _solved(moments.sum(0), products.sum(0)), np.array(without)


def _solved(moments: Array, products: Array) -> Array:
    """The value of the cubic at each point itself: its constant term."""
    index = np.add.outer(np.arange(4), np.arange(4))
    matrices = np.moveaxis(moments[index], 2, 0)
    return np.asarray(np.linalg.solve(matrices, products.T[:, :, None])[:, 0, 0], dtype=np.float64)


def _scatter(without: Array) -> Array:
    """Standard errors from values without each group (groups, ...)."""
    n = len(without)
    return np.asarray(without.std(axis=0) * np.sqrt(n - 1.0), dtype=np.float64)


def _peak(q: Array, s: Array, within: tuple[float, float]) -> Array:
    curve = CubicSpline(q, s)
    turns = curve.derivative().roots(extrapolate=False)
    inside = turns[(turns > within[0]) & (turns < within[1])]
    maxima = inside[curve(inside, 2) < 0.0]
    if len(maxima) == 0:
        raise DatasetError(
            f"S(q) has no maximum between {within[0]:g} and {within[1]:g} 1/Å",
            remedy="look at the curve; give another range of the first sharp peak (`fsdp`)",
        )
    highest = float(maxima[np.argmax(curve(maxima))])
    height = float(curve(highest))
    top = _middle_of_top(curve, highest, _TOP * height, (q[0], q[-1]))
    below = curve.solve(height / 2.0, extrapolate=False)
    below = below[below < top]
    return np.array([top, height, 2.0 * (top - below[-1]) if len(below) else np.nan])


def _middle_of_top(
    curve: CubicSpline, highest: float, level: float, ends: tuple[float, float]
) -> float:
    """Vertex of the parabola through the part around the maximum that is above the level."""
    crossings = curve.solve(level, extrapolate=False)
    low = max([ends[0], *crossings[crossings < highest]])
    high = min([ends[1], *crossings[crossings > highest]])
    x = np.linspace(low, high, 101)
    a, b, _ = np.polyfit(x - highest, curve(x), 2)
    return float(np.clip(highest - b / (2.0 * a), low, high)) if a < 0.0 else highest
