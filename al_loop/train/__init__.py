"""Trainers: potentials fitted to labels."""

from al_loop.train.interface import Errors, Member, Predictor, Trainer, TrainingTask
from al_loop.train.job import (
    EvaluateOutcome,
    TrainOutcome,
    collect_evaluation,
    collect_training,
    run_evaluate_job,
    run_train_job,
    stage_evaluate_job,
    stage_train_job,
)

__all__ = [
    "Errors",
    "EvaluateOutcome",
    "Member",
    "Predictor",
    "TrainOutcome",
    "Trainer",
    "TrainingTask",
    "collect_evaluation",
    "collect_training",
    "run_evaluate_job",
    "run_train_job",
    "stage_evaluate_job",
    "stage_train_job",
]
