"""Labellers: energy, forces and virial of a frame by one electronic-structure method."""

from al_loop.label.interface import Label, Labeller
from al_loop.label.job import LabelOutcome, collect_labels, run_label_job, stage_label_job

__all__ = [
    "Label",
    "LabelOutcome",
    "Labeller",
    "collect_labels",
    "run_label_job",
    "stage_label_job",
]
