"""Filters of frames: what is refused before it costs a label.

A filter takes a configuration and returns None, or why it is refused: a short text that is the
same for all frames refused for the same reason, so that refusals can be counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from ase import Atoms

from al_loop.distances import closest_contact
from al_loop.units import density as density_of

Filter = Callable[[Atoms], str | None]


def finite(atoms: Atoms) -> str | None:
    """Refuse positions or cells that are not numbers."""
    good = np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()
    return None if good else "positions or cell are not finite"


def apart(min_distance: Mapping[str, float]) -> Filter:
    """Refuse frames with a pair closer than its smallest distance (Å, keys like ``O-Si``)."""
    limits = dict(min_distance)

    def check(atoms: Atoms) -> str | None:
        contact = closest_contact(atoms, limits)
        return f"{contact.pair} closer than {contact.minimum:g} Å" if contact else None

    return check


def within_density(low: float, high: float) -> Filter:
    """Refuse frames whose density is outside [low, high], g/cm3."""

    def check(atoms: Atoms) -> str | None:
        density = density_of(atoms)
        if density < low:
            return f"density below {low:g} g/cm3"
        return f"density above {high:g} g/cm3" if density > high else None

    return check


def all_of(*filters: Filter) -> Filter:
    """Refuse what any of the filters refuses; the first reason counts."""

    def check(atoms: Atoms) -> str | None:
        return next((why for test in filters if (why := test(atoms)) is not None), None)

    return check


def make_filter(
    *, min_distance: Mapping[str, float], density: tuple[float, float] | None
) -> Filter:
    """The filter that a campaign's ``select`` asks for."""
    filters: list[Filter] = [finite]
    if density is not None:
        filters.append(within_density(*density))
    if min_distance:
        filters.append(apart(min_distance))
    return all_of(*filters)
