"""The path of a walker: legs, one after another, each with targets that change linearly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Ensemble = Literal["nvt", "npt"]

_Kelvin = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Factor = Annotated[float, Field(gt=0.1, lt=10.0)]


class Leg(BaseModel):
    """A part of a trajectory. Pairs are targets at its begin and its end, linear in time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(ge=1)
    ensemble: Ensemble
    temperature: tuple[_Kelvin, _Kelvin]
    """K."""
    pressure: tuple[float, float] = (0.0, 0.0)
    """GPa, hydrostatic; used by npt."""
    stretch: tuple[_Factor, _Factor, _Factor] = (1.0, 1.0, 1.0)
    """Factors by which the cell's vectors a, b, c get longer, linear in time; atoms go along."""

    @property
    def deforms(self) -> bool:
        """Whether the cell is changed by force."""
        return self.stretch != (1.0, 1.0, 1.0)


def hold(
    *, steps: int, ensemble: Ensemble, temperature: float, pressure: float = 0.0
) -> tuple[Leg, ...]:
    """A path at one temperature (K) and pressure (GPa)."""
    same = (pressure, pressure)
    leg = Leg(steps=steps, ensemble=ensemble, temperature=(temperature, temperature), pressure=same)
    return (leg,)


def check_path(legs: Sequence[Leg]) -> None:
    """ValueError for a path that cannot be run.

    The cell under a deformation has to follow from the start and the step alone, so that a
    walker can go on inside it; what npt makes of a cell does not.
    """
    floating = False
    for leg in legs:
        if leg.deforms and (floating or leg.ensemble == "npt"):
            raise ValueError("a leg that deforms the cell must be nvt, and before any npt leg")
        floating = floating or leg.ensemble == "npt"


def begins(legs: Sequence[Leg]) -> list[int]:
    """The step at which each leg begins."""
    found = [0]
    for leg in legs[:-1]:
        found.append(found[-1] + leg.steps)
    return found


def leg_at(legs: Sequence[Leg], step: int) -> tuple[int, float]:
    """Index of the leg by which a step is reached, and how far into it, from 0 to 1.

    The step at which two legs meet is the end of the first one.
    """
    for index, (begin, leg) in enumerate(zip(begins(legs), legs, strict=True)):
        if step <= begin + leg.steps:
            return index, (step - begin) / leg.steps
    return len(legs) - 1, 1.0


def temperature_at(legs: Sequence[Leg], step: int) -> float:
    """Target temperature at a step, K."""
    index, part = leg_at(legs, step)
    return _between(legs[index].temperature, part)


def pressure_at(legs: Sequence[Leg], step: int) -> float:
    """Target pressure at a step, GPa."""
    index, part = leg_at(legs, step)
    return _between(legs[index].pressure, part)


def stretch_at(legs: Sequence[Leg], step: int) -> tuple[float, float, float]:
    """Lengths of the cell's vectors at a step, in units of the start's, where npt has no part."""
    index, part = leg_at(legs, step)
    a, b, c = (1.0 + (factor - 1.0) * part for factor in legs[index].stretch)
    for leg in legs[:index]:
        a, b, c = a * leg.stretch[0], b * leg.stretch[1], c * leg.stretch[2]
    return a, b, c


def _between(ends: tuple[float, float], part: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * part
