"""What is measured of samples, under which conditions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ase.data import atomic_numbers
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)

from al_loop.glass.structure import StructureOptions

Positive = Annotated[float, Field(gt=0.0)]
Group = Literal["structure", "rings", "dynamics", "vibrations", "mechanics"]
GROUPS: tuple[Group, ...] = ("structure", "rings", "dynamics", "vibrations", "mechanics")


def _of_elements(charges: dict[str, float]) -> dict[str, float]:
    if unknown := sorted(set(charges) - set(atomic_numbers)):
        raise ValueError(f"there is no element {', '.join(unknown)}")
    return charges


Charges = Annotated[dict[str, float], AfterValidator(_of_elements)]
"""e per element."""


class MeasureOptions(BaseModel):
    """What is measured, and what cannot be seen in the files: phase, temperature, pressure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    groups: tuple[Group, ...] = Field(GROUPS, description="What is measured.")
    phase: str = Field("glass", description="glass, melt, or a crystal's name (alpha-quartz).")
    temperature: Positive | None = Field(
        None, description="K. Default: that of the velocities, if there are any."
    )
    pressure: float = Field(0.0, description="GPa; a calculator's cells are at rest under it.")
    structure: StructureOptions = Field(
        StructureOptions.model_validate({}), description="Cutoffs, bins, rings."
    )
    window: tuple[Positive, Positive] | None = Field(
        None,
        description="ps: where a line through the MSD gives D. Default: a sixteenth to an eighth "
        "of the run (2 to 4 frames of a short one). Errors know of atoms that move together where "
        "the run is three times as long as the window's end.",
    )
    charges: Charges = Field(
        default_factory=dict,
        description="e: elements that conduct, for conductivities and the Haven ratio.",
    )
    wave_number: Positive = Field(
        1.5, description="1/Å: of the dynamic structure factor, of waves within 0.1 of it."
    )
    broadening: Positive = Field(
        0.3, description="THz: standard deviation, of the VDOS and the dynamic structure factor."
    )
    max_frequency: Positive = Field(50.0, description="THz: end of the two.")
    modes_up_to: int = Field(
        400, ge=1, description="Atoms: with a calculator the VDOS is that of the modes, up to here."
    )
    strain: Positive = Field(2.0e-3, le=0.05, description="Of the elastic constants.")
    force: Positive = Field(1.0e-3, description="eV/Å: what may be left when atoms are at rest.")
    equation_of_state: bool = Field(
        False, description="With the mechanics: energy over volume, and what Birch-Murnaghan says."
    )
    volumes: tuple[Positive, Positive] = Field(
        (0.94, 1.06),
        description="Of the equation of state: the smallest and the largest of seven volumes, "
        "relative to that at rest.",
    )

    @field_validator("window")
    @classmethod
    def _forwards(cls, window: tuple[float, float] | None) -> tuple[float, float] | None:
        if window is not None and window[0] >= window[1]:
            raise ValueError(f"from {window[0]:g} to {window[1]:g} ps is no range")
        return window

    @field_validator("equation_of_state")
    @classmethod
    def _with_mechanics(cls, asked: bool, info: ValidationInfo) -> bool:
        if asked and "mechanics" not in info.data.get("groups", GROUPS):
            raise ValueError("it is of the group mechanics, which is not asked for")
        if asked and info.data.get("pressure"):
            raise ValueError("it is that of all pressures: measure it with a pressure of 0")
        return asked

    @field_validator("volumes")
    @classmethod
    def _around_rest(cls, volumes: tuple[float, float]) -> tuple[float, float]:
        if not volumes[0] < 1.0 < volumes[1]:
            raise ValueError("one below 1 and one above it: relative to the volume at rest")
        return volumes

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, inner: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = inner(self)
        if not self.equation_of_state:
            del found["equation_of_state"], found["volumes"]  # jobs of before stay the same jobs
        return found
