"""Options of the ASE explorer."""

from __future__ import annotations

from pydantic import Field

from al_loop.campaign.engines import EngineOptions


class AseOptions(EngineOptions):
    """NVT by stochastic velocity rescaling, NPT (volume only) by Martyna, Tobias and Klein."""

    tdamp: float = Field(
        100.0, gt=0, allow_inf_nan=False, description="Time constant of the thermostat, fs."
    )
    pdamp: float = Field(
        1000.0, gt=0, allow_inf_nan=False, description="Time constant of the barostat (npt), fs."
    )
