"""How well an error is known that was measured on a few frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_loop.units import Array

FEWEST = 5
"""Frames below which no interval is given."""
RESAMPLES = 1000
COVERAGE = 0.95

_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Interval:
    """A root mean square error, and the interval that holds the true one with 95 %.

    ``low`` and ``high`` are None with fewer than ``FEWEST`` frames. ``spread`` is the standard
    deviation over the members of a committee, None for one prediction.
    """

    value: float
    low: float | None
    high: float | None
    frames: int
    spread: float | None = None


def rms_interval(squares: Array, weights: Array) -> Interval:
    """Root mean square error of each member, averaged over the members, with its interval.

    ``squares`` (members, frames) are mean squared errors of frames, ``weights`` (frames,) their
    shares (numbers of atoms for forces). The interval is the middle 95 % of 1,000 bootstrap samples
    of frames (percentile method; Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993,
    Sec. 13.3): frames are drawn, not atoms, because the errors of neighbours are alike.

    Raises
    ------
    ValueError
        There is no frame.
    """
    members, frames = squares.shape
    if not frames:
        raise ValueError("an error needs a frame at least")
    each = np.sqrt(squares @ weights / weights.sum())
    spread = float(np.std(each, ddof=1)) if members > 1 else None
    value = float(each.mean())
    if frames < FEWEST:
        return Interval(value, None, None, frames, spread)
    rng = np.random.default_rng(0)
    drawn: list[Array] = []
    step = max(1, _AT_ONCE // frames)
    for start in range(0, RESAMPLES, step):
        count = min(step, RESAMPLES - start)
        times = rng.multinomial(frames, np.full(frames, 1 / frames), size=count)
        share = times * weights
        drawn.append(np.sqrt(squares @ share.T / share.sum(axis=1)).mean(axis=0))
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(np.concatenate(drawn), [tail, 1 - tail])
    return Interval(value, float(low), float(high), frames, spread)
