"""What a glass is held against: values and curves with their source and uncertainty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from ase.formula import Formula
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from al_loop.errors import DatasetError
from al_loop.glass.compare.units import factor
from al_loop.glass.measuring.measurement import Conditions
from al_loop.glass.measuring.names import observable
from al_loop.glass.oxides import parts_of, title
from al_loop.glass.structure import Window
from al_loop.units import Array

Method = Literal[
    "experiment", "interpolation", "DFT", "stoichiometry", "NNP", "classical", "measurement"
]
METHODS: tuple[Method, ...] = (
    "measurement",
    "experiment",
    "stoichiometry",
    "interpolation",
    "DFT",
    "NNP",
    "classical",
)
"""Most trusted first: where there are several references, gates take the first of these."""

Positive = Annotated[float, Field(gt=0.0)]
ROOM = 300.0
"""K: what is meant where nobody says."""
_SAME_FRACTION = 0.01
_AS_NEAR = 0.003
_SAME_PRESSURE = 0.5  # GPa


class Subject(BaseModel):
    """Of what, under which conditions, by whom. Shared by values and curves."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    phase: str = Field("glass", description="glass, melt, or a crystal's name.")
    composition: dict[str, Positive] = Field(
        min_length=1, description="Oxide (or element) -> mol %, or parts; SiO2 67, Na2O 33 as text."
    )
    temperature: Positive = Field(ROOM, description="K.")
    pressure: float = Field(0.0, description="GPa.")
    method: Method = Field(description="Where the value comes from.")
    technique: str = Field("", description="neutron diffraction, 29Si NMR, PBEsol, BKS, ...")
    source: str = Field(min_length=1, description="Who published it, where.")
    doi: str = ""
    note: str = ""

    @field_validator("composition", mode="before")
    @classmethod
    def _in_words(cls, composition: object) -> object:
        return parts_of(composition) if isinstance(composition, str) else composition

    @field_validator("composition")
    @classmethod
    def _formulas(cls, composition: dict[str, float]) -> dict[str, float]:
        for oxide in composition:
            try:
                known = bool(Formula(oxide, strict=True).count())
            except ValueError:
                known = False
            if not known:
                raise ValueError(f"{oxide!r} is no formula")
        return composition

    @property
    def fractions(self) -> dict[str, float]:
        """Fractions of atoms by element."""
        counts: Counter[str] = Counter()
        for oxide, parts in self.composition.items():
            for element, n in Formula(oxide).count().items():
                counts[element] += n * parts  # type: ignore[assignment]
        total = sum(counts.values())
        return {element: n / total for element, n in counts.items()}

    def distance(self, fractions: Mapping[str, float]) -> float:
        """The largest difference of an element's fraction of atoms."""
        mine = self.fractions
        return max(abs(mine.get(one, 0.0) - fractions.get(one, 0.0)) for one in {*mine, *fractions})

    def concerns(self, conditions: Conditions) -> bool:
        """Whether it is of this phase and composition, at this temperature and pressure.

        Fractions of atoms may differ by 0.01 (boxes have whole atoms), temperatures by 50 K or a
        tenth, pressures by 0.5 GPa. A measurement without a temperature is taken for one at 300 K.
        """
        kelvin = ROOM if conditions.temperature is None else conditions.temperature
        return (
            self.phase == conditions.phase
            and set(self.fractions) == set(conditions.fractions)
            and self.distance(conditions.fractions) <= _SAME_FRACTION
            and abs(self.temperature - kelvin) <= max(50.0, 0.1 * self.temperature)
            and abs(self.pressure - conditions.pressure) <= _SAME_PRESSURE
        )


