"""PMMCS: Morse, for many cations but boron."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from al_loop.pair_potentials.form import Short
from al_loop.units import Array

_MORSE = {  # D eV, a 1/Å, r0 Å, C eV Å¹²
    "Si": (0.340554, 2.006700, 2.100000, 1.0),
    "Na": (0.023363, 1.763867, 3.006315, 5.0),
    "Li": (0.001114, 3.429506, 2.681360, 1.0),
    "K": (0.011612, 2.062605, 3.305308, 5.0),
    "Ca": (0.030211, 2.241334, 2.923245, 5.0),
    "Mg": (0.038908, 2.281000, 2.586153, 5.0),
    "Al": (0.361581, 1.900442, 2.164818, 0.9),
    "P": (0.831326, 2.585833, 1.800790, 1.0),
    "O": (0.042395, 1.379316, 3.618701, 22.0),
}


def pmmcs(symbol: str, _: Mapping[str, int]) -> Short:
    """D [(1 - exp(-a(r - r0)))² - 1] + C/r¹²."""
    d, a, r0, c = _MORSE[symbol]

    def short(r: Array) -> tuple[Array, Array]:
        e = np.exp(-a * (r - r0))
        energy = d * ((1 - e) ** 2 - 1) + c / r**12
        return energy, -2 * d * a * (1 - e) * e + 12 * c / r**13

    return short
