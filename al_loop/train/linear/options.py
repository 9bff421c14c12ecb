"""Options of the linear pair potential."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from al_loop.campaign.engines import EngineOptions

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class LinearOptions(EngineOptions):
    """Basis and regression of a linear pair potential."""

    rcut: Positive = Field(6.0, description="Cutoff radius, Å.")
    functions: int = Field(
        12, ge=2, le=100, description="Gaussians per pair of elements, between 1 Å and rcut."
    )
    core: float = Field(
        0.9,
        ge=0,
        le=1.2,
        description="Range of the fixed ZBL repulsion, in sums of covalent radii; 0: none.",
    )
    jitter: float = Field(
        0.15,
        ge=0,
        le=0.5,
        description="Random shift of the Gaussians' centres, in units of their spacing: "
        "with the resampling of frames it makes the members of a committee differ.",
    )
    bootstrap: bool = Field(True, description="Whether a member draws its frames with replacement.")
    energy_weight: Positive = Field(10.0, description="Weight of an energy per atom, Å per atom.")
    force_weight: Positive = Field(1.0, description="Weight of a force component.")
    virial_weight: float = Field(1.0, ge=0, description="Weight of a virial per atom, Å per atom.")
    ridge: Positive = Field(
        1.0e-4, description="Pull of the coefficients towards zero (regularisation)."
    )
    pull: Positive = Field(
        1.0e-2,
        description="Pull of a warm-started member's coefficients towards its predecessor's; "
        "it is divided by the effort.",
    )
