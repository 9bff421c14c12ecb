"""Trainers: potentials fitted to labels."""

from al_loop.train.accuracy import errors_of
from al_loop.train.data import (
    is_written,
    join_data_parts,
    write_data_part,
    write_training_data,
)
from al_loop.train.interface import Errors, Member, Predictor, Trainer, TrainingTask
from al_loop.train.job import (
    run_evaluate_job,
    run_train_job,
    stage_evaluate_job,
    stage_train_job,
)
from al_loop.train.outcome import (
    EvaluateOutcome,
    TrainOutcome,
    collect_evaluation,
    collect_training,
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
    "errors_of",
    "is_written",
    "join_data_parts",
    "run_evaluate_job",
    "run_train_job",
    "stage_evaluate_job",
    "stage_train_job",
    "write_data_part",
    "write_training_data",
]
