"""How values depend on the cooling rate and on the size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import log10
from typing import Literal

from al_loop.glass.estimate import Estimate
from al_loop.glass.lines import fit_line
from al_loop.glass.oxides import title
from al_loop.glass.study.variant import Studied

TOLD = (
    "density", "fictive_temperature", "energy_at_rest", "density_at_rest", "fsdp_position",
    "fsdp_height", "si[0-9]", "b[0-9]", "qn_mean", "angle_*_mean", "rings_king_*", "ring_size_king",
)  # fmt: skip
"""Values of which the dependence on rate and size is told; patterns."""
_FEWEST = 3

Over = Literal["rate", "atoms"]


@dataclass(frozen=True)
class Trend:
    """A value over the decimal logarithm of the cooling rate or of the number of atoms.

    ``slope`` is in its unit a decade. ``of`` says of which composition, and of which size or rate;
    ``at`` are the rates (K/ps) or numbers of atoms in it.
    """

    name: str
    over: Over
    of: str
    slope: Estimate
    at: tuple[float, ...]


def trends(variants: Sequence[Studied], *, more: Sequence[str] = ()) -> tuple[Trend, ...]:
    """Lines over rate and size, of variants that differ in nothing else, where there are three.

    Of :data:`TOLD` and ``more``; values that are the same in all of them are left out.
    """
    patterns = (*TOLD, *more)
    by_rate = _alike(variants, lambda one: f"{one.atoms} atoms" if one.rate is not None else None)
    by_size = _alike(variants, lambda one: "" if one.rate is None else f"{one.rate:g} K/ps")
    found: list[Trend] = []
    for of, group in by_rate.items():
        rates = {one.rate: one for one in group if one.rate is not None}
        found += _lines("rate", of, rates, patterns)
    for of, group in by_size.items():
        found += _lines("atoms", of, {float(one.atoms): one for one in group}, patterns)
    return tuple(found)


def _alike(
    variants: Sequence[Studied], same: Callable[[Studied], str | None]
) -> dict[str, list[Studied]]:
    """Variants of one composition in which something else is the same; None: left out."""
    groups: dict[str, list[Studied]] = {}
    for one in variants:
        what = same(one)
        if what is not None:
            of = title(one.measurement.conditions.fractions)
            groups.setdefault(f"{of}, {what}" if what else of, []).append(one)
    return groups


def _lines(
    over: Over, of: str, variants: Mapping[float, Studied], patterns: Sequence[str]
) -> list[Trend]:
    found = []
    names = dict.fromkeys(name for one in variants.values() for name in one.measurement.values)
    for name in names:
        if not any(fnmatchcase(name, pattern) for pattern in patterns):
            continue
        points = {
            x: one.measurement.values[name]
            for x, one in sorted(variants.items())
            if name in one.measurement.values
        }
        if len(points) >= _FEWEST and len({one.value for one in points.values()}) > 1:
            found.append(_trend(name, over, of, points))
    return found


def _trend(name: str, over: Over, of: str, points: Mapping[float, Estimate]) -> Trend:
    errors = [one.error or 0.0 for one in points.values()]
    line = fit_line(
        [log10(x) for x in points],
        [one.value for one in points.values()],
        errors if min(errors) > 0 else None,
    )
    unit = next(iter(points.values())).unit
    slope = Estimate(line.slope, line.slope_error, line.n, unit)
    return Trend(name, over, of, slope, tuple(points))
