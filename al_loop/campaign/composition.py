"""Compositions in mol % of oxides, and boxes that have them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import gcd, prod
from typing import Literal

from ase.data import atomic_masses, atomic_numbers
from ase.formula import Formula

Grid = Mapping[str, tuple[float, ...] | Literal["rest"]]
"""Oxide -> its values in mol %, or the rest."""

REST: Literal["rest"] = "rest"
MOST = 500
"""Compositions of a grid."""
_MOST_TRIED = 10**6

_SPREAD = 0.2
"""By this share a box may have less or more atoms than asked for, to meet the composition."""
_OFF = 1.0
"""Mol % by which a box may miss it."""
_EXACT = 1e-3
"""Mol % by which a sum may miss 100."""


def compositions(grid: Grid) -> list[dict[str, float]]:
    """All that add up to 100 mol %, the first oxide slowest: oxide -> mol %.

    Raises
    ------
    ValueError
        There are more than 500, or a million combinations to try.
    """
    found: list[dict[str, float]] = []
    values = [(0.0,) if points == REST else points for points in grid.values()]
    if prod(map(len, values)) > _MOST_TRIED:
        raise ValueError("these are more combinations than can be tried: take larger steps")
    rest = next((oxide for oxide, points in grid.items() if points == REST), None)
    for point in product(*values):
        shares = dict(zip(grid, point, strict=True))
        left = 100.0 - sum(point)
        if rest is not None:
            shares[rest] = max(0.0, round(left, 6))
        if left < -_EXACT or (rest is None and left > _EXACT):
            continue
        found.append(shares)
        if len(found) > MOST:
            raise ValueError(f"more than {MOST} compositions: take larger steps")
    return found


def title(shares: Mapping[str, float]) -> str:
    """``20Na2O-80SiO2``, as glasses are called."""
    return "-".join(f"{share:.6g}{oxide}" for oxide, share in shares.items() if share)


@dataclass(frozen=True)
class Box:
    """A composition as whole formula units: oxide -> units."""

    units: Mapping[str, int]

    @property
    def counts(self) -> dict[str, int]:
        """Element -> atoms: cations in the order of the oxides, oxygen last."""
        counts: dict[str, int] = {}
        for oxide, n in self.units.items():
            for symbol, m in Formula(oxide).count().items():
                counts[symbol] = counts.get(symbol, 0) + n * m
        found = {symbol: n for symbol, n in counts.items() if n}
        return {s: found[s] for s in sorted(found, key=lambda s: s == "O")}

    @property
    def atoms(self) -> int:
        """Atoms of the box."""
        return sum(self.counts.values())

    @property
    def formula(self) -> str:
        """Empirical formula."""
        divisor = gcd(*self.counts.values())
        shares = {symbol: n // divisor for symbol, n in self.counts.items()}
        return "".join(f"{symbol}{n if n > 1 else ''}" for symbol, n in shares.items())

    def density(self, of: Mapping[str, float]) -> float:
        """g/cm3 if each oxide keeps its molar volume, by the density of each oxide."""
        masses = {oxide: n * _mass(oxide) for oxide, n in self.units.items()}
        return sum(masses.values()) / sum(m / of[oxide] for oxide, m in masses.items() if m)


def _mass(oxide: str) -> float:
    return float(
        sum(atomic_masses[atomic_numbers[s]] * n for s, n in Formula(oxide).count().items())
    )


def whole_units(shares: Mapping[str, float], *, atoms: int) -> Box:
    """Whole formula units for a composition in mol %.

    Among boxes of ``atoms`` and up to a fifth less or more those that come closest to the
    composition, of these the one with the number of atoms that is nearest, then the smallest.

    Raises
    ------
    ValueError
        None is within 1 mol %.
    """
    fewest, most = (1 - _SPREAD) * atoms, (1 + _SPREAD) * atoms
    boxes = []
    n = 1
    while (box := _rounded(shares, n)).atoms <= most:
        if box.atoms >= fewest:
            off = max(abs(100 * k / n - shares[oxide]) for oxide, k in box.units.items())
            lost = any(shares[oxide] and not k for oxide, k in box.units.items())
            if off <= _OFF and not lost:
                boxes.append((round(off, 6), abs(box.atoms - atoms), box.atoms, box))
        n += 1
    if not boxes:
        raise ValueError(
            f"no box of {fewest:.0f} to {most:.0f} atoms is within {_OFF:g} mol % of it: take more "
            "atoms"
        )
    return min(boxes, key=lambda one: one[:3])[3]


def _rounded(shares: Mapping[str, float], n: int) -> Box:
    """``n`` formula units, shared out by largest remainders."""
    exact = {oxide: n * share / 100 for oxide, share in shares.items()}
    units = {oxide: int(value + 1e-9) for oxide, value in exact.items()}
    order = sorted(exact, key=lambda oxide: units[oxide] - exact[oxide])
    for oxide in order[: n - sum(units.values())]:
        units[oxide] += 1
    return Box(units)
