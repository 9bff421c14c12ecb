"""Trainers: potentials fitted to labels."""

from al_loop.train.accuracy import (
    FORCE_PARITY,
    FRAME_ERRORS,
    ForceParity,
    FrameErrors,
    errors_of,
    read_force_parity,
    read_frame_errors,
)
from al_loop.train.curve import CURVE, LearningCurve, read_curve
from al_loop.train.data import (
    is_written,
    join_data_parts,
    write_data_part,
    write_training_data,
)
from al_loop.train.describe import collect_descriptors, run_describe_job, stage_describe_job
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
from al_loop.train.suspects import Suspicion, find_suspects

__all__ = [
    "CURVE",
    "FORCE_PARITY",
    "FRAME_ERRORS",
    "Errors",
    "EvaluateOutcome",
    "ForceParity",
    "FrameErrors",
    "LearningCurve",
    "Member",
    "Predictor",
    "Suspicion",
    "TrainOutcome",
    "Trainer",
    "TrainingTask",
    "collect_descriptors",
    "collect_evaluation",
    "collect_training",
    "errors_of",
    "find_suspects",
    "is_written",
    "join_data_parts",
    "read_curve",
    "read_force_parity",
    "read_frame_errors",
    "run_describe_job",
    "run_evaluate_job",
    "run_train_job",
    "stage_describe_job",
    "stage_evaluate_job",
    "stage_train_job",
    "write_data_part",
    "write_training_data",
]
