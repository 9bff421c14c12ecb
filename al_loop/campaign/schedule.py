"""Schedules of exploration in words: what happens to a structure, in K, GPa, ps and lengths."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from al_loop.campaign.strict import StrictModel

_Kelvin = Annotated[float, Field(gt=0, le=20_000)]
_Rate = Annotated[float, Field(gt=0)]
_Ps = Annotated[float, Field(ge=0)]
_LongPs = Annotated[float, Field(gt=0)]
_Strain = Annotated[float, Field(gt=-0.6, lt=1.0)]
_Factor = Annotated[float, Field(ge=0.4, le=1.6)]
Axis = Literal["a", "b", "c", "all"]


class _Schedule(StrictModel):
    model_config = ConfigDict(populate_by_name=True)


class _Thermal(_Schedule):
    ensembles: tuple[Literal["nvt", "npt"], ...] = Field(
        ("nvt",), min_length=1, description="nvt: at constant volume; npt: at constant pressure."
    )
    pressure: float = Field(0.0, description="GPa, for npt.")


class Melt(_Schedule):
    """Held at each temperature."""

    temperatures: tuple[_Kelvin, ...] = Field(min_length=1, description="K.")
    hold: _LongPs = Field(description="ps.")
    ensembles: tuple[Literal["nvt", "npt"], ...] = Field(
        ("nvt",), min_length=1, description="nvt: at constant volume; npt: at constant pressure."
    )
    pressures: tuple[float, ...] = Field((0.0,), min_length=1, description="GPa, for npt.")


class Quench(_Thermal):
    """Cooled at constant rates, one walker each."""

    start: _Kelvin = Field(alias="from", description="K.")
    to: _Kelvin = Field(description="K.")
    rates: tuple[_Rate, ...] = Field(min_length=1, description="K/ps; one walker each.")
    before: _Ps = Field(0.0, description="Held at `from`, ps.")
    after: _Ps = Field(0.0, description="Held at `to`, ps.")

    @model_validator(mode="after")
    def _cools(self) -> Quench:
        if self.to >= self.start:
            raise ValueError(f"to ({self.to:g} K) must be below from ({self.start:g} K)")
        return self


class Anneal(_Thermal):
    """Heated, held, and cooled again at the same rate."""

    start: _Kelvin = Field(300.0, alias="from", description="K.")
    to: _Kelvin = Field(description="K.")
    rate: _Rate = Field(description="K/ps.")
    hold: _Ps = Field(0.0, description="Held at `to`, ps.")
    back: bool = Field(True, description="Whether it is cooled to `from` again.")

    @model_validator(mode="after")
    def _heats(self) -> Anneal:
        if self.to <= self.start:
            raise ValueError(f"to ({self.to:g} K) must be above from ({self.start:g} K)")
        return self


class Compress(_Schedule):
    """Hydrostatic npt, pressure after pressure."""

    temperatures: tuple[_Kelvin, ...] = Field((300.0,), min_length=1, description="K.")
    start: float = Field(0.0, alias="from", description="GPa.")
    to: float = Field(description="GPa; below `from`: decompression.")
    step: float = Field(gt=0, description="From one pressure to the next, GPa.")
    hold: _LongPs = Field(description="At each pressure, ps.")

    @model_validator(mode="after")
    def _possible(self) -> Compress:
        if self.to == self.start:
            raise ValueError("to and from are the same pressure: that is a hold")
        if abs(self.to - self.start) / self.step > 1000:
            raise ValueError(f"more than 1000 pressures: step ({self.step:g} GPa) is too small")
        return self


class Strain(_Schedule):
    """The cell is stretched or shrunk at a constant rate (nvt), atoms go along."""

    temperatures: tuple[_Kelvin, ...] = Field((300.0,), min_length=1, description="K.")
    to: tuple[_Strain, ...] = Field(
        min_length=1, description="Final strains of a length (0.1: 10 % longer), a walker each."
    )
    rate: _Rate = Field(description="1/ps.")
    axes: tuple[Axis, ...] = Field(
        ("all",), min_length=1, description="Cell vectors, one at a time; all: hydrostatic."
    )

    @model_validator(mode="after")
    def _moves(self) -> Strain:
        if 0.0 in self.to:
            raise ValueError("a strain of 0 is no strain")
        return self


class Scale(_Schedule):
    """Lengths of the box brought to factors of what they are (nvt): short distances."""

    temperatures: tuple[_Kelvin, ...] = Field((300.0,), min_length=1, description="K.")
    factors: tuple[_Factor, ...] = Field(
        min_length=1, description="Of all lengths (0.85: 15 % shorter), a walker each."
    )
    over: _LongPs = Field(0.1, description="Time in which the box gets there, ps.")
    hold: _Ps = Field(0.1, description="Held afterwards, ps.")


class Crystals(_Schedule):
    """Heated at fixed cells, each strained a little."""

    start: _Kelvin = Field(300.0, alias="from", description="K.")
    to: _Kelvin = Field(description="K.")
    rate: _Rate = Field(description="K/ps.")
    strains: tuple[_Strain, ...] = Field(
        (0.0,), min_length=1, description="Of all lengths, before the heating; a walker each."
    )
    over: _LongPs = Field(0.1, description="Time in which the cell is strained, ps.")

    @model_validator(mode="after")
    def _heats(self) -> Crystals:
        if self.to <= self.start:
            raise ValueError(f"to ({self.to:g} K) must be above from ({self.start:g} K)")
        return self


AnySchedule = Melt | Quench | Anneal | Compress | Strain | Scale | Crystals


class Schedule(StrictModel):
    """Exactly one of these."""

    melt: Melt | None = None
    quench: Quench | None = None
    anneal: Anneal | None = None
    compress: Compress | None = None
    strain: Strain | None = None
    scale: Scale | None = None
    crystals: Crystals | None = None

    @model_validator(mode="after")
    def _one(self) -> Schedule:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            words = ", ".join(type(self).model_fields)
            raise ValueError(f"exactly one of {words} must be given")
        return self

    @property
    def chosen(self) -> AnySchedule:
        """The one that is given."""
        names = type(self).model_fields
        found: AnySchedule = next(x for n in names if (x := getattr(self, n)) is not None)
        return found
