"""Values and curves as plain JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Curve
from al_loop.units import Array


class Strict(BaseModel):
    """What is stored: no key too many, no number that is none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class StoredValue(Strict):
    """An :class:`~al_loop.glass.estimate.Estimate`."""

    value: float
    error: float | None
    n: int
    unit: str


class StoredCurve(Strict):
    """A :class:`~al_loop.glass.estimate.Curve`."""

    x: list[float]
    y: list[float]
    error: list[float] | None
    n: int
    x_unit: str
    y_unit: str

    def curve(self, where: str) -> Curve:
        """The curve; DatasetError where its columns differ in length."""
        if len(self.y) != len(self.x) or (self.error and len(self.error) != len(self.x)):
            raise DatasetError("x, y and error have different lengths", where=where)
        error = None if self.error is None else np.array(self.error)
        return Curve(np.array(self.x), np.array(self.y), error, self.n, self.x_unit, self.y_unit)


def plain(curve: Curve, *, digits: int | None = None) -> dict[str, Any]:
    """A curve for :class:`StoredCurve`; to ``digits``, or to the last bit."""
    return {
        "x": _numbers(curve.x, digits),
        "y": _numbers(curve.y, digits),
        "error": None if curve.error is None else _numbers(curve.error, digits),
        "n": curve.n,
        "x_unit": curve.x_unit,
        "y_unit": curve.y_unit,
    }


def _numbers(values: Array, digits: int | None) -> list[float]:
    if digits is None:
        return [float(value) for value in values]
    return [float(f"{value:.{digits}g}") for value in values]