class Reference(Subject):
    """A value.

    ``uncertainty`` is one standard error; ``spread`` is half the range in which published
    values lie, or what counts as agreement. One of them is needed.
    """

    name: str
    value: float
    unit: str
    uncertainty: float | None = Field(None, ge=0.0)
    spread: float | None = Field(None, ge=0.0)

    @model_validator(mode="before")
    @classmethod
    def _in_our_units(cls, data: object) -> object:
        if not isinstance(data, dict) or not isinstance(data.get("name"), str):
            return data
        try:
            name, what = observable(data["name"])
            if what.kind != "value":
                raise ValueError(f"{name} is a curve; give it as CSV")
            scale = factor(str(data.get("unit", "")), what.unit, where=name)
        except DatasetError as error:
            raise ValueError(str(error)) from None
        numbers = {
            key: data[key] * scale
            for key in ("value", "uncertainty", "spread")
            if isinstance(data.get(key), int | float)
        }
        return {**data, **numbers, "name": name, "unit": what.unit}

    @model_validator(mode="after")
    def _has_width(self) -> Reference:
        if self.uncertainty is None and self.spread is None:
            raise ValueError(f"{self.name}: give uncertainty, spread or both")
        return self

    @property
    def subject(self) -> Subject:
        """What it is of: itself, so that values and curves are asked alike."""
        return self

    @property
    def half_width(self) -> float:
        """What is inside: the spread, or two standard errors, whichever is wider."""
        return max(self.spread or 0.0, 2.0 * (self.uncertainty or 0.0))


@dataclass(frozen=True)
class ReferenceCurve:
    """A curve: ``x``, ``y`` (points,) in the units of its name, ``error`` of each y or None.

    ``tolerance``: the R_chi up to which a curve agrees with it. ``scaled``: only the shape counts;
    both curves are brought to the same area. ``q_max`` (1/Å) and ``window``: a curve over r was
    transformed from an S(q) that ended there; None: it has no resolution to speak of.
    """

    name: str
    subject: Subject
    x: Array
    y: Array
    error: Array | None
    tolerance: float
    scaled: bool = False
    q_max: float | None = None
    window: Window = "lorch"

    def within(self, low: float, high: float) -> ReferenceCurve:
        """The part of it between two x."""
        kept = (self.x >= low) & (self.x <= high)
        error = None if self.error is None else self.error[kept]
        return replace(self, x=self.x[kept], y=self.y[kept], error=error)


@dataclass(frozen=True)
class References:
    """Values and curves of any substance; :meth:`of` takes those of one."""

    values: tuple[Reference, ...] = ()
    curves: tuple[ReferenceCurve, ...] = ()

    def __add__(self, other: References) -> References:
        return References(self.values + other.values, self.curves + other.curves)

    def of(self, conditions: Conditions) -> References:
        """Those of this phase, composition, temperature and pressure; most trusted first.

        Of several compositions that are near enough, those that are nearest.
        """
        values = [one for one in self.values if one.concerns(conditions)]
        curves = [one for one in self.curves if one.subject.concerns(conditions)]
        subjects = [one.subject for one in values] + [one.subject for one in curves]
        nearest = min((one.distance(conditions.fractions) for one in subjects), default=0.0)

        def near(one: Reference | ReferenceCurve) -> bool:
            return one.subject.distance(conditions.fractions) <= nearest + _AS_NEAR

        def trust(one: Reference | ReferenceCurve) -> int:
            return METHODS.index(one.subject.method)

        return References(
            tuple(sorted(filter(near, values), key=trust)),
            tuple(sorted(filter(near, curves), key=trust)),
        )

    def nearest(self, conditions: Conditions) -> str:
        """The glass of the same elements and phase that is nearest, in words; else other phases.

        Empty where there is nothing of these elements.
        """
        subjects = [one.subject for one in self.values] + [one.subject for one in self.curves]
        alike = [
            one
            for one in subjects
            if one.phase == conditions.phase and set(one.fractions) == set(conditions.fractions)
        ]
        if not alike:
            same = [one for one in subjects if set(one.fractions) == set(conditions.fractions)]
            phases = ", ".join(sorted({one.phase for one in same}))
            return f"{title(conditions.fractions)} as {phases}" if phases else ""
        kelvin = ROOM if conditions.temperature is None else conditions.temperature
        one = min(
            alike,
            key=lambda one: (
                round(one.distance(conditions.fractions), 3),
                abs(one.temperature - kelvin),
                abs(one.pressure - conditions.pressure),
            ),
        )
        return f"{title(one.fractions)} at {one.temperature:g} K, {one.pressure:g} GPa"

    def best(self, name: str) -> Reference | None:
        """The most trusted value of this name, of references of one substance."""
        found: Mapping[str, Reference] = {one.name: one for one in reversed(self.values)}
        return found.get(name)
