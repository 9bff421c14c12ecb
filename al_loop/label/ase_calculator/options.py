"""Options of the ASE labeller."""

from __future__ import annotations

from pydantic import Field, JsonValue

from al_loop.campaign.engines import EngineOptions


class AseLabelOptions(EngineOptions):
    """An ASE calculator, by import path and arguments."""

    calculator: str = Field(
        pattern=r"\A[A-Za-z_]\w*(\.\w+)*:[A-Za-z_]\w*\z",
        description="Its import path, module:name; a class, or a function that makes a calculator. "
        "For example gpaw:GPAW, mace.calculators:mace_mp, tblite.ase:TBLite.",
    )
    arguments: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="Its keyword arguments. All belong to the method; a file that is named here "
        "(by its absolute path: jobs run elsewhere) counts by what it holds.",
    )
    other_arguments: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="More keyword arguments, which change no number: commands, cores, devices.",
    )
    virial: bool = Field(
        True,
        description="Ask for the stress. false: the calculator has none; no virial is trained.",
    )
    cores: int = Field(1, ge=1, description="Cores that one call keeps busy.")
    closest: float = Field(
        0.4, ge=0.0, le=3.0, description="Frames with atoms closer than this are refused, Å."
    )
