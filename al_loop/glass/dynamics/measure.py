"""Weighted sums over the time correlations of each species, with their errors."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from al_loop.glass.dynamics.correlate import Kernel, Motion, atoms_by_species, over_atoms
from al_loop.units import Array

_FEWEST_PIECES, _MOST_PIECES = 3, 10


@dataclass(frozen=True)
class Measured:
    """Values (k,) of one species and their standard errors, or None.

    ``counts`` (k,): of how many independent values each error is, atoms or pieces.
    """

    values: Array
    errors: Array | None
    counts: NDArray[np.intp]


def measure(motion: Motion, kernel: Kernel, weights: Array) -> dict[str, Measured]:
    """``weights`` (k, lags) times the mean curve (lags,) of each species.

    The error is the scatter over atoms; or that over 3 to 10 pieces of the trajectory where it is
    at least 3 times as long as the lags and that is larger, as it is when atoms move together.
    Fewer pieces say nothing, and atoms that move together have too small an error then.
    """
    frames, lags = len(motion.series), weights.shape[1]
    pieces = min(_MOST_PIECES, frames // lags)
    found = {}
    for name, atoms in atoms_by_species(motion.symbols).items():
        values, errors = _summed(motion, atoms, kernel, weights)
        counts = np.full(len(values), len(atoms))
        if pieces >= _FEWEST_PIECES:
            edges = pairwise(frames * i // pieces for i in range(pieces + 1))
            parts = [motion.piece(*edge) for edge in edges]
            each = np.array([_summed(part, atoms, kernel, weights)[0] for part in parts])
            between = each.std(axis=0, ddof=1) / np.sqrt(pieces)
            larger = np.ones(len(values), bool) if errors is None else between > errors
            errors = between if errors is None else np.maximum(errors, between)
            counts[larger] = pieces
        found[name] = Measured(values, errors, counts)
    return found


def _summed(
    motion: Motion, atoms: NDArray[np.intp], kernel: Kernel, weights: Array
) -> tuple[Array, Array | None]:
    curves = motion.curves(atoms, kernel, weights.shape[1])
    return over_atoms(weights @ curve for curve in curves)
