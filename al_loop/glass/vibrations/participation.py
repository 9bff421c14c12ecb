"""How many atoms take part in a mode."""

from __future__ import annotations

import numpy as np

from al_loop.glass.estimate import Curve
from al_loop.glass.vibrations.modes import Modes
from al_loop.glass.vibrations.spectrum import frequency_grid
from al_loop.units import Array


def participation_ratios(modes: Modes) -> Array:
    """1 / (N Σ_i |e_i|⁴) of each mode (3N,): 1 where all atoms take part alike, 1/N for one atom.

    With mass-weighted eigenvectors e; after Bell and Dean, Discuss. Faraday Soc. 50, 55 (1970).
    """
    squares = (modes.vectors**2).sum(axis=2)
    ratios: Array = 1.0 / (squares.shape[1] * (squares**2).sum(axis=1))
    return ratios


def participation_curve(modes: Modes, *, broadening: float = 0.3, maximum: float = 50.0) -> Curve:
    """Mean participation ratio of the modes near a frequency, over 0 to ``maximum`` in THz.

    Modes count by a Gaussian of standard deviation ``broadening`` in THz, as in the density of
    states; where there are none it is the ratio of the nearest one. Without the translations.
    """
    kept = np.setdiff1d(np.arange(len(modes.frequencies)), modes.translations)
    frequencies, ratios = modes.frequencies[kept], participation_ratios(modes)[kept]
    grid = frequency_grid(maximum, broadening)
    means = np.empty(len(grid))
    rows = max(1, 4_000_000 // len(frequencies))
    for start in range(0, len(grid), rows):
        some = slice(start, start + rows)
        squares = ((grid[some, None] - frequencies) / broadening) ** 2
        weights = np.exp(-0.5 * (squares - squares.min(axis=1, keepdims=True)))
        means[some] = (weights @ ratios) / weights.sum(axis=1)
    return Curve(grid, means, None, 1, "THz", "")
