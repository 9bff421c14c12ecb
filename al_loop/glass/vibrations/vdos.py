"""Vibrational density of states from velocities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from al_loop.errors import DatasetError
from al_loop.glass.dynamics.correlate import (
    Motion,
    atoms_by_species,
    autocorrelations,
    standard_masses,
)
from al_loop.glass.dynamics.measure import measure
from al_loop.glass.vibrations.spectrum import Spectrum, frequency_grid, spectrum_of
from al_loop.units import Array

_WIDTHS = 4.0
"""Standard deviations of the window in time after which it is 0.0003, and cut."""


def velocity_density_of_states(
    velocities: Array,
    symbols: Sequence[str],
    dt: float,
    *,
    broadening: float = 0.3,
    maximum: float = 50.0,
    drift: bool = False,
    masses: Array | None = None,
) -> Spectrum:
    """Cosine transform of the mass-weighted velocity autocorrelation function.

    g(f) = 4 ∫ Σ m <v(0) · v(t)> cos(2 pi f t) W(t) dt / Σ m <v²>, with
    W(t) = exp(-(2 pi broadening t)² / 2): the spectrum under a Gaussian of standard deviation
    ``broadening`` in THz, as :func:`mode_density_of_states` gives it.

    ``velocities`` (frames, atoms, 3) in Å/ps, ``dt`` ps apart, of a run at constant energy; up to
    ``maximum`` in THz. Velocities of the centre of mass are taken out unless ``drift``. Errors as
    for diffusion: over atoms, or over pieces of the run.

    Raises
    ------
    DatasetError
        ``dt`` is too long for ``maximum`` (what vibrates faster than 1/(2 dt) would appear at wrong
        frequencies), or the run is too short for ``broadening``.
    """
    frequency = frequency_grid(maximum, broadening)
    motion = Motion.of(velocities, symbols, dt, drift=drift, masses=masses, what="velocities")
    if maximum > 0.5 / dt * (1 + 1e-9):
        raise DatasetError(
            f"velocities every {1000 * dt:g} fs tell frequencies up to {0.5 / dt:.4g} THz apart, "
            f"not up to maximum: {maximum:g}",
            remedy="write them more often (4 fs will do for oxides); a lower maximum only where "
            "nothing vibrates above it",
        )
    length = _WIDTHS / (2 * np.pi * broadening)
    frames = len(velocities)
    lags = int(length / dt) + 2
    if lags > frames // 2:
        raise DatasetError(
            f"{frames} frames {dt:g} ps apart are too short for broadening: {broadening:g} THz",
            remedy=f"{_WIDTHS / (np.pi * dt * max(frames - 4, 1)):.2g} THz or more will do",
        )
    time = motion.times(lags)
    weights = np.cos(2 * np.pi * np.outer(frequency, time))
    weights *= 4 * dt * np.exp(-0.5 * (2 * np.pi * broadening * time) ** 2)
    weights[:, 0] *= 0.5
    at_rest = np.zeros((1, lags))
    at_rest[0, 0] = 1.0  # <v²> itself, for the norm
    mass = standard_masses(symbols) if masses is None else np.asarray(masses)
    heavy = {
        name: float(mass[atoms].mean() * len(atoms))
        for name, atoms in atoms_by_species(symbols).items()
    }
    measured = measure(motion, autocorrelations, np.concatenate([weights, at_rest]))
    energy = sum(heavy[name] * float(one.values[-1]) for name, one in measured.items())
    if not energy > 0:
        raise DatasetError("no atom moves: all velocities are zero")
    found = {
        name: (
            one.values[:-1] * heavy[name] / energy,
            None if one.errors is None else one.errors[:-1] * heavy[name] / energy,
        )
        for name, one in measured.items()
    }
    return spectrum_of(frequency, found, n=frames)
