"""SHIK: cations repel each other, and oxygen balances the charge."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from al_loop.pair_potentials.form import Short
from al_loop.units import Array

_SHIK = {  # A eV, B 1/Å, C eV Å⁶, D eV Å²⁴
    "O-O": (1120.5, 2.8927, 26.132, 16800.0),
    "O-Si": (23108.0, 5.0979, 139.70, 66.0),
    "Si-Si": (2798.0, 4.4073, 0.0, 3_423_204.0),
    "Na-O": (1_127_566.0, 6.8986, 40.562, 16800.0),
    "Na-Si": (495_653.0, 5.4151, 0.0, 16800.0),
    "Na-Na": (1476.9, 3.4075, 0.0, 16800.0),
    "Li-O": (6745.2, 4.9120, 41.221, 70.0),
    "Li-Si": (17284.0, 4.3848, 0.0, 16800.0),
    "Li-Li": (2323.8, 3.9129, 0.0, 3240.0),
    "B-O": (16182.0, 5.6069, 59.203, 32.0),
    "B-B": (1805.5, 3.8228, 69.174, 6000.0),
    "B-Si": (4798.0, 3.6703, 207.0, 16800.0),
    "B-Li": (4148.6, 3.5726, 102.36, 16800.0),
    "B-Na": (3148.5, 3.6183, 34.0, 16800.0),
}


def _shik_pair(key: str) -> Short:
    """A exp(-Br) - C/r⁶ + D/r²⁴."""
    a, b, c, d = _SHIK[key]

    def short(r: Array) -> tuple[Array, Array]:
        near, six, wall = a * np.exp(-b * r), c / r**6, d / r**24
        return near - six + wall, b * near + (24 * wall - 6 * six) / r

    return short


def shik(symbol: str, _: Mapping[str, int]) -> Short:
    """Between an element and oxygen."""
    return _shik_pair("-".join(sorted((symbol, "O"))))


def shik_cations(a: str, b: str) -> Short | None:
    """Between two cations; None where there are no parameters."""
    key = "-".join(sorted((a, b)))
    return _shik_pair(key) if key in _SHIK else None
