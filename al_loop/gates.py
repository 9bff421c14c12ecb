"""Gates: what an observable of a glass must be, in a few words, and whether it is so.

============================  ====================================================
``2 %``                       within 2 % of the reference (of an observable that is
                              itself in %: within 2 percentage points)
``0.03 1/Å``                  within 0.03 1/Å of the reference
``>= 98 %``, ``<= 0.1``       above, or below, whatever any reference says
``2.17 to 2.23 g/cm3``        between
============================  ====================================================

A value has an error, so there are three answers: it is inside, it is outside, or more samples are
needed to know.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

GateVerdict = Literal["passed", "failed", "undecided"]

PERCENT = "%"

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_UNIT = r"(?P<unit>[^\d\s<>=+\-±.][^\s]*|1/[^\s]+|)"
_BOUND = re.compile(rf"(?P<sign>>=|<=|≥|≤)\s*(?P<value>{_NUMBER})\s*{_UNIT}")
_RANGE = re.compile(rf"(?P<low>{_NUMBER})\s*(?:to|\.\.)\s*(?P<high>{_NUMBER})\s*{_UNIT}")
_TOLERANCE = re.compile(rf"(?:±|\+-)?\s*(?P<value>{_NUMBER})\s*{_UNIT}")
_QUANTITY = re.compile(
    rf"(?P<value>{_NUMBER})\s*(?:(?:±|\+-|\+/-)\s*(?P<spread>{_NUMBER}))?\s*{_UNIT}"
)
_SAME_UNIT = {
    "A": "Å",
    "Ang": "Å",
    "1/A": "1/Å",
    "Å-1": "1/Å",
    "A-1": "1/Å",
    "Å^-1": "1/Å",
    "A^-1": "1/Å",
    "g/cm^3": "g/cm3",
    "g/cm³": "g/cm3",
    "deg": "°",
    "degrees": "°",
    "percent": PERCENT,
}


@dataclass(frozen=True)
class Quantity:
    """A value, how far others may lie from it, and the unit of both."""

    value: float
    spread: float
    unit: str


@dataclass(frozen=True)
class Gate:
    """What a value must be: near its reference (``tolerance``), or between ``low`` and ``high``."""

    words: str
    unit: str
    tolerance: float | None = None
    low: float = -math.inf
    high: float = math.inf

    @property
    def needs_reference(self) -> bool:
        """Whether it says how near a reference the value must be."""
        return self.tolerance is not None

    def refuses(self, unit: str) -> str:
        """Why a value in this unit cannot be held against it; empty when it can."""
        relative = self.needs_reference and self.unit == PERCENT
        if relative or same_unit(unit) == self.unit:
            return ""
        return f"{self.words!r} is in {self.unit or 'no unit'}, the observable in {unit or 'none'}"

    def window(self, unit: str, reference: Quantity | None = None) -> tuple[float, float]:
        """Between which values a value in ``unit`` must lie; the reference's spread counts as it.

        Raises
        ------
        ValueError
            There is no reference, and one is needed; or the units are not the same.
        """
        if refusal := self.refuses(unit):
            raise ValueError(refusal)
        if self.tolerance is None:
            return self.low, self.high
        if reference is None:
            raise ValueError(f"{self.words!r} is a distance from a reference, and there is none")
        if same_unit(reference.unit) != same_unit(unit):
            raise ValueError(f"the reference is in {reference.unit}, the observable in {unit}")
        relative = self.unit == PERCENT != same_unit(unit)
        allowed = self.tolerance * (abs(reference.value) / 100.0 if relative else 1.0)
        allowed += reference.spread
        return reference.value - allowed, reference.value + allowed


def parse_gate(words: str) -> Gate:
    """A gate from its words; ValueError that shows what can be said."""
    text = words.strip()
    if found := _BOUND.fullmatch(text):
        value, unit = float(found["value"]), same_unit(found["unit"])
        if found["sign"] in (">=", "≥"):
            return Gate(text, unit, low=value)
        return Gate(text, unit, high=value)
    if found := _RANGE.fullmatch(text):
        low, high = float(found["low"]), float(found["high"])
        if low >= high:
            raise ValueError(f"{words!r}: the first value must be below the second")
        return Gate(text, same_unit(found["unit"]), low=low, high=high)
    if found := _TOLERANCE.fullmatch(text):
        if float(found["value"]) <= 0:
            raise ValueError(f"{words!r}: a distance from the reference must be above zero")
        return Gate(text, same_unit(found["unit"]), tolerance=float(found["value"]))
    raise ValueError(
        f"{words!r} is no gate: write `2 %` or `0.03 1/Å` (from the reference), `>= 98 %`, "
        "`<= 0.1` or `2.17 to 2.23 g/cm3`"
    )


def parse_quantity(words: str) -> Quantity:
    """``2.20 +- 0.01 g/cm3``; ValueError that shows what can be said."""
    found = _QUANTITY.fullmatch(words.strip())
    if not found:
        raise ValueError(f"{words!r} is no value such as `2.20 g/cm3` or `2.20 +- 0.01 g/cm3`")
    return Quantity(
        float(found["value"]), abs(float(found["spread"] or 0.0)), same_unit(found["unit"])
    )


def same_unit(unit: str) -> str:
    """One spelling of a unit for all that mean it (``Å-1``: ``1/Å``)."""
    return _SAME_UNIT.get(unit, unit)


def judge_value(
    value: float,
    error: float | None,
    window: tuple[float, float],
    *,
    samples: int,
    confidence: float = 0.9,
) -> GateVerdict:
    """Whether a value lies inside a window, with a confidence that the error allows.

    ``error`` is the standard error of the mean of ``samples`` independent samples; Student's t has
    one degree of freedom less. Of one sample the error over its frames is taken as it is. Without
    an error nothing can be decided. A value that is within its error of an end is undecided.
    """
    from scipy.stats import norm
    from scipy.stats import t as student

    if error is None or not math.isfinite(value):
        return "undecided" if error is None else "failed"
    factor = student.ppf(confidence, samples - 1) if samples > 1 else norm.ppf(confidence)
    reach = float(factor) * error
    low, high = window
    if value - reach >= low and value + reach <= high:
        return "passed"
    return "failed" if value + reach < low or value - reach > high else "undecided"
