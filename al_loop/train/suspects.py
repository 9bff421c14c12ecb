"""Labels on which a committee that was trained on them is still wrong.

A committee learns every label that agrees with the others. One on which it stays far off is
usually no hard frame but a wrong label: another solution of the SCF, another spin state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_loop.units import Array

FEWEST = 40
"""Labels without which nothing can be called an outlier."""
RATIO = 3.0
"""Times the usual error, at least."""
SPREADS = 6.0
"""Robust standard deviations, at least."""

_NEIGHBOURS = (11, 51)
_SMALLEST_SPREAD = 0.1
_LEAST = 1.0e-12


@dataclass(frozen=True)
class Suspicion:
    """How far off a committee stays on a label; ratios are to the usual error of such a frame.

    ``force_error`` eV/Å (RMS per component), ``energy_error`` eV/atom: medians of the members.
    """

    force_error: float
    force_ratio: float
    energy_error: float
    energy_ratio: float


def find_suspects(force: Array, scale: Array, energy: Array) -> dict[int, Suspicion]:
    """Frames on which the error stays an outlier; by index.

    ``force`` and ``scale``: error and size of the forces, eV/Å; ``energy``: error, eV/atom; each
    (frames,). Errors grow with the forces, so the usual error of a frame is the median of a quarter
    of the frames (11 to 51) whose forces are most like its own. A force error is an outlier beyond
    three times that and beyond six robust standard deviations (1.4826 MAD) of the logarithm of this
    ratio: it is a mean over many components, so the ratios lie close together. An energy error is
    one number: an outlier is beyond six robust standard deviations of the usual error itself; the
    median over all frames is taken off.
    """
    n = len(force)
    if n < FEWEST:
        return {}
    order = np.argsort(scale, kind="stable")

    def above_usual(error: Array) -> Array:
        """Logarithm of the ratio to the usual error."""
        log = np.log(np.maximum(error, _LEAST))
        usual = np.empty(n)
        usual[order] = _running_median(log[order])
        return log - usual

    by_force = above_usual(force)
    by_energy = above_usual(np.abs(energy - np.median(energy)))
    spread = max(1.4826 * float(np.median(np.abs(by_force))), _SMALLEST_SPREAD)
    odd_force = by_force > max(np.log(RATIO), SPREADS * spread)
    odd_energy = by_energy > np.log(SPREADS * 1.4826)
    return {
        int(i): Suspicion(
            float(force[i]),
            float(np.exp(by_force[i])),
            float(energy[i]),
            float(np.exp(by_energy[i])),
        )
        for i in np.flatnonzero(odd_force | odd_energy)
    }


def _running_median(values: Array) -> Array:
    """Median of the values around each; at the ends of the first or last ones."""
    width = int(np.clip(len(values) // 4, *_NEIGHBOURS))
    medians = np.median(np.lib.stride_tricks.sliding_window_view(values, width), axis=1)
    half = width // 2
    start = np.clip(np.arange(len(values)) - half, 0, len(medians) - 1)
    return np.asarray(medians[start])
