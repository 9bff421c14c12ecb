"""Explorers: trajectories under a committee, reduced where they were made; scores of frames."""

from al_loop.explore.interface import (
    Committee,
    Explorer,
    KeepRule,
    Limits,
    StopReason,
    Walk,
    Walker,
    program_of,
)
from al_loop.explore.job import (
    collect_walks,
    run_explore_job,
    stage_explore_job,
    staged_walkers,
)
from al_loop.explore.legs import Ensemble, Leg
from al_loop.explore.schedules import paths
from al_loop.explore.score import collect_scores, run_score_job, stage_score_job

__all__ = [
    "Committee",
    "Ensemble",
    "Explorer",
    "KeepRule",
    "Leg",
    "Limits",
    "StopReason",
    "Walk",
    "Walker",
    "collect_scores",
    "collect_walks",
    "paths",
    "program_of",
    "run_explore_job",
    "run_score_job",
    "stage_explore_job",
    "stage_score_job",
    "staged_walkers",
]
