"""Explorers: trajectories under a committee, reduced where they were made."""

from al_loop.explore.interface import (
    Committee,
    Ensemble,
    Explorer,
    KeepRule,
    Limits,
    StopReason,
    Walk,
    Walker,
)
from al_loop.explore.job import collect_walks, run_explore_job, stage_explore_job

__all__ = [
    "Committee",
    "Ensemble",
    "Explorer",
    "KeepRule",
    "Limits",
    "StopReason",
    "Walk",
    "Walker",
    "collect_walks",
    "run_explore_job",
    "stage_explore_job",
]
