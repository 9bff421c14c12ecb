"""Options of the CP2K labeller."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from al_loop.campaign.engines import EngineOptions
from al_loop.label.options import Command, Kpoints


class Cp2kOptions(EngineOptions):
    """A single point of CP2K's Quickstep (GPW); the defaults suit melts and glasses of oxides."""

    functional: Literal["PBE", "PBEsol"] = Field("PBE", description="Exchange and correlation.")
    cutoff: float = Field(
        600.0,
        ge=100.0,
        le=4000.0,
        description="Cutoff of the finest grid, Ry. Below 400 only for tests.",
    )
    rel_cutoff: float = Field(
        60.0, ge=20.0, le=400.0, description="Cutoff that decides a Gaussian's grid, Ry."
    )
    finer_grid: bool = Field(
        True,
        description="Exchange and correlation on a grid twice as fine: energies at 400 Ry as good "
        "as those at 1000 Ry without, and forces that add up to zero.",
    )
    basis: str = Field("DZVP-MOLOPT-SR-GTH", description="Family of basis sets.")
    basis_file: str = Field(
        "BASIS_MOLOPT", description="File of basis sets: of CP2K's data, or a path."
    )
    potential: str = Field("GTH-PBE", description="Family of pseudopotentials.")
    potential_file: str = Field(
        "GTH_POTENTIALS", description="File of pseudopotentials: of CP2K's data, or a path."
    )
    kpoints: Kpoints = Field(
        "gamma",
        description="`gamma` (cells of 10 Å or more); a number: density of the mesh per Å-3 of the "
        "reciprocal cell; or a mesh such as [2, 2, 2] (both need solver: diagonalization).",
    )
    solver: Literal["ot", "diagonalization"] = Field(
        "ot",
        description="Orbital transformation (insulators, fast) or diagonalization (k-points, "
        "small gaps).",
    )
    electronic_temperature: float = Field(
        0.0,
        ge=0.0,
        le=50_000.0,
        description="Fermi smearing with diagonalization, K; 0: none.",
    )
    eps_scf: float = Field(1.0e-6, gt=0.0, le=1.0e-4, description="SCF convergence (EPS_SCF).")
    eps_default: float = Field(
        1.0e-12, gt=0.0, le=1.0e-8, description="Accuracy of integrals (EPS_DEFAULT)."
    )
    max_iterations: int = Field(
        150, ge=10, le=5000, description="SCF steps; a frame that needs all has failed."
    )
    dispersion: Literal["none", "d3-bj"] = Field(
        "none", description="D3 with Becke-Johnson damping inside the labels."
    )
    charge: int = Field(0, description="Of the cell, e.")
    restart: bool = Field(
        True,
        description="Start from the orbitals of the frame before in the same job, if it has the "
        "same atoms.",
    )
    data: str | None = Field(
        None, description="Folder of CP2K's data; default: $CP2K_DATA_DIR or /usr/share/cp2k."
    )
    command: Command = Field(
        "cp2k.psmp",
        description="How CP2K is started, such as `srun -n 32 cp2k.psmp` (no shell is asked).",
    )
    cores: int = Field(1, ge=1, description="Cores that this command keeps busy.")
    threads: int = Field(1, ge=1, description="OpenMP threads of each rank.")
    frozen_after: float = Field(
        3600.0, gt=0.0, description="Seconds without a word of CP2K after which it is ended."
    )
    keep: Literal["nothing", "compressed"] = Field(
        "nothing",
        description="What stays of CP2K's files when a label is there: `compressed` keeps input "
        "and output in raw/ of the job's folder.",
    )

    @model_validator(mode="after")
    def _solver_can(self) -> Cp2kOptions:
        if self.solver == "ot" and self.kpoints != "gamma":
            raise ValueError("k-points need solver: diagonalization")
        if self.solver == "ot" and self.electronic_temperature > 0:
            raise ValueError("smearing (electronic_temperature) needs solver: diagonalization")
        return self
