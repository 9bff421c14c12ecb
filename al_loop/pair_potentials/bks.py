"""BKS: silica."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from al_loop.pair_potentials.form import Short
from al_loop.units import Array

BKS = {  # A eV, b 1/Å, C eV Å⁶; epsilon eV and sigma Å of the wall
    "Si": (18003.7572, 4.87318, 133.5381, 0.003097948, 1.313635),
    "O": (1388.7730, 2.76, 175.0, 0.00105105048, 1.779239),
}


def bks(symbol: str, _: Mapping[str, int]) -> Short:
    """A exp(-br) - C/r⁶, and the 30-6 wall that keeps atoms from falling into each other.

    The smoothing at the cutoff is of the form of Carré et al., J. Chem. Phys. 127, 114512 (2007).
    """
    a, b, c, eps, sigma = BKS[symbol]

    def short(r: Array) -> tuple[Array, Array]:
        far, near = (sigma / r) ** 6, (sigma / r) ** 30
        energy = a * np.exp(-b * r) - c / r**6 + 4 * eps * (near - far)
        force = a * b * np.exp(-b * r) - 6 * c / r**7 + 4 * eps * (30 * near - 6 * far) / r
        return energy, force

    return short
