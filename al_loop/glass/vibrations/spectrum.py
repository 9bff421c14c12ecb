"""A vibrational density of states, total and by species."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.constants import c

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Curve, combine_curves
from al_loop.units import Array

THZ_IN_PER_CM: float = 1.0e10 / c
"""1 THz in 1/cm (33.356)."""
_WIDTHS = 4.0
"""Standard deviations of the window in time after which it is 0.0003, and cut."""


@dataclass(frozen=True)
class Spectrum:
    """Density of states over frequency in THz, 1/THz; the total has an integral of 1.

    ``species``: element -> its share of the total, by the kinetic energy of its atoms.
    """

    total: Curve
    species: Mapping[str, Curve]


def spectrum_of(
    frequency: Array, species: Mapping[str, tuple[Array, Array | None]], *, n: int
) -> Spectrum:
    """Put together from values and errors (or None) of each species, on one grid in THz."""
    values = {name: value for name, (value, _) in sorted(species.items())}
    errors = {name: error for name, (_, error) in sorted(species.items())}
    curves = {
        name: Curve(frequency, value, errors[name], n, "THz", "1/THz")
        for name, value in values.items()
    }
    known = [error for error in errors.values() if error is not None]
    error = np.sqrt(np.sum(np.square(known), axis=0)) if len(known) == len(errors) else None
    total: Array = np.sum(list(values.values()), axis=0)
    return Spectrum(Curve(frequency, total, error, n, "THz", "1/THz"), curves)


def combine_spectra(samples: Sequence[Spectrum]) -> Spectrum:
    """Mean over independent samples on one grid; errors as :func:`combine_curves`."""
    if len({tuple(sorted(one.species)) for one in samples}) > 1:
        raise DatasetError("the samples have different elements")
    return Spectrum(
        combine_curves([one.total for one in samples]),
        {
            name: combine_curves([one.species[name] for one in samples])
            for name in (samples[0].species if samples else ())
        },
    )


def cosine_transform(
    dt: float, frames: int, *, broadening: float, maximum: float, what: str
) -> tuple[Array, Array]:
    """Frequencies (n,) in THz, and weights (n, lags) that make 2 ∫ c(t) cos(2 pi f t) W(t) dt of a
    time correlation c (lags,), from 0 on: with W(t) = exp(-(2 pi broadening t)² / 2) the spectrum
    under a Gaussian of standard deviation ``broadening`` in THz.

    ``frames`` of ``what`` (velocities, positions), ``dt`` ps apart; up to ``maximum`` in THz.

    Raises
    ------
    DatasetError
        ``dt`` is too long for ``maximum`` (what vibrates faster than 1/(2 dt) would appear at wrong
        frequencies), or the run is too short for ``broadening``.
    """
    frequency = frequency_grid(maximum, broadening)
    if maximum > 0.5 / dt * (1 + 1e-9):
        raise DatasetError(
            f"{what} every {1000 * dt:g} fs tell frequencies up to {0.5 / dt:.4g} THz apart, "
            f"not up to maximum: {maximum:g}",
            remedy="write them more often (4 fs will do for oxides); a lower maximum only where "
            "nothing vibrates above it",
        )
    lags = int(_WIDTHS / (2 * np.pi * broadening) / dt) + 2
    if lags > frames // 2:
        raise DatasetError(
            f"{frames} frames {dt:g} ps apart are too short for broadening: {broadening:g} THz",
            remedy=f"{_WIDTHS / (np.pi * dt * max(frames - 4, 1)):.2g} THz or more will do",
        )
    time = np.arange(lags, dtype=np.float64) * dt
    weights = np.cos(2 * np.pi * np.outer(frequency, time))
    weights *= 2 * dt * np.exp(-0.5 * (2 * np.pi * broadening * time) ** 2)
    weights[:, 0] *= 0.5
    return frequency, weights


def frequency_grid(maximum: float, broadening: float) -> Array:
    """Frequencies from 0 to ``maximum``, four to a broadening, THz.

    Raises
    ------
    DatasetError
        ``maximum`` or ``broadening`` is not positive.
    """
    if not (0 < broadening < maximum):
        raise DatasetError(
            f"broadening: {broadening} THz, maximum: {maximum} THz",
            remedy="the broadening must be positive and smaller than the maximum",
        )
    steps = int(np.ceil(4 * maximum / broadening))
    return np.linspace(0.0, maximum, steps + 1)
