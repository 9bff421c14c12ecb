"""What is measured of a structure, and how finely."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from al_loop.errors import DatasetError
from al_loop.glass.structure.bonds import FORMERS, check_cutoffs
from al_loop.glass.structure.fsdp import FSDP_RANGE
from al_loop.glass.structure.rings import CRITERIA, LARGEST_RING, Criterion
from al_loop.glass.structure.scattering import Window

Positive = Annotated[float, Field(gt=0.0)]


def _of_pairs(cutoffs: dict[str, float]) -> dict[str, float]:
    try:
        return check_cutoffs(cutoffs)
    except DatasetError as error:
        raise ValueError(f"{error.what}: {error.remedy}") from None


Cutoffs = Annotated[dict[str, Positive], AfterValidator(_of_pairs)]
"""Å per pair of elements."""


class StructureOptions(BaseModel):
    """What is measured, and how finely."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cutoffs: Cutoffs = Field(
        default_factory=dict, description="Å per pair of elements, beside the defaults."
    )
    formers: tuple[str, ...] = Field(FORMERS, description="Elements that oxygen bridges.")
    r_max: Positive | None = Field(
        None, description="Å: end of g(r). Default: half the cell, at most 20."
    )
    r_width: Positive = Field(0.02, description="Å: bins of g(r).")
    q_max: Positive = Field(20.0, description="1/Å: end of S(q).")
    q_step: Positive = Field(0.02, description="1/Å.")
    window: Window = Field("lorch", description="Window of the transform to S(q).")
    lengths: dict[str, float] = Field(
        default_factory=dict, description="fm: neutron scattering lengths, beside the defaults."
    )
    fsdp: tuple[Positive, Positive] = Field(
        FSDP_RANGE, description="1/Å: where the first sharp peak is looked for."
    )
    angle_width: Positive = Field(1.0, description="Degrees: bins of the angles.")
    rings: tuple[Criterion, ...] = Field(CRITERIA, description="Ring criteria; none: no rings.")
    largest_ring: int = Field(LARGEST_RING, ge=2, le=50, description="Formers.")
    rings_every: int = Field(1, ge=1, description="Rings of every n-th frame.")
