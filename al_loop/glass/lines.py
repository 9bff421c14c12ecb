"""Straight lines through points with errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from al_loop.errors import DatasetError


@dataclass(frozen=True)
class Line:
    """y = value + slope (x - centre), fitted by least squares.

    ``centre`` is the weighted mean of x, where value and slope are uncorrelated. Errors are
    standard errors, None where two points without errors leave none to tell. ``n`` is that
    of an :class:`~al_loop.glass.estimate.Estimate`: the degrees of freedom and one where the
    scatter about the line tells the errors, so that Student's t is right; else the points.
    """

    centre: float
    value: float
    slope: float
    value_error: float | None
    slope_error: float | None
    n: int

    def at(self, x: float) -> float:
        """Y at an x."""
        return self.value + self.slope * (x - self.centre)

    def error_at(self, x: float) -> float | None:
        """Standard error of y at an x."""
        if self.value_error is None or self.slope_error is None:
            return None
        return float(np.hypot(self.value_error, self.slope_error * (x - self.centre)))


def fit_line(x: ArrayLike, y: ArrayLike, error: ArrayLike | None = None) -> Line:
    """Least squares, weighted where standard errors of y are given.

    Errors of the parameters are those carried over from y, scaled up where the points scatter by
    more than their errors; without errors of y, those of the scatter about the line.

    Raises
    ------
    DatasetError
        Fewer than two different x, numbers that are not finite, or errors that are not positive.
    """
    x_, y_ = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x_.ndim != 1 or x_.shape != y_.shape:
        raise ValueError(f"x of shape {x_.shape}, y of shape {y_.shape}")
    if not (np.isfinite(x_).all() and np.isfinite(y_).all()):
        raise DatasetError("a line through points that are not finite")
    if len(np.unique(x_)) < 2:
        raise DatasetError(f"a line needs points at two different x or more, not {len(x_)} at one")
    weights, carried = np.ones(len(x_)), False
    if error is not None:
        errors = np.asarray(error, dtype=np.float64)
        if not (np.isfinite(errors).all() and (errors > 0).all()):
            raise DatasetError("errors of points must be positive numbers, or left out for all")
        weights = errors**-2.0
    centre = float((weights * x_).sum() / weights.sum())
    value = float((weights * y_).sum() / weights.sum())
    around = (weights * (x_ - centre) ** 2).sum()
    slope = float((weights * (x_ - centre) * y_).sum() / around)
    scatter = (weights * (y_ - value - slope * (x_ - centre)) ** 2).sum()
    variance = scatter / (len(x_) - 2) if len(x_) > 2 else 0.0
    if error is not None:
        carried = variance <= 1.0
        variance = max(1.0, float(variance))
    elif len(x_) == 2:
        return Line(centre, value, slope, None, None, 1)
    return Line(
        centre,
        value,
        slope,
        float(np.sqrt(variance / weights.sum())),
        float(np.sqrt(variance / around)),
        len(x_) if carried else len(x_) - 1,
    )
