"""Density, thermal expansion and fictive temperature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Estimate, average, standard_error
from al_loop.glass.lines import Line, fit_line
from al_loop.units import Array, density

_FEWEST = 5
"""Points on either side of a kink."""


def mean_density(frames: Sequence[Atoms]) -> Estimate:
    """Mean density over the frames of one run, g/cm3; the error knows of their correlation.

    Raises
    ------
    DatasetError
        There are no frames.
    """
    if not len(frames):
        raise DatasetError("no frames to take the density of")
    return average([density(atoms) for atoms in frames], unit="g/cm3")


def thermal_expansion(temperatures: Sequence[float], volumes: Sequence[Estimate]) -> Estimate:
    """(1/V) dV/dT, 1/K: slope of ln V over T in a range where it is straight.

    ``temperatures`` in K, mean ``volumes`` at each, in any unit. The linear coefficient, that
    tables of glasses have, is a third of it.

    Raises
    ------
    DatasetError
        Fewer than two temperatures, or a volume that is not positive.
    """
    values = np.array([one.value for one in volumes])
    if not (values > 0).all():
        raise DatasetError("volumes must be positive")
    relative = [(one.error or 0.0) / one.value for one in volumes]
    weights = relative if relative and min(relative) > 0 else None
    line = fit_line(temperatures, np.log(values), weights)
    return Estimate(line.slope, line.slope_error, line.n, "1/K")


def fictive_temperature(
    temperatures: ArrayLike,
    energies: ArrayLike,
    *,
    glass: tuple[float, float] | None = None,
    melt: tuple[float, float] | None = None,
) -> Estimate:
    """Where the line of the glass and that of the melt cross in a plot of energy over T, K.

    ``temperatures`` (n,) in K and ``energies`` (n,) (or enthalpies, or volumes; any unit) along a
    quench, in its order. ``glass`` and ``melt`` are the ranges of temperature, K, in which lines
    are fitted; without both, the two lines that leave least of the points' scatter, one above the
    other, are taken. Neighbouring points may be correlated.

    Raises
    ------
    DatasetError
        Fewer than five points for a line, only one range, or lines without a kink: their slopes
        differ by less than twice its error.
    """
    t, e = np.asarray(temperatures, dtype=np.float64), np.asarray(energies, dtype=np.float64)
    if t.ndim != 1 or t.shape != e.shape:
        raise ValueError(f"temperatures of shape {t.shape}, energies of shape {e.shape}")
    if (glass is None) != (melt is None):
        raise DatasetError("only one of glass and melt is given", remedy="give both or none")
    if glass is not None and melt is not None:
        cold, hot = _between(t, glass, "glass"), _between(t, melt, "melt")
    else:
        cold, hot = _two_sides(t, e)
    below, above = _line(t[cold], e[cold]), _line(t[hot], e[hot])
    bend = above.slope - below.slope
    if abs(bend) <= 2 * np.hypot(above.slope_error or 0.0, below.slope_error or 0.0):
        raise DatasetError(
            "no kink: the slopes of glass and melt do not differ by more than their errors",
            remedy="quench from and to farther away from the transition, or average over samples",
        )
    crossing = (below.at(0.0) - above.at(0.0)) / bend
    error = np.hypot(below.error_at(crossing) or 0.0, above.error_at(crossing) or 0.0) / abs(bend)
    return Estimate(float(crossing), float(error), int(cold.sum() + hot.sum()) - 3, "K")


def _between(t: Array, window: tuple[float, float], name: str) -> np.ndarray:
    inside = (t >= window[0]) & (t <= window[1])
    if inside.sum() < _FEWEST:
        raise DatasetError(
            f"{name}: {inside.sum()} points between {window[0]:g} and {window[1]:g} K",
            remedy=f"{_FEWEST} or more are needed",
        )
    return inside


def _two_sides(t: Array, e: Array) -> tuple[np.ndarray, np.ndarray]:
    """Points below and above the temperature at which two lines fit best; a tenth or more each."""
    order = np.argsort(t, kind="stable")
    fewest = max(_FEWEST, len(t) // 10)
    if len(t) < 2 * fewest:
        raise DatasetError(f"{len(t)} points are too few for two lines", remedy="10 or more")
    left = _scatters(t[order], e[order])
    right = _scatters(t[order][::-1], e[order][::-1])[::-1]
    splits = np.arange(fewest, len(t) - fewest + 1)
    best = int(splits[np.argmin(left[splits - 1] + right[splits])])
    cold = np.zeros(len(t), dtype=bool)
    cold[order[:best]] = True
    return cold, ~cold


def _scatters(x: Array, y: Array) -> Array:
    """Sum of squares about the line through the first k points, for k = 1 .. n; from sums."""
    x, y = x - x.mean(), y - y.mean()
    n = np.arange(1, len(x) + 1)
    xx = np.cumsum(x * x) - np.cumsum(x) ** 2 / n
    xy = np.cumsum(x * y) - np.cumsum(x) * np.cumsum(y) / n
    yy = np.cumsum(y * y) - np.cumsum(y) ** 2 / n
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = np.where(xx > 0, xy**2 / xx, 0.0)
    found: Array = yy - explained
    return found


def _line(x: Array, y: Array) -> Line:
    """A line whose errors know that neighbouring points are correlated."""
    plain = fit_line(x, y)
    rest = y - plain.value - plain.slope * (x - plain.centre)
    independent = rest.std(ddof=1) / np.sqrt(len(rest))
    blocked = standard_error(rest)
    if blocked is None or not independent > 0:
        return plain
    longer = max(1.0, float(blocked / independent))
    return fit_line(x, y, np.full(len(x), rest.std(ddof=2) * longer))
