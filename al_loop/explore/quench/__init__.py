"""Melt-quench in LAMMPS under a published pair potential, before any NNP exists."""

from al_loop.explore.quench.job import (
    QuenchResult,
    collect_quench,
    run_quench_job,
    stage_quench_job,
)
from al_loop.explore.quench.legs import QuenchLeg, legs_of

__all__ = [
    "QuenchLeg",
    "QuenchResult",
    "collect_quench",
    "legs_of",
    "run_quench_job",
    "stage_quench_job",
]
