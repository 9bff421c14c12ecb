"""A stretch of MD (or a minimisation) with linear targets."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from al_loop.glass.make.steps import Axis, Barostat, Ensemble

Pair = tuple[float, float]


class Segment(BaseModel):
    """A stretch of a run. Pairs are targets at its begin and its end, linear in time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Of its files, for example ``compress-2GPa-ramp``."""
    step: str
    """The protocol's step that it is of."""
    before: str | None
    """The segment that it goes on from; None: the start."""
    ensemble: Ensemble | Literal["relax"]
    steps: int
    """MD steps; 0 of a relaxation."""
    temperature: Pair
    """K; (0, 0) of a relaxation."""
    pressure: Pair = (0.0, 0.0)
    """GPa."""
    cell: Barostat | Literal["fixed"] = "iso"
    axis: Axis | None = None
    """Along which the cell is strained; the barostat has the other two."""
    stretch: float = 1.0
    """By which the length along ``axis`` grows."""
    force: float = 0.0
    """eV/Å, of a relaxation."""
    every: int = 0
    """MD steps between frames."""
    velocities: bool = False
    under: str | None = None
    measured: bool = False
    """Whether its averages are of equilibrium: no target changes."""

    @property
    def still(self) -> bool:
        """Whether it is a relaxation."""
        return self.ensemble == "relax"
