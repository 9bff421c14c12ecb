"""Options of the pair labeller."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from al_loop.campaign.engines import EngineOptions


class PairOptions(EngineOptions):
    """A pair potential with damped shifted-force electrostatics."""

    potential: Literal["bks", "pmmcs", "du-teter"] = Field(
        "bks", description="Published potential, as melt-quenches have them."
    )
    coulomb_cutoff: float | None = Field(
        None,
        ge=5.5,
        le=20.0,
        description="Cutoff of the electrostatics, Å; default: the potential's.",
    )
    alpha: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        description="Damping of the electrostatics, 1/Å (0: undamped); default: the potential's.",
    )
