"""Options of the pair labeller."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from al_loop.campaign.engines import EngineOptions


class PairOptions(EngineOptions):
    """A pair potential with damped shifted-force electrostatics."""

    potential: Literal["bks"] = Field("bks", description="bks: silica, van Beest et al. 1990.")
    coulomb_cutoff: float = Field(
        10.0, ge=5.5, le=20.0, description="Cutoff of the electrostatics, Å."
    )
    alpha: float = Field(
        0.2, ge=0.0, le=1.0, description="Damping of the electrostatics, 1/Å (0: undamped)."
    )
