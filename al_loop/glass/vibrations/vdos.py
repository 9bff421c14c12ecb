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
from al_loop.glass.vibrations.spectrum import Spectrum, cosine_transform, spectrum_of
from al_loop.units import Array


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
    motion = Motion.of(velocities, symbols, dt, drift=drift, masses=masses, what="velocities")
    frames = len(velocities)
    frequency, weights = cosine_transform(
        dt, frames, broadening=broadening, maximum=maximum, what="velocities"
    )
    weights *= 2.0
    lags = weights.shape[1]
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
