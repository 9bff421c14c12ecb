"""Gates: what a glass has to be like, in words that go into a campaign file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from al_loop.errors import DatasetError
from al_loop.glass.compare.units import factor
from al_loop.glass.measuring.names import Observable, observable

Kind = Literal["bounds", "near", "alike"]

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_BOUND = re.compile(rf"(>=|<=|>|<|≥|≤)\s*({_NUMBER})\s*(\S*)")
_RANGE = re.compile(rf"({_NUMBER})\s*(?:to|\.\.)\s*({_NUMBER})\s*(\S*)")
_NEAR = re.compile(rf"(?:\+-|±)?\s*({_NUMBER})\s*(\S*)")
_REMEDY = (
    'write `2 %` or `0.03 1/Å` (at most so far from the reference), `">= 98 %"`, `"<= 1 %"`, '
    "`140 to 152 degree`; of a curve `10 %` (its R_chi)"
)


@dataclass(frozen=True)
class Gate:
    """What is asked of one value or curve.

    ``bounds``: between ``low`` and ``high`` (None: open). ``near``: at most ``tolerance`` from
    the reference, ``relative`` to it (a fraction) or in the value's unit. ``alike``: a curve whose
    R_chi is at most ``tolerance``. ``text`` is what was written.
    """

    name: str
    text: str
    unit: str
    kind: Kind
    low: float | None = None
    high: float | None = None
    tolerance: float | None = None
    relative: bool = False


def parse_gates(gates: Mapping[str, str | float]) -> tuple[Gate, ...]:
    """Gates of ``name: text``.

    ``2 %`` is relative to the reference; of a value that is itself a percentage (si4) it is
    percentage points. Of bounds a number without a unit has the value's own; a distance needs one.

    Raises
    ------
    DatasetError
        A name, a unit or the form is unknown; with the name of the gate.
    """
    return tuple(parse_gate(name, text) for name, text in gates.items())


def parse_gate(name: str, text: str | float) -> Gate:
    """One gate; see :func:`parse_gates`."""
    full, what = observable(name, where=name)
    words = str(text).strip()
    if what.kind == "curve":
        return _alike(full, words)
    if found := _BOUND.fullmatch(words):
        sign, number, unit = found.groups()
        bound = float(number) * _scale(unit, what, full)
        if sign in (">=", ">", "≥"):
            return Gate(full, words, what.unit, "bounds", low=bound)
        return Gate(full, words, what.unit, "bounds", high=bound)
    if found := _RANGE.fullmatch(words):
        first, last, unit = found.groups()
        scale = _scale(unit, what, full)
        low, high = float(first) * scale, float(last) * scale
        if low > high:
            raise DatasetError(f"{words!r}: the first is above the last", where=full)
        return Gate(full, words, what.unit, "bounds", low=low, high=high)
    if found := _NEAR.fullmatch(words):
        number, unit = found.groups()
        if float(number) < 0:
            raise DatasetError(f"{words!r} is below zero", where=full, remedy=_REMEDY)
        if unit == "%" and what.unit != "%":
            return Gate(
                full, words, what.unit, "near", tolerance=float(number) / 100, relative=True
            )
        if what.unit and not unit:  # 2 for 2 % would let every density pass
            raise DatasetError(
                f"{words!r}: of what?",
                where=full,
                remedy=f"write `{words} %` or `{words} {what.unit}`"
                if what.unit != "%"
                else f"write `{words} %`",
            )
        tolerance = float(number) * _scale(unit, what, full)
        return Gate(full, words, what.unit, "near", tolerance=tolerance)
    raise DatasetError(f"{words!r} is not understood", where=full, remedy=_REMEDY)


def _alike(name: str, words: str) -> Gate:
    found = re.fullmatch(rf"(?:R_chi\s*)?(?:<=|<|≤)?\s*({_NUMBER})\s*(%?)", words)
    if not found or float(found.group(1)) < 0:
        raise DatasetError(f"{words!r} is not understood", where=name, remedy=_REMEDY)
    tolerance = float(found.group(1)) / (100.0 if found.group(2) else 1.0)
    return Gate(name, words, "", "alike", tolerance=tolerance)


def _scale(unit: str, what: Observable, name: str) -> float:
    return factor(unit, what.unit, where=name) if unit else 1.0
