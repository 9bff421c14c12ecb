"""Bound coherent neutron scattering lengths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from al_loop.errors import DatasetError

NEUTRON_LENGTHS: Mapping[str, float] = {
    "Li": -1.90,
    "B": 5.30,
    "O": 5.803,
    "F": 5.654,
    "Na": 3.63,
    "Mg": 5.375,
    "Al": 3.449,
    "Si": 4.1491,
    "P": 5.13,
    "K": 3.67,
    "Ca": 4.70,
    "Ti": -3.438,
    "Zn": 5.680,
    "Ge": 8.185,
    "Sr": 7.02,
    "Zr": 7.16,
    "Ba": 5.07,
    "Pb": 9.405,
}
"""fm, natural isotopes: Sears, Neutron News 3 (3), 26 (1992). Those of B, Li, Sr and others change
with the isotopes of a sample."""


def neutron_lengths(
    elements: Iterable[str], given: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Scattering length in fm of each element: what is ``given`` first, then our table, then the
    one that comes with periodictable (real part, natural isotopes).

    Raises
    ------
    DatasetError
        An element is in none of them (noble and short-lived ones).
    """
    wanted = set(elements)
    known = {**NEUTRON_LENGTHS, **(given or {})}
    if others := wanted - set(known):
        known |= _tabulated(others)
    if missing := sorted(wanted - set(known)):
        raise DatasetError(
            f"no neutron scattering length of {', '.join(missing)} here",
            remedy="give it in fm, for example lengths={'" + missing[0] + "': 5.0}",
        )
    return {element: known[element] for element in sorted(wanted)}


def _tabulated(elements: Iterable[str]) -> dict[str, float]:
    from periodictable import elements as table  # a quarter of a second

    found = {}
    for element in elements:
        try:
            length = table.symbol(element).neutron.b_c
        except ValueError:  # no such element
            continue
        if length is not None:
            found[element] = float(length)
    return found
