"""Self-diffusion, from mean-square displacements and from velocities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from al_loop.errors import DatasetError
from al_loop.glass.dynamics.correlate import (
    Kernel,
    Motion,
    atoms_by_species,
    autocorrelations,
    over_atoms,
    squared_displacements,
)
from al_loop.glass.dynamics.measure import measure
from al_loop.glass.estimate import Estimate
from al_loop.units import Array

A2_PER_PS_IN_CM2_PER_S: float = 1.0e-4


@dataclass(frozen=True)
class SelfDiffusion:
    """Diffusion coefficient of a species, cm2/s.

    ``exponent`` is d ln(MSD) / d ln t in the window: 1 where atoms diffuse, less where they are
    still in their cages, 2 where they fly.
    """

    coefficient: Estimate
    exponent: float
    window: tuple[float, float]


def self_diffusion(
    positions: Array,
    symbols: Sequence[str],
    dt: float,
    *,
    window: tuple[float, float],
    drift: bool = False,
    masses: Array | None = None,
) -> dict[str, SelfDiffusion]:
    """D = (1/6) d<|r(t) - r(0)|²>/dt of each element: slope of a line fitted in ``window``, ps.

    Positions as for :func:`mean_square_displacement`. The error is the larger of the scatter over
    atoms and, where the trajectory has three times the length of the window's end or more, the
    scatter over its pieces: atoms that move together do not count as independent then. ``n`` of
    the coefficient is the number of atoms or of pieces, whichever the error is of. D of a
    periodic cell is too small by a term in 1/L (Yeh and Hummer, J. Phys. Chem. B 108, 15873
    (2004)).

    Raises
    ------
    DatasetError
        As :func:`mean_square_displacement`, or the window holds less than three times.
    """
    motion = Motion.of(positions, symbols, dt, drift=drift, masses=masses, what="positions")
    time, inside = _window(motion, window)
    found = {}
    values = coefficients(motion, squared_displacements, slope_weights(motion, window))
    for name, atoms in atoms_by_species(symbols).items():
        msd, _ = over_atoms(motion.curves(atoms, squared_displacements, len(time)))
        exponent = float("nan")
        if (msd[inside] > 0).all():
            exponent = float(np.polyfit(np.log(time[inside]), np.log(msd[inside]), 1)[0])
        found[name] = SelfDiffusion(values[name], exponent, window)
    return found


def green_kubo_diffusion(
    velocities: Array,
    symbols: Sequence[str],
    dt: float,
    *,
    window: tuple[float, float],
    drift: bool = False,
    masses: Array | None = None,
) -> dict[str, Estimate]:
    """D = (1/3) ∫<v(0) · v(t)> dt of each element, cm2/s.

    The running integral is averaged over ``window``, in ps, where it has come to rest. Velocities
    as for :func:`velocity_autocorrelation`, errors as for :func:`self_diffusion`.

    Raises
    ------
    DatasetError
        As :func:`velocity_autocorrelation`, or the window holds less than three times.
    """
    motion = Motion.of(velocities, symbols, dt, drift=drift, masses=masses, what="velocities")
    _, inside = _window(motion, window)
    # Trapezoids up to each time in the window, averaged: a weight for each lag. First the share
    # of the window's times that come at this time or later.
    later = np.cumsum(inside[::-1])[::-1] / inside.sum()
    beyond = np.append(later[1:], 0.0)
    weights = 0.5 * dt * (later + beyond)
    weights[0] = 0.5 * dt * beyond[0]
    return coefficients(motion, autocorrelations, weights / 3.0 * A2_PER_PS_IN_CM2_PER_S)


def slope_weights(motion: Motion, window: tuple[float, float]) -> Array:
    """Weight of each lag of a squared displacement in its slope / 6 in a window; Å²/ps to cm2/s."""
    time, inside = _window(motion, window)
    apart = np.where(inside, time - time[inside].mean(), 0.0)
    weights: Array = apart / (apart**2).sum() / 6.0 * A2_PER_PS_IN_CM2_PER_S
    return weights


def coefficients(
    motion: Motion, kernel: Kernel, weights: Array, *, scale: float = 1.0, unit: str = "cm2/s"
) -> dict[str, Estimate]:
    """Weighted sum over lags (lags,) of each species' mean curve, as one value."""
    found = {}
    for name, one in measure(motion, kernel, weights[None] * scale).items():
        error = None if one.errors is None else float(one.errors[0])
        found[name] = Estimate(float(one.values[0]), error, int(one.counts[0]), unit)
    return found


def _window(motion: Motion, window: tuple[float, float]) -> tuple[Array, NDArray[np.bool_]]:
    """Times of the lags up to the window's end, and which of them are in it."""
    start, end = window
    time = motion.times(motion.lags(end))
    inside = (time >= start - 1e-9 * end) & (time > 0)
    if inside.sum() < 3:
        raise DatasetError(
            f"window: {start:g} to {end:g} ps holds {inside.sum()} times {motion.dt:g} ps apart",
            remedy="3 or more are needed: widen it, or write frames more often",
        )
    return time, inside
