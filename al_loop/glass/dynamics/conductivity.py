"""Ionic conductivity: of ions by themselves (Nernst-Einstein), and of all together (Einstein)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ase.units import _e, kB

from al_loop.errors import DatasetError
from al_loop.glass.dynamics.correlate import Motion, squared_displacements, standard_masses
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

    Arguments as for :func:`self_diffusion` and :func:`nernst_einstein`. ``charges`` are those of
    the ions that conduct: their displacements are those against the centre of mass of all other
    atoms. Where all species have charges these add up to zero; either way drift does not count.
    Noisy: there is one dipole for all atoms, so the error is over pieces of the trajectory, and
    None where it is shorter than three times the window's end.

    Raises
    ------
    DatasetError
        As those; a charge is of an element that is not there; or all species have charges, and
        they do not add up to zero.
    """
    _check(volume, temperature)
    q = _neutral(symbols, charges)
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


def haven_ratio(alone: Estimate, together: Estimate) -> Estimate:
    """Conductivity of ions by themselves (Nernst-Einstein) over that with their correlations.

    1 where ions do not know of one another, 1/g where they move in groups of g (Murch, Solid State
    Ionics 7, 177 (1982)). The two errors are taken as independent; there is none where
    one of them is not known.

    Raises
    ------
    DatasetError
        The 95 % interval of the conductivity with correlations reaches zero.
    """
    if not together.value - together.bar > 0:
        raise DatasetError(
            f"the conductivity with correlations, {together}, cannot be told from zero",
            remedy="a longer run, or more samples",
        )
    ratio = alone.value / together.value
    n = min(alone.n, together.n)
    if alone.error is None or together.error is None:
        return Estimate(ratio, None, n)
    relative = np.hypot(alone.error / alone.value, together.error / together.value)
    return Estimate(ratio, float(ratio * relative), n)


def _neutral(symbols: Sequence[str], charges: Mapping[str, float]) -> Array:
    """Charges (atoms,), e; atoms without one share, by their masses, what makes it all neutral.

    Then sum q r is that of the ions against the centre of mass of those atoms.
    """
    if absent := sorted(set(charges) - set(symbols)):
        raise DatasetError(f"charges: there is no {', '.join(absent)}")
    q = np.array([charges.get(symbol, 0.0) for symbol in symbols])
    frame = np.array([symbol not in charges for symbol in symbols])
    if frame.any():
        masses = standard_masses(symbols)[frame]
        q[frame] = -q.sum() * masses / masses.sum()
    elif abs(q.sum()) > 1e-6 * len(q):
        raise DatasetError(
            f"the charges add up to {q.sum():+.4g} e; those of all elements must be neutral",
            remedy="give those of the ions that conduct alone, or neutral ones",
        )
    return q


def _check(volume: float, temperature: float) -> None:
    if not (volume > 0 and temperature > 0):
        raise DatasetError(f"volume {volume} Å3 and temperature {temperature} K must be positive")
