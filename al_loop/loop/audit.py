"""What audit frames say of the error of what the committee calls accurate, with a confidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from al_loop.units import Array

FEWEST = 6
"""Audit frames of a stratum below which nothing is said of it."""


@dataclass(frozen=True)
class Stratum:
    """Audit frames of one composition and stage.

    ``error``: the percentile of the force error over their atoms, eV/Å; ``bound``: what it does not
    exceed in all accurate samples of the stratum, with the confidence asked for; infinite with
    fewer than ``FEWEST`` frames.
    """

    group: str
    frames: int
    error: float
    bound: float


def audit(
    errors: Mapping[str, Sequence[Array]], *, percentile: float, confidence: float
) -> tuple[Stratum, ...]:
    """Each stratum's percentile of the force error; ``errors`` are (atoms,) of each frame, eV/Å.

    Atoms of one frame are neighbours, so frames count, not atoms: of each frame the share of
    atoms above a threshold is taken, and the bound is the smallest threshold at which Student's
    upper limit of the mean share is at most ``1 - percentile``. Shares are skewed, and bad frames
    are rare, so one more frame is assumed than was seen, worse than the worst by the spread of the
    frames (a standard deviation of the logarithm of their errors' sizes).
    """
    return tuple(
        Stratum(
            group=group,
            frames=len(frames),
            error=float(np.quantile(np.concatenate(frames), percentile)),
            bound=_bound(frames, 1.0 - percentile, confidence),
        )
        for group, frames in sorted(errors.items())
        if frames
    )


def _bound(frames: Sequence[Array], share: float, confidence: float) -> float:
    if len(frames) < FEWEST:
        return math.inf
    assumed = [*(np.sort(one) for one in frames), np.sort(_worse(frames))]
    thresholds = np.sort(np.concatenate(assumed))
    n = len(assumed)
    limit = float(student.ppf(confidence, n - 1)) / math.sqrt(n)

    def holds(threshold: float) -> bool:
        above = [1.0 - np.searchsorted(one, threshold, "right") / len(one) for one in assumed]
        return float(np.mean(above) + limit * np.std(above, ddof=1)) <= share

    low, high = 0, len(thresholds) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(float(thresholds[middle])) else (middle + 1, high)
    return float(thresholds[low])


def _worse(frames: Sequence[Array]) -> Array:
    """The worst frame, made worse by the spread of frames; that of a few atoms is taken off."""
    tiny = np.finfo(np.float64).tiny
    sizes = np.array([0.5 * np.log(max(float(np.mean(one**2)), tiny)) for one in frames])
    # of the logarithm of a root mean square of 3 N normal components: 1 / (6 N)
    by_chance = 1.0 / (6.0 * float(np.mean([len(one) for one in frames])))
    spread = math.sqrt(max(float(np.var(sizes, ddof=1)) - by_chance, 0.0))
    worse: Array = frames[int(np.argmax(sizes))] * math.exp(spread)
    return worse
