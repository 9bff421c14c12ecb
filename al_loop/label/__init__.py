"""Labellers: energy, forces and virial of a frame by one electronic-structure method."""

from al_loop.label.chunk import skip_frames
from al_loop.label.faults import check_distances, check_frame
from al_loop.label.interface import FingerprintValue, Label, Labeller
from al_loop.label.job import (
    LabelSummary,
    collect_labels,
    collect_partial,
    count_partial,
    run_label_job,
    stage_label_job,
)
from al_loop.label.outcome import LabelOutcome

__all__ = [
    "FingerprintValue",
    "Label",
    "LabelOutcome",
    "LabelSummary",
    "Labeller",
    "check_distances",
    "check_frame",
    "collect_labels",
    "collect_partial",
    "count_partial",
    "run_label_job",
    "skip_frames",
    "stage_label_job",
]
