"""Ionic conductivity: of ions by themselves (Nernst-Einstein), and of all together (Einstein)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ase.units import _e, kB

from al_loop.errors import DatasetError
from al_loop.glass.dynamics.correlate import Motion, squared_displacements
from al_loop.glass.dynamics.diffusion import coefficients, slope_weights
from al_loop.glass.estimate import Estimate
from al_loop.units import Array

# e² cm²/s / (Å³ eV) = e (1e-4 m²/s) / (1e-30 m³ V) in S/m, and 0.01 S/cm in one S/m
_IN_S_PER_CM: float = _e * 1.0e-4 / 1.0e-30 * 1.0e-2


def nernst_einstein(
    diffusion: Mapping[str, Estimate],
    counts: Mapping[str, int],
    charges: Mapping[str, float],
    *,
    volume: float,
    temperature: float,
) -> Estimate:
    """Sum over species of N q² D / (V kT), S/cm: conductivity of ions that move independently.

    ``diffusion`` in cm2/s of the species that are to count, ``counts`` atoms of each, ``charges``
    in e (formal ones, usually: Li 1, Na 1), ``volume`` in Å3, ``temperature`` in K.

    Raises
    ------
    DatasetError
        A species has no charge or no atoms; volume or temperature are not positive.
    """
    _check(volume, temperature)
    if missing := sorted(set(diffusion) - (set(charges) & set(counts))):
        raise DatasetError(
            f"no charge or number of atoms for {', '.join(missing)}",
            remedy="give them in charges and counts, or leave the species out of diffusion",
        )
    scale = _IN_S_PER_CM / (volume * kB * temperature)
    weights = {name: scale * counts[name] * charges[name] ** 2 for name in diffusion}
    value = sum(weights[name] * one.value for name, one in diffusion.items())
    errors = [
        None if one.error is None else weights[name] * one.error for name, one in diffusion.items()
    ]
    known = [error for error in errors if error is not None]
    error = float(np.linalg.norm(known)) if len(known) == len(errors) else None
    return Estimate(value, error, min(one.n for one in diffusion.values()), "S/cm")


def einstein_conductivity(
    positions: Array,
    symbols: Sequence[str],
    dt: float,
    *,
    charges: Mapping[str, float],
    volume: float,
    temperature: float,
    window: tuple[float, float],
) -> Estimate:
    """(1 / 6 V kT) d<|sum_i q_i (r_i(t) - r_i(0))|²>/dt, S/cm: with the ions' correlations.

    Arguments as for :func:`self_diffusion` and :func:`nernst_einstein`; all species need charges,
    which add up to zero, so that drift does not count. The Haven ratio is the Nernst-Einstein
    conductivity over this one. Noisy: there is one dipole for all atoms. The error is None for
    trajectories shorter than four windows.

    Raises
    ------
    DatasetError
        As those, or the charges do not add up to zero.
    """
    _check(volume, temperature)
    if missing := sorted(set(symbols) - set(charges)):
        raise DatasetError(f"no charge of {', '.join(missing)}", remedy="give it in charges, in e")
    q = np.array([charges[symbol] for symbol in symbols])
    if abs(q.sum()) > 1e-6 * len(q):
        raise DatasetError(f"the charges add up to {q.sum():+.4g} e; they must be neutral")
    motion = Motion.of(positions, symbols, dt, drift=True, masses=None, what="positions")
    dipole = np.array([q @ frame for frame in motion.series])[:, None]
    whole = Motion(dipole, ["all"], dt, motion.centre)
    return coefficients(
        whole,
        squared_displacements,
        slope_weights(whole, window),
        scale=_IN_S_PER_CM / (volume * kB * temperature),
        unit="S/cm",
    )["all"]


def _check(volume: float, temperature: float) -> None:
    if not (volume > 0 and temperature > 0):
        raise DatasetError(f"volume {volume} Å3 and temperature {temperature} K must be positive")
