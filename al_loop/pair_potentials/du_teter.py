"""Du and Teter: Buckingham, with boron whose parameters follow from the composition."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.optimize import brentq

from al_loop.pair_potentials.form import Short
from al_loop.units import Array

_BUCKINGHAM = {  # A eV, rho Å, C eV Å⁶
    "O": (2029.2204, 0.343645, 192.58),
    "Si": (13702.905, 0.193817, 54.681),
    "Na": (4383.7555, 0.243838, 30.70),
    "Li": (41051.938, 0.151160, 0.0),
    "K": (20526.972, 0.233708, 51.489),
    "Ca": (7747.1834, 0.252623, 93.109),
    "Al": (12201.417, 0.195628, 31.997),
}
_SPLICE = {  # B eV Å^n, n, D eV/Å², r0 Å: B/rⁿ + D r² below r0
    "O": (46.462, 3.430, -0.32605, 1.906),
    "Si": (28.950, 3.932, -3.059, 1.168),
    "Na": (48.264, 2.893, -4.730, 1.172),
    "K": (310.841, 2.468, -78.124, 0.950),
    "Ca": (74.737, 3.166, -3.991, 1.318),
    "Al": (51.728, 3.179, -10.197, 1.024),
}
_BORON = (0.171271, 28.5)
_MODIFIERS = {"Li": 0.5, "Na": 0.5, "K": 0.5, "Ca": 1.0}
"""Moles of oxide that an atom gives."""


def boron_strength(silica: float, modifier: float) -> float:
    """A of B-O in eV from SiO2/B2O3 (K) and modifier oxide/B2O3 (R); the model of Dell and Bray.

    Deng and Du, J. Am. Ceram. Soc. 102, 2482 (2019).
    """
    top = silica / 16 + 0.5
    end = silica + 2
    if modifier < top:
        four = modifier
    elif modifier < silica / 4 + 0.5:
        four = top
    else:
        four = max(0.0, top * (end - modifier) / (end - silica / 4 - 0.5))
    if modifier <= top:
        return 11900 + 4350 * (top - (top - four) ** 2 / top) + 85 * silica**2
    third = (11900 + 85 * silica**2 - 12525) / top + 4350
    return 12525 + third * four * top / modifier


def splice(a: float, rho: float, c: float) -> tuple[float, float, float, float]:
    """B, n, D and r0 of the repulsion B/rⁿ + D r² that takes over below r0.

    r0 is where the Buckingham potential's third derivative is zero; there value, slope and
    curvature agree.
    """

    def third(r: float) -> float:
        return float(-a / rho**3 * np.exp(-r / rho) + 336 * c / r**9)

    top = 9 * rho  # where exp(-r/rho) r⁹ is largest: below it the sign changes once
    r0 = float(brentq(third, 0.3, top))
    value = a * np.exp(-r0 / rho) - c / r0**6
    slope = r0 * (-a / rho * np.exp(-r0 / rho) + 6 * c / r0**7)
    curvature = r0**2 * (a / rho**2 * np.exp(-r0 / rho) - 42 * c / r0**8)
    n = (curvature - slope) / (2 * value - slope)
    power = (2 * value - slope) / (2 + n)
    return float(power * r0**n), float(n), float((value - power) / r0**2), r0


def du_teter(symbol: str, counts: Mapping[str, int]) -> Short:
    """A exp(-r/rho) - C/r⁶, and B/rⁿ + D r² below r0."""
    if symbol == "B":
        oxide = counts["B"] / 2
        modifier = sum(counts.get(s, 0) * moles for s, moles in _MODIFIERS.items())
        a, (rho, c) = boron_strength(counts.get("Si", 0) / oxide, modifier / oxide), _BORON
        b, n, d, r0 = splice(a, rho, c)
    else:
        a, rho, c = _BUCKINGHAM[symbol]
        b, n, d, r0 = _SPLICE.get(symbol, (0.0, 1.0, 0.0, 0.0))

    def short(r: Array) -> tuple[Array, Array]:
        far = a * np.exp(-r / rho)
        energy, force = far - c / r**6, far / rho - 6 * c / r**7
        inside = r < r0
        return (
            np.where(inside, b / r**n + d * r**2, energy),
            np.where(inside, n * b / r ** (n + 1) - 2 * d * r, force),
        )

    return short
