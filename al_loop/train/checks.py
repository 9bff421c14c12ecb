"""What a data set must fulfil before a model is trained on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from al_loop.errors import DatasetError
from al_loop.frame import Labelled, check_labelled
from al_loop.train.interface import TrainingTask


def check_frames(frames: Sequence[Labelled], *, elements: Sequence[str], where: str | Path) -> None:
    """Raise DatasetError for a label of the wrong shape, a NaN or an element without a type."""
    known = set(elements)
    for index, frame in enumerate(frames):
        place = f"{where}: frame {index}"
        check_labelled(frame, where=place)
        if unknown := set(frame.atoms.symbols) - known:
            raise DatasetError(
                f"{', '.join(sorted(unknown))} is not among the elements {', '.join(elements)}",
                where=place,
                remedy="add it to elements in the campaign file",
            )


def check_task(task: TrainingTask, *, where: str | Path) -> None:
    """Raise DatasetError when a member cannot be trained on the task's frames."""
    if not task.train:
        raise DatasetError("there is no frame to train on", where=where)
    check_frames(task.train, elements=task.elements, where=f"{where}: train")
    check_frames(task.valid, elements=task.elements, where=f"{where}: valid")
