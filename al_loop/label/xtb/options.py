"""Options of the xTB labeller."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from al_loop.campaign.engines import EngineOptions


class XtbOptions(EngineOptions):
    """GFN-xTB as tblite computes it: Γ point, no net charge, closed shell (half-filled if odd)."""

    method: Literal["GFN1-xTB", "GFN2-xTB"] = Field(
        "GFN1-xTB",
        description="Parametrisation. For silica GFN1 takes a third of the time of GFN2, whose SCF "
        "needs many more cycles.",
    )
    accuracy: float = Field(
        1.0,
        ge=1.0e-4,
        le=10.0,
        description="tblite's accuracy: factor on its SCF thresholds, smaller is tighter; 1 gives "
        "energies to about 1e-6 eV per cell.",
    )
    electronic_temperature: float = Field(
        300.0, ge=0.0, le=50_000.0, description="Of the Fermi occupation, K."
    )
    max_iterations: int = Field(
        250, ge=1, le=10_000, description="SCF cycles before a frame counts as failed."
    )

    @property
    def own_dispersion(self) -> str:
        """Dispersion is a part of both parametrisations."""
        return f"{'D3' if self.method == 'GFN1-xTB' else 'D4'} is a part of {self.method}"
