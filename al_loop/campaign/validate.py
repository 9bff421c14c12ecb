"""The glass by which a campaign is judged: what is made of the trained potential, and measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from al_loop.campaign.options import Name, Options, Positive
from al_loop.campaign.quench import Glass, Melt, Quench, RandomBox

if TYPE_CHECKING:
    from typing_extensions import Self

GlassGroup = Literal["structure", "rings", "dynamics", "vibrations", "mechanics"]


def _words(given: Any) -> Any:
    """A gate as text: YAML reads ``0.1`` as a number."""
    plain = isinstance(given, int | float) and not isinstance(given, bool)
    return f"{given:g}" if plain else given


GateWords = Annotated[
    str, BeforeValidator(_words), StringConstraints(strip_whitespace=True, min_length=1)
]
"""``2 %`` or ``0.03 1/Å`` from the reference, ``>= 98 %``; read by ``al_loop.glass.compare``."""


class GlassSystem(RandomBox):
    """A composition of which glasses are made, from random boxes at a density."""

    protocol: str | None = Field(
        None,
        min_length=1,
        description="How, instead of melt, quench, glass, ensemble, pressure and timestep: a "
        "protocol of `al-loop glass make`, a YAML file relative to the campaign file or a name "
        "that ships with al_loop. Its last hold is measured.",
    )


class GlassHold(Glass):
    """The glass is held so long at the end of the quench, and measured."""

    ps: Positive = Field(10.0, description="Time, ps; the first fifth is not measured.")
    frames: int = Field(20, ge=2, le=10_000, description="Frames that are measured.")


class Validation(Options):
    """Glasses that are made with the trained potential, measured and held against references."""

    systems: dict[Name, GlassSystem] = Field(
        min_length=1, description="Compositions, by a name each."
    )
    melt: Melt = Field(
        default_factory=lambda: Melt.model_validate({}), description="Held at constant volume."
    )
    quench: Quench = Field(
        default_factory=lambda: Quench.model_validate({}),
        description="The way down; its end is the temperature at which the glass is measured.",
    )
    glass: GlassHold = Field(default_factory=lambda: GlassHold.model_validate({}))
    ensemble: Literal["nvt", "npt"] = Field(
        "npt",
        description="Of quench and glass: npt finds the density at `pressure`, nvt keeps the one "
        "that is given.",
    )
    pressure: float = Field(0.0, allow_inf_nan=False, description="GPa, for npt.")
    timestep: Positive | None = Field(None, le=5.0, description="fs; default: explore.timestep.")
    samples: int = Field(3, ge=1, le=1000, description="Independent glasses of each composition.")
    most_samples: int = Field(
        9,
        ge=1,
        le=1000,
        description="Up to so many are made where one glass or the error bars do not allow a "
        "verdict.",
    )
    model: Literal["leader"] | int = Field(
        "leader",
        description="Member of the committee that makes the glass: the leader, which is exported "
        "(compressed where the trainer compresses), or the number of another.",
    )
    measure: tuple[GlassGroup, ...] = Field(
        ("structure", "rings"), min_length=1, description="Groups of observables."
    )
    modes_up_to: int = Field(
        400,
        ge=1,
        description="Atoms: of glasses up to here `vibrations` are measured, from their modes: N "
        "atoms take 6N force calls and 360 N^2 bytes.",
    )
    references: tuple[str, ...] = Field(
        (),
        description="Files with values (YAML) or curves (CSV) beside those that al_loop has, "
        "relative to the campaign file.",
    )
    explore: int = Field(
        12,
        ge=1,
        le=1000,
        description="States between melt and glass of each composition that failed, from which "
        "walkers start next.",
    )
    explore_up_to: int | None = Field(
        None,
        ge=2,
        description="Atoms: larger glasses are not labelled; boxes of the campaign of the same "
        "composition are quenched instead. Default: 250, or the largest structure that is labelled "
        "at the start.",
    )
    at_budget: bool = Field(
        False, description="Also when a budget ends the campaign: to know, not to go on."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.quench.to >= self.melt.temperature:
            raise ValueError("quench.to must be below melt.temperature")
        if self.most_samples < self.samples:
            raise ValueError("most_samples must not be below samples")
        if isinstance(self.model, int) and self.model < 0:
            raise ValueError("model must be leader or the number of a member, from 0")
        return self
