"""The steps of a protocol, in words: what is done, to where, at which rate, for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from al_loop.campaign.options import Name, Options, Positive
from al_loop.glass.make.potential import check_name

if TYPE_CHECKING:
    from typing_extensions import Self

Ensemble = Literal["nvt", "npt", "nve"]
Axis = Literal["x", "y", "z"]
Barostat = Literal["iso", "aniso", "tri"]

Kelvin = Annotated[float, Field(gt=0, le=20_000, allow_inf_nan=False)]
Pressure = Annotated[float, Field(ge=-100, le=1000, allow_inf_nan=False)]
_CELL = "What changes: the volume (iso), the three lengths (aniso), lengths and angles (tri)."


class _Step(Options):
    """What all steps have."""

    name: Name | None = Field(
        None, description="Name of its files; default: what it does, with a number where needed."
    )
    after: Name | None = Field(
        None, description="Step from whose end it goes on; default: the one before."
    )
    under: str | None = Field(
        None,
        description="Classical potential for this step instead of the one that is asked for, for "
        "example to melt a random box.",
    )

    @field_validator("under")
    @classmethod
    def _published(cls, name: str | None) -> str | None:
        if name is not None:
            check_name(name)
        return name


class _Dynamics(_Step):
    """What all steps of molecular dynamics have."""

    frames: Positive | None = Field(
        None, description="Time between frames, ps; default: the protocol's."
    )
    velocities: bool = Field(False, description="Frames with velocities.")


class _Bath(_Dynamics):
    ensemble: Ensemble = Field("nvt", description="nvt, npt or nve.")
    pressure: Pressure = Field(0.0, description="GPa; of npt.")
    cell: Barostat = Field("iso", description=f"Of npt. {_CELL}")

    @model_validator(mode="after")
    def _has_a_barostat(self) -> Self:
        if self.ensemble != "npt" and (self.pressure != 0 or self.cell != "iso"):
            raise ValueError(
                f"pressure and cell are of ensemble npt; {self.ensemble} keeps the volume"
            )
        return self


class _Ramp(_Bath):
    """From one temperature to another."""

    to: Kelvin = Field(description="K.")
    rate: Positive = Field(description="K/ps; 1 K/ps is 1e12 K/s.")

    @model_validator(mode="after")
    def _has_a_thermostat(self) -> Self:
        if self.ensemble == "nve":
            raise ValueError("nve has no thermostat to follow the rate; take nvt or npt")
        return self


class Relax(_Step):
    """Atoms at rest, at 0 K; with ``cell`` the cell under ``pressure``, too."""

    do: Literal["relax"]
    cell: Literal["fixed", "iso", "aniso", "tri"] = Field("fixed", description=_CELL)
    pressure: Pressure = Field(0.0, description="GPa, where the cell is free.")
    force: Positive = Field(1e-3, description="Largest force that is left, eV/Å.")

    @model_validator(mode="after")
    def _is_free(self) -> Self:
        if self.cell == "fixed" and self.pressure != 0:
            raise ValueError("a fixed cell takes no pressure; free it with cell: iso, aniso or tri")
        return self


class Hold(_Bath):
    """One temperature for a time: melt, mix, anneal, or measure (nve)."""

    do: Literal["hold"]
    temperature: Kelvin | None = Field(None, description="K; default: as before.")
    ps: Positive = Field(description="Time, ps.")
    msd_window: tuple[Positive, Positive] | None = Field(
        None,
        description="ps: where `study` fits a line through the MSD of this hold for D; default: a "
        "sixteenth to an eighth of it.",
    )

    @model_validator(mode="after")
    def _has_the_window(self) -> Self:
        if self.msd_window is not None and not self.msd_window[0] < self.msd_window[1] <= self.ps:
            raise ValueError(
                f"msd_window: {self.msd_window[0]:g} to {self.msd_window[1]:g} ps is no range "
                f"within {self.ps:g} ps"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_defaults(self, inner: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = inner(self)
        if self.msd_window is None:
            del found["msd_window"]  # jobs of before it was there stay the same jobs
        return found


class Quench(_Ramp):
    """Down at a rate, linear in time."""

    do: Literal["quench"]


class Heat(_Ramp):
    """Up at a rate, linear in time."""

    do: Literal["heat"]


class Compress(_Dynamics):
    """From pressure to pressure: a ramp, a rest, and (in ``measure``) a run to measure in."""

    do: Literal["compress"]
    start: Pressure = Field(0.0, alias="from", description="First pressure, GPa.")
    to: Pressure = Field(14.0, description="Last pressure, GPa.")
    by: Positive = Field(2.0, description="Between two pressures, GPa.")
    ramp: Positive = Field(100.0, description="Time of a ramp, ps.")
    relax: Positive = Field(100.0, description="Time at a pressure (npt), ps.")
    measure: float = Field(100.0, ge=0, description="Time without baths (nve), ps; 0: none.")
    cell: Barostat = Field("iso", description=_CELL)


class Strain(_Dynamics):
    """Pulled along one axis after another, each from the start, free along the other two."""

    do: Literal["strain"]
    axes: tuple[Axis, ...] = Field(("x", "y", "z"), min_length=1, description="Axes, in turn.")
    by: float = Field(0.01, gt=0, le=0.5, description="Between two strains.")
    to: float = Field(0.03, ge=-0.5, le=0.5, description="Last strain; below 0: pushed.")
    ramp: Positive = Field(10.0, description="Time in which a strain grows, ps.")
    hold: Positive = Field(50.0, description="Time at a strain, ps.")
    pressure: Pressure = Field(0.0, description="GPa, along the other axes.")

    @model_validator(mode="after")
    def _strained(self) -> Self:
        if abs(self.to) < self.by * (1 - 1e-9):
            raise ValueError("to must be one strain (by) away from 0 at least")
        if abs(abs(self.to) / self.by - round(abs(self.to) / self.by)) > 1e-6:
            raise ValueError(f"to, {self.to:g}, is no whole number of by, {self.by:g}")
        if len(set(self.axes)) < len(self.axes):
            raise ValueError("axes: one is given twice")
        return self


Step = Annotated[
    Relax | Hold | Quench | Heat | Compress | Strain,
    Field(discriminator="do"),
]
