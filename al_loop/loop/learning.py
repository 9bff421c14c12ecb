"""When an error that falls with the number of labels meets its target. Pure functions.

Errors fall with the number of labels n as a power law, a n^-b, as learning curves do (Cortes et
al., NIPS 6, 327 (1993); for neural-network potentials, Batzner et al., Nat. Commun. 13, 2453
(2022)). The line through the logarithms is Theil and Sen's (median of the slopes of all pairs), so
that one odd iteration does not turn it. How sure it is comes from drawing all points again with
their scatter and fitting each draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from al_loop.units import Array

Bools = NDArray[np.bool_]

LATEST = 12
"""Iterations that the line goes through."""

DRAWS = 500
_STEEPEST = 3.0
"""Largest b: two points that scatter would promise anything. The smallest is 0."""
_LOWEST = 0.05
"""A value of 0 counts as this share of its target."""


@dataclass(frozen=True)
class Gauge:
    """What has to fall to its target; ``values`` of the iterations, oldest first.

    ``noise`` is the relative standard deviation that one value has at least: two points alone
    do not show theirs.
    """

    what: str
    values: tuple[float, ...]
    target: float
    noise: float


def is_under(gauge: Gauge, labels: Sequence[int], x_next: Array, rng: np.random.Generator) -> Bools:
    """Whether the target is met at ``x_next`` (iterations,), a row for each draw."""
    x = np.log(np.asarray(labels[-LATEST:], dtype=np.float64))
    values = np.asarray(gauge.values[-LATEST:], dtype=np.float64)
    y = np.log(np.maximum(values / gauge.target, _LOWEST))  # 0 is the target
    slope, start = _line(x, y[None, :])
    left = y - (start[0] + slope[0] * x)
    seen = 1.4826 * float(np.median(np.abs(left))) * np.sqrt(len(x) / max(1, len(x) - 2))
    noise = max(gauge.noise, seen)
    slopes, starts = _line(x, y + noise * rng.standard_normal((DRAWS, len(x))))
    # What will be measured scatters as well.
    scatter = noise * rng.standard_normal((DRAWS, len(x_next)))
    return np.asarray(starts[:, None] + slopes[:, None] * x_next + scatter <= 0.0)


def _line(x: Array, y: Array) -> tuple[Array, Array]:
    """Theil and Sen's line through each row of ``y`` (rows, points): slopes and intercepts."""
    i, j = np.triu_indices(len(x), 1)
    apart = x[j] - x[i]
    i, j, apart = i[apart > 0], j[apart > 0], apart[apart > 0]
    slope = np.clip(np.median((y[:, j] - y[:, i]) / apart, axis=1), -_STEEPEST, 0.0)
    return slope, np.median(y - slope[:, None] * x, axis=1)


def first_run(good: Bools, length: int) -> Array:
    """Number of iterations after which ``length`` in a row were good, inf where that never is."""
    windows: Bools = np.all(np.lib.stride_tricks.sliding_window_view(good, length, axis=1), axis=2)
    found = np.argmax(windows, axis=1) + float(length)
    return np.where(np.any(windows, axis=1), found, np.inf)


def streak_of(gauges: Sequence[Gauge]) -> int:
    """For how many iterations all targets have been met now."""
    rows = list(zip(*(gauge.values for gauge in gauges), strict=False))
    streak = 0
    for row in reversed(rows):
        if any(value > gauge.target for value, gauge in zip(row, gauges, strict=True)):
            break
        streak += 1
    return streak
