"""What is told of glasses that a protocol has made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from al_loop.errors import DatasetError
from al_loop.glass.measuring.names import observable
from al_loop.glass.measuring.options import Charges
from al_loop.glass.structure.options import Cutoffs

if TYPE_CHECKING:
    from typing_extensions import Self

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Range = tuple[Positive, Positive]


class StudyOptions(BaseModel):
    """Which state is the glass, and in which ranges lines are fitted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: Positive = Field(
        300.0, description="K: the hold nearest to it (the last of those) is the state measured."
    )
    phase: str | None = Field(
        None, description="glass, melt, or a crystal's name. Default: the crystal of the start."
    )
    glass: Range | None = Field(
        None, description="K: where the glass's line is fitted, for the fictive temperature."
    )
    melt: Range | None = Field(None, description="K: where the melt's line is fitted.")
    expansion: Range | None = Field(
        None,
        description="K: range of the thermal expansion. Default: all of a crystal's heating; "
        "none of a glass, which softens.",
    )
    charges: Charges = Field(
        default_factory=dict,
        description="e: elements that conduct, for conductivities and the Haven ratio.",
    )
    diffusion: bool = Field(True, description="Whether displacements are looked at.")
    structure: bool = Field(
        True, description="Whether the structure of the state, and over pressure, is looked at."
    )
    rings: bool = Field(False, description="Rings of the state, too.")
    cutoffs: Cutoffs = Field(
        default_factory=dict, description="Å per pair of elements: of bonds, beside the defaults."
    )
    trends: tuple[str, ...] = Field(
        (),
        description="Values whose dependence on rate and size is told, beside those that always "
        "are; * and ? stand for any characters (rings_guttman_*).",
    )
    window: Range | None = Field(
        None,
        description="ps: where a line through the MSD of a hold gives D. Default: `msd_window` of "
        "the protocol's step, or a sixteenth to an eighth of what is looked at.",
    )
    skip: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = Field(
        0.0,
        description="ps at the start of each hold that displacements leave out, where the step "
        "before left it at another temperature.",
    )

    @field_validator("trends")
    @classmethod
    def _named(cls, trends: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(one if set(one) & set("*?[") else observable(one)[0] for one in trends)
        except DatasetError as error:
            raise ValueError(error.what) from None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.glass is None) != (self.melt is None):
            raise ValueError("give the ranges of both glass and melt, or none")
        units = {"glass": "K", "melt": "K", "expansion": "K", "window": "ps"}
        for name, unit in units.items():
            found = getattr(self, name)
            if found is not None and found[0] >= found[1]:
                raise ValueError(f"{name}: from {found[0]:g} to {found[1]:g} {unit} is no range")
        return self
