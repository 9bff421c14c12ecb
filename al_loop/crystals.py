"""Crystals by name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from ase import Atoms
from ase.spacegroup import crystal as from_spacegroup

from al_loop.errors import StructureError

Site = tuple[str, tuple[float, float, float]]


@dataclass(frozen=True)
class Crystal:
    """A crystal as published.

    ``cell`` is a, b, c (Å), alpha, beta, gamma (degrees); ``sites`` are fractional coordinates
    of the asymmetric unit in the standard setting of the International Tables (origin choice
    ``setting``); ``source`` says who measured it.
    """

    spacegroup: int
    cell: tuple[float, float, float, float, float, float]
    sites: tuple[Site, ...]
    source: str
    setting: int = 1


def _cubic(a: float) -> tuple[float, float, float, float, float, float]:
    return (a, a, a, 90.0, 90.0, 90.0)


def _tetragonal(a: float, c: float) -> tuple[float, float, float, float, float, float]:
    return (a, a, c, 90.0, 90.0, 90.0)


def _hexagonal(a: float, c: float) -> tuple[float, float, float, float, float, float]:
    return (a, a, c, 90.0, 90.0, 120.0)


CRYSTALS: dict[str, Crystal] = {
    "alpha-quartz": Crystal(
        154,
        _hexagonal(4.916, 5.4054),
        # The paper's origin is 2/3 c away from that of the International Tables.
        (("Si", (0.4697, 0, 2 / 3)), ("O", (0.4135, 0.2669, 0.1191 + 2 / 3))),
        "Levien, Prewitt, Weidner, Am. Mineral. 65, 920 (1980), 1 atm",
    ),
    "beta-quartz": Crystal(
        180,
        _hexagonal(4.9965, 5.4570),
        (("Si", (0.5, 0, 0)), ("O", (0.4152, 0.2076, 1 / 6))),
        "Kihara, Eur. J. Mineral. 2, 63 (1990), 848 K",
    ),
    "alpha-cristobalite": Crystal(
        92,
        _tetragonal(4.9717, 6.9223),
        (("Si", (0.3003, 0.3003, 0)), ("O", (0.2392, 0.1044, 0.1787))),
        "Downs, Palmer, Am. Mineral. 79, 9 (1994), room pressure",
    ),
    "beta-cristobalite": Crystal(
        227,
        _cubic(7.16),
        (("Si", (0, 0, 0)), ("O", (1 / 8, 1 / 8, 1 / 8))),
        "Wyckoff, Am. J. Sci. 9, 448 (1925), C9: the ideal structure, Si-O-Si 180 degrees",
    ),
    "beta-tridymite": Crystal(
        194,
        _hexagonal(5.052, 8.27),
        (("Si", (1 / 3, 2 / 3, 0.062)), ("O", (1 / 3, 2 / 3, 1 / 4)), ("O", (0.5, 0, 0))),
        "Kihara, Z. Kristallogr. 148, 237 (1978), 733 K, C10: Si-O-Si 180 degrees",
    ),
    "coesite": Crystal(
        15,
        (7.1356, 12.3692, 7.1736, 90.0, 120.34, 90.0),
        (
            ("Si", (0.14033, 0.10833, 0.07227)),
            ("Si", (0.50682, 0.15799, 0.54077)),
            ("O", (0, 0, 0)),
            ("O", (0.5, 0.1163, 0.75)),
            ("O", (0.2660, 0.1234, 0.9401)),
            ("O", (0.3114, 0.1038, 0.3282)),
            ("O", (0.0172, 0.2117, 0.4782)),
        ),
        "Levien, Prewitt, Am. Mineral. 66, 324 (1981), 1 atm",
    ),
    "stishovite": Crystal(
        136,
        _tetragonal(4.1801, 2.6678),
        (("Si", (0, 0, 0)), ("O", (0.3067, 0.3067, 0))),
        "Ross, Shu, Hazen, Gasparik, Am. Mineral. 75, 739 (1990), 0 GPa",
    ),
    "lithium-oxide": Crystal(
        225,
        _cubic(4.619),
        (("O", (0, 0, 0)), ("Li", (0.25, 0.25, 0.25))),
        "Zintl, Harder, Dauth, Z. Elektrochem. 40, 588 (1934): antifluorite",
    ),
    "sodium-oxide": Crystal(
        225,
        _cubic(5.55),
        (("O", (0, 0, 0)), ("Na", (0.25, 0.25, 0.25))),
        "Zintl, Harder, Dauth, Z. Elektrochem. 40, 588 (1934): antifluorite",
    ),
}
"""Crystals by name; the conventional cell is built."""


def crystal(name: str, *, supercell: tuple[int, int, int] = (1, 1, 1)) -> Atoms:
    """Conventional cell of a known crystal, repeated along a, b, c.

    Raises
    ------
    StructureError
        No crystal has this name.
    """
    if name not in CRYSTALS:
        close = difflib.get_close_matches(name, CRYSTALS, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise StructureError(
            f"no crystal is called {name!r}",
            remedy=f"{hint}known: {', '.join(CRYSTALS)}; any other can be read with `file:`",
        )
    known = CRYSTALS[name]
    built = from_spacegroup(
        [symbol for symbol, _ in known.sites],
        basis=[place for _, place in known.sites],
        spacegroup=known.spacegroup,
        setting=known.setting,
        cellpar=list(known.cell),
    )
    unit = Atoms(numbers=built.numbers, positions=built.positions, cell=built.cell, pbc=True)
    repeated: Atoms = unit.repeat(supercell)
    return repeated
