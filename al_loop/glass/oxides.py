"""Compositions of glasses in mol % of oxides."""

from __future__ import annotations

import re
from collections.abc import Mapping

OXIDES: Mapping[str, tuple[str, int, int]] = {
    "Si": ("SiO2", 1, 2),
    "B": ("B2O3", 2, 3),
    "P": ("P2O5", 2, 5),
    "Ge": ("GeO2", 1, 2),
    "Al": ("Al2O3", 2, 3),
    "Li": ("Li2O", 2, 1),
    "Na": ("Na2O", 2, 1),
    "K": ("K2O", 2, 1),
    "Mg": ("MgO", 1, 1),
    "Ca": ("CaO", 1, 1),
    "Sr": ("SrO", 1, 1),
    "Ba": ("BaO", 1, 1),
    "Zn": ("ZnO", 1, 1),
    "Ti": ("TiO2", 1, 2),
    "Zr": ("ZrO2", 1, 2),
}
"""Element -> its oxide, atoms of it and of oxygen in a formula unit."""

_OFF = 0.01


def oxides_of(fractions: Mapping[str, float]) -> dict[str, float]:
    """Mol % of each oxide, of fractions of atoms; empty where the oxygen does not fit."""
    cations = {one: share for one, share in fractions.items() if one != "O"}
    if not set(cations) <= set(OXIDES):
        return {}
    units = {one: share / OXIDES[one][1] for one, share in cations.items()}
    oxygen = sum(n * OXIDES[element][2] for element, n in units.items())
    if not cations or abs(oxygen - fractions.get("O", 0.0)) > _OFF:
        return {}
    total = sum(units.values())
    order = list(OXIDES)
    return {
        OXIDES[element][0]: 100.0 * n / total
        for element, n in sorted(units.items(), key=lambda one: order.index(one[0]))
    }


def title(fractions: Mapping[str, float]) -> str:
    """``SiO2``, ``67SiO2-33Na2O``; of what is no oxide the percentages of atoms."""
    oxides = oxides_of(fractions)
    if len(oxides) == 1:
        return next(iter(oxides))
    parts = oxides or {element: 100.0 * share for element, share in fractions.items()}
    text = "-".join(f"{share:.3g}{name}" for name, share in parts.items())
    return text if oxides else f"{text} (% of atoms)"


def parts_of(text: str) -> dict[str, float]:
    """``SiO2`` or ``SiO2 67, Na2O 33`` as parts by oxide; ValueError where a part is no number."""
    parts = {}
    for one in filter(None, re.split(r"[,;]\s*", text.strip())):
        oxide, _, share = one.strip().partition(" ")
        try:
            parts[oxide] = float(share.strip() or 100.0)
        except ValueError:
            raise ValueError(f"{share.strip()!r} is no number") from None
    return parts
