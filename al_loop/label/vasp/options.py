"""Options of the VASP labeller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from al_loop.campaign.engines import EngineOptions
from al_loop.label.options import Command, Kpoints
from al_loop.label.vasp.incar import Tag, as_options, read_template
from al_loop.label.vasp.presets import PRESETS, PresetName

Functional = Literal["PBE", "PBEsol", "AM05", "SCAN", "r2SCAN"]
Smearing = Literal["gaussian", "fermi", "tetrahedron"]
Dispersion = Literal["none", "d3-zero", "d3-bj"]

_BUILT_IN_D3 = ("PBE", "PBEsol")


class VaspOptions(EngineOptions):
    """A single point of VASP; the defaults suit melts and glasses of oxides."""

    preset: PresetName | None = Field(
        None, description="Settings of a paper; options that are given beside it win."
    )
    functional: Functional = Field("PBE", description="Exchange and correlation.")
    encut: float = Field(
        600.0,
        ge=100.0,
        le=3000.0,
        description="Cutoff energy of the plane waves, eV. For the stress take 1.3 times the "
        "largest ENMAX of the POTCARs; less than that ENMAX is refused.",
    )
    kpoints: Kpoints = Field(
        "gamma",
        description="`gamma` (cells of 10 Å or more); a number: density of the mesh per Å-3 of "
        "the reciprocal cell (64 to 100 for crystals), Γ-centred; or a mesh such as [6, 6, 3].",
    )
    ediff: float = Field(1.0e-6, gt=0.0, le=1.0e-3, description="SCF convergence, eV per cell.")
    max_iterations: int = Field(
        120, ge=10, le=2000, description="SCF cycles (NELM); a frame that needs all has failed."
    )
    smearing: Smearing = Field("gaussian", description="Of the occupations (ISMEAR).")
    sigma: float = Field(0.05, gt=0.0, le=2.0, description="Width of the smearing, eV.")
    dispersion: Dispersion = Field(
        "none", description="D3 inside the labels (IVDW 11 or 12); `none` leaves it out."
    )
    incar: dict[str, Tag] = Field(
        default_factory=dict,
        description="Further INCAR tags, or the path of an INCAR of yours, which is read once, "
        "when the campaign is: its ENCUT, GGA, ... become the options above.",
    )
    potcars: dict[str, str] = Field(
        min_length=1,
        description="POTCAR of each element that may occur, such as {Si: Si, O: O, Na: Na_pv}.",
    )
    potcar_functional: str = Field(
        "PBE_54", description="Library of the POTCARs, by pymatgen's name (PBE_52, PBE_64, ...)."
    )
    version: str = Field(
        "6",
        pattern=r"^\d+(\.\d+)*$",
        description="Version of VASP, as far as labels must agree in it (`6`, `5.4`, `6.4.2`); "
        "another one on a node is an error.",
    )
    command: Command = Field(
        "vasp_std",
        description="How VASP is started, such as `srun -n 32 vasp_std` (no shell is asked).",
    )
    cores: int = Field(1, ge=1, description="Cores that this command keeps busy.")
    frozen_after: float = Field(
        3600.0, gt=0.0, description="Seconds without a word of VASP after which it is ended."
    )
    keep: Literal["nothing", "compressed"] = Field(
        "nothing",
        description="What stays of VASP's files when a label is there: `compressed` keeps inputs, "
        "OUTCAR, OSZICAR and vasprun.xml in raw/ of the job's folder; POTCARs never stay.",
    )

    @model_validator(mode="before")
    @classmethod
    def _combine(cls, data: Any) -> Any:
        """Preset, then template, then what is given explicitly."""
        if not isinstance(data, Mapping):
            return data
        given = dict(data)
        tags = given.get("incar", {})
        if isinstance(tags, str):
            tags = read_template(tags)
        if isinstance(tags, Mapping):
            from_tags, given["incar"] = as_options(tags)
        else:
            from_tags = {}
        for name, value in from_tags.items():
            if given.get(name, value) != value:
                raise ValueError(
                    f"the INCAR says {name} = {value}, the option {name} says {given[name]}"
                )
        return {**PRESETS.get(given.get("preset"), {}), **from_tags, **given}  # type: ignore[arg-type]

    @model_validator(mode="after")
    def _dispersion_is_known(self) -> VaspOptions:
        known = self.functional in _BUILT_IN_D3 or "VDW_S8" in self.incar
        if self.dispersion != "none" and not known:
            raise ValueError(
                f"VASP has no D3 parameters that are sure for {self.functional}: give VDW_S6, "
                "VDW_S8, VDW_A1 and VDW_A2 under incar"
            )
        if self.smearing == "tetrahedron" and self.kpoints == "gamma":
            raise ValueError("the tetrahedron method needs a mesh of k-points")
        return self

    @property
    def own_dispersion(self) -> str:
        """IVDW, or a nonlocal functional among the further tags (such as rVV10)."""
        return "LUSE_VDW" if self.incar.get("LUSE_VDW") else self.dispersion
