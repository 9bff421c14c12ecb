"""From options and a task to the input of one training; nothing runs here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from al_loop.errors import JobFolderError
from al_loop.frame import Labelled
from al_loop.train.deepmd.data import system_name
from al_loop.train.deepmd.inputs import model_section, parent_sel, render_input, same_network
from al_loop.train.deepmd.neighbours import (
    NeighbourStatistics,
    neighbour_statistics,
    roomy,
    suffices,
)
from al_loop.train.deepmd.options import DeepmdOptions
from al_loop.train.interface import TrainingTask

INPUT = "input.json"
WEIGHTS = "model.ckpt"
TRAIN_SYSTEMS = "systems/train"
VALID_SYSTEMS = "systems/valid"


@dataclass(frozen=True)
class Plan:
    """What a task comes to.

    ``text`` is the ``input.json``, ``shortest`` the smallest distance of the training frames (Å),
    ``parent`` the predecessor's checkpoint prefix, ``why`` one line for the log.
    """

    text: str
    steps: int
    shortest: float
    parent: Path | None
    why: str


def plan_training(options: DeepmdOptions, task: TrainingTask) -> Plan:
    """Count neighbours, settle ``sel``, and decide whether the predecessor is continued.

    It is when its network is the one that is wanted and its ``sel`` still holds all neighbours.
    A member that must start anew instead gets at least a cold start's steps.

    Raises
    ------
    DatasetError
        The frames have no neighbours, or atoms at one place.
    JobFolderError
        The predecessor's files are missing or cannot be read.
    """
    seen = neighbour_statistics(
        (frame.atoms for frame in task.train), elements=task.elements, rcut=options.rcut
    )
    sel, why = _continued(options, task, seen)
    effort = max(task.effort, 1.0) if task.parent is not None and sel is None else task.effort
    steps = max(1, round(options.steps * effort))
    text = render_input(
        options,
        elements=task.elements,
        seed=task.seed,
        steps=steps,
        systems=_systems(task.train, task.elements, TRAIN_SYSTEMS),
        validation=_systems(task.valid, task.elements, VALID_SYSTEMS),
        sel=sel or roomy(seen.most),
        warm=sel is not None,
        virial=any(frame.virial is not None for frame in task.train),
    )
    parent = task.parent / WEIGHTS if task.parent is not None and sel is not None else None
    return Plan(text, steps, seen.shortest, parent, why)


def _continued(
    options: DeepmdOptions, task: TrainingTask, seen: NeighbourStatistics
) -> tuple[tuple[int, ...] | None, str]:
    """``sel`` of the predecessor if it can be continued, and a line that says why or why not."""
    if task.parent is None:
        return None, "cold start"
    file = task.parent / INPUT
    try:
        text = file.read_text()
        sel = parent_sel(text)
        wanted = model_section(options, elements=task.elements, sel=sel, seed=task.seed)
        same = same_network(text, wanted)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise JobFolderError(f"the predecessor cannot be read: {error}", where=file) from None
    if not same:
        return None, "cold start: the predecessor is another network"
    if not suffices(sel, seen.most):
        return None, f"cold start: {seen.most} neighbours do not fit the predecessor's sel {sel}"
    return sel, "warm start from the predecessor"


def _systems(frames: Sequence[Labelled], elements: tuple[str, ...], folder: str) -> list[str]:
    return [f"{folder}/{name}" for name in sorted({system_name(f, elements) for f in frames})]
