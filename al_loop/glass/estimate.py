"""Values with their errors: over the correlated frames of a run, and over independent samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, log10

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from al_loop.errors import DatasetError
from al_loop.units import Array

_FEWEST_BLOCKS = 4
"""Fewer blocks say nothing about their spread."""
_COVERAGE = 2.0
"""Standard errors that reach over 95 % where there are many values."""


def coverage(n: int) -> float:
    """Standard errors of a mean of n values that its 95 % interval reaches to each side.

    Student's t of n - 1 degrees of freedom (97.5 %): 12.7 of two values, 4.3 of three; not below
    two. Of one value, which says nothing about its error, two.
    """
    return max(_COVERAGE, float(stdtrit(n - 1, 0.975))) if n > 1 else _COVERAGE


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error, both in ``unit``; ``n`` values went into it.

    Of a fit whose scatter tells the error ``n`` is its degrees of freedom and one, as of a mean.
    ``error`` is None where a single value says nothing about its error.
    """

    value: float
    error: float | None
    n: int
    unit: str = ""

    @property
    def bar(self) -> float:
        """Half the 95 % interval (:func:`coverage`); 0 without an error."""
        return coverage(self.n) * (self.error or 0.0)

    def __str__(self) -> str:
        """As in print: ``2.203(12) g/cm3``; two digits of error."""
        text = f"{self.value:.6g}"
        if self.error is not None and self.error > 0.0 and np.isfinite(self.error):
            digits = 1 - floor(log10(self.error))
            if digits > 0:
                text = f"{self.value:.{digits}f}({round(self.error * 10**digits)})"
            else:
                text = f"{self.value:.0f}({self.error:.0f})"
        return f"{text} {self.unit}".rstrip()


@dataclass(frozen=True)
class Curve:
    """y over x, each (points,), with the standard error of each y, or None (a single value)."""

    x: Array
    y: Array
    error: Array | None
    n: int
    x_unit: str = ""
    y_unit: str = ""


def average(values: ArrayLike, *, unit: str = "") -> Estimate:
    """Mean of a series in time (n,) and its standard error by blocking.

    Neighbouring values may be correlated: see :func:`standard_error`.
    """
    series = _series(values, 1)
    error = standard_error(series)
    return Estimate(
        float(series.mean()), None if error is None else float(error), len(series), unit
    )


def average_curve(x: Array, values: ArrayLike, *, x_unit: str = "", y_unit: str = "") -> Curve:
    """Mean of curves in time (n, points) over ``x`` (points,), each point with its error."""
    series = _series(values, 2)
    if series.shape[1] != len(x):
        raise ValueError(f"{len(x)} points in x, but curves of {series.shape[1]}")
    return Curve(x, series.mean(axis=0), standard_error(series), len(series), x_unit, y_unit)


def standard_error(values: Array) -> Array | None:
    """Standard error of the mean over the first axis, for values that are correlated in time.

    Blocking after Flyvbjerg and Petersen, J. Chem. Phys. 91, 461 (1989): neighbours are averaged
    in pairs again and again; the error grows until the blocks are independent. The level
    is the first with B^3 > 2 n (s_B/s_1)^4 (B values in a block, n in all, s the error; Lee et
    al., Phys. Rev. E 83, 066706 (2011)), for each point by itself. At least four blocks are kept;
    where no level is long enough, the largest error found is returned, a lower bound. None for
    a single value.
    """
    n = len(values)
    if n < 2:
        return None
    blocks, length = values, 1
    first = worst = chosen = _plain_error(blocks)
    open_ = np.ones(first.shape, dtype=bool)
    while True:
        error = _plain_error(blocks)
        worst = np.maximum(worst, error)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(first > 0.0, error / first, 0.0)
        enough = length**3 > 2.0 * n * ratio**4
        chosen = np.where(open_ & enough, error, chosen)
        open_ = open_ & ~enough
        if len(blocks) // 2 < _FEWEST_BLOCKS:
            break
        even = len(blocks) // 2 * 2
        blocks = 0.5 * (blocks[0:even:2] + blocks[1:even:2])
        length *= 2
    return np.asarray(np.where(open_, worst, chosen), dtype=np.float64)


def jackknife(
    values: Array, quantity: Callable[[Array], Array], *, blocks: int = 10
) -> tuple[Array, list[float | None]]:
    """A quantity of the mean over frames (a peak's position, say), and its standard errors.

    ``values`` (n, ...) are cut into consecutive blocks, as long as possible so that correlation
    between neighbours is inside them, each of which is left out once. ``quantity`` takes the mean
    (...) and returns (m,). The errors are None for a single frame.
    """
    found = np.asarray(quantity(values.mean(axis=0)), dtype=np.float64)
    parts = np.array_split(np.arange(len(values)), min(blocks, len(values)))
    if len(parts) < 2:
        return found, [None] * len(found)
    without = np.array([quantity(np.delete(values, part, axis=0).mean(axis=0)) for part in parts])
    spread = (without - without.mean(axis=0)) ** 2
    errors = np.sqrt((len(parts) - 1) / len(parts) * spread.sum(axis=0))
    return found, [float(error) for error in errors]


def combine(samples: Sequence[Estimate]) -> Estimate:
    """Mean over independent samples (glasses quenched from different melts), each counting once.

    The error is the larger of the scatter between samples, s/sqrt(n), and the samples' own
    errors carried through: of two or three samples the scatter alone can be small by chance.
    """
    if not samples:
        raise DatasetError("no sample to average over")
    if len(samples) == 1:
        return samples[0]
    units = {one.unit for one in samples}
    if len(units) != 1:
        raise ValueError(f"samples in different units: {', '.join(sorted(units))}")
    values = np.array([[one.value] for one in samples])
    error = _of_samples(values, [_own(one.error) for one in samples])
    return Estimate(float(values.mean()), float(error[0]), len(samples), samples[0].unit)


def combine_curves(samples: Sequence[Curve]) -> Curve:
    """Mean of curves over independent samples, with errors as :func:`combine`.

    They have one and the same x as far as the shortest goes; beyond, they are cut off.
    """
    if not samples:
        raise DatasetError("no sample to average over")
    first = min(samples, key=lambda one: len(one.x))
    if len(samples) == 1:
        return first
    n = len(first.x)
    if any(not np.allclose(one.x[:n], first.x) for one in samples):
        raise DatasetError(
            "the samples' curves have different x", remedy="measure them with the same grid"
        )
    values = np.array([one.y[:n] for one in samples])
    error = _of_samples(values, [_own(one.error)[:n] for one in samples])
    return Curve(first.x, values.mean(axis=0), error, len(samples), first.x_unit, first.y_unit)


def _own(error: float | Array | None) -> Array:
    return np.atleast_1d(np.asarray(0.0 if error is None else error, dtype=np.float64))


def _of_samples(values: Array, own: Sequence[Array]) -> Array:
    carried = np.sqrt(sum((one**2 for one in own), np.zeros(1))) / len(values)
    return np.asarray(np.maximum(_plain_error(values), carried), dtype=np.float64)


def _plain_error(values: Array) -> Array:
    """Standard error of the mean of independent values, over the first axis."""
    return np.asarray(values.std(axis=0, ddof=1) / np.sqrt(len(values)), dtype=np.float64)


def _series(values: ArrayLike, dimensions: int) -> Array:
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != dimensions or len(series) == 0:
        raise ValueError(f"values of shape {series.shape}; {dimensions} dimensions are needed")
    return series
