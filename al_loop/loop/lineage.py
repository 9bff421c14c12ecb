"""Where things come from and where they went: from a frame to models, from a model to labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from al_loop.frame import Split
from al_loop.loop.context import Context
from al_loop.loop.second_look import frames_in_order
from al_loop.store import LabelRecord, ModelRecord, Selection, Store
from al_loop.units import Array

_HASH = 32

ROWS = 50
"""Labels of a training set on one page."""


@dataclass(frozen=True)
class SeenBy:
    """A committee whose training set has a frame, in its campaign's ``split``."""

    campaign: str
    iteration: int
    members: tuple[int, ...]
    split: Split


@dataclass(frozen=True)
class FrameStory:
    """A frame, why campaigns chose it, what is known of it, and who has learnt from it.

    ``here``: how the campaign at hand chose it; ``elsewhere``: others.
    """

    atoms: Atoms
    here: Selection
    elsewhere: list[Selection]
    labels: list[LabelRecord]
    """By the campaign's own method first."""
    method: str | None
    """The campaign's own; None where its labeller is not installed."""
    seen_by: list[SeenBy]


@dataclass(frozen=True)
class TrainedOn:
    """The labels of a training set, which never changes: worth keeping by who shows it."""

    frames: bytes
    """Their hashes, 32 bytes each: those to train, to validate and to test, as in the data."""
    splits: dict[Split, int]
    """How many of each."""
    by_iteration: dict[int, int]
    """Iteration (or IMPORTED) -> labels that were chosen there."""

    def part(self, start: int, stop: int) -> list[str]:
        """Frames of these positions."""
        hashes = range(start, min(stop, len(self.frames) // _HASH))
        return [self.frames[i * _HASH : (i + 1) * _HASH].hex() for i in hashes]

    def of(self, split: Split) -> list[str]:
        """Frames of a split."""
        start = 0
        for name, count in self.splits.items():
            if name == split:
                return self.part(start, start + count)
            start += count
        return []


@dataclass(frozen=True)
class ModelStory:
    """A model and its family; which labels trained it."""

    model: ModelRecord
    committee: list[ModelRecord]
    children: list[str]
    trained_on: TrainedOn
    rows: list[Selection]
    """Some of them, without arrays, in the order of the data."""
    page: int
    pages: int


def frame_story(
    store: Store, campaign: str, frame: str, *, method: str | None
) -> FrameStory | None:
    """All that the store knows of a frame; None when the campaign has not chosen it."""
    here = store.selections.whole(campaign, frame)
    atoms = store.frames.get_many([frame]).get(frame)
    if here is None or atoms is None:
        return None
    names = [record.name for record in store.campaigns.all()]
    chosen = store.selections.of_frame(names, frame)
    labels = sorted(store.labels.of_frame(frame), key=lambda one: one.method != method)
    return FrameStory(
        atoms=atoms,
        here=here,
        elsewhere=[one for one in chosen if one.campaign != campaign],
        labels=labels,
        method=method,
        seen_by=_seen_by(store, frame, {one.campaign: one.split for one in chosen}),
    )


def _seen_by(store: Store, frame: str, splits: dict[str, Split]) -> list[SeenBy]:
    sets = {key for name in splits for key in store.models.training_sets(name).values()}
    members: dict[tuple[str, int], list[int]] = {}
    for one in store.models.trained_on(store.training_sets.holding(frame, sets)):
        if one.campaign in splits:
            members.setdefault((one.campaign, one.iteration), []).append(one.member)
    return [
        SeenBy(campaign, iteration, tuple(found), splits[campaign])
        for (campaign, iteration), found in members.items()
    ]


def trained_on(ctx: Context, training_set: str) -> TrainedOn:
    """What is in a training set; reads all its hashes, and which iteration chose each frame."""
    frames = frames_in_order(ctx, training_set)
    chosen = ctx.store.selections.chosen_in(ctx.name)
    names = [frame for split in frames.values() for frame in split]
    counted = Counter(chosen[frame] for frame in names if frame in chosen)
    return TrainedOn(
        frames=b"".join(bytes.fromhex(frame) for frame in names),
        splits={split: len(mine) for split, mine in frames.items()},
        by_iteration=dict(sorted(counted.items())),
    )


def model_story(
    ctx: Context,
    iteration: int,
    member: int,
    *,
    page: int,
    trained_on: Callable[[Context, str], TrainedOn] = trained_on,
) -> ModelStory | None:
    """A model and what it learnt from; None when there is none."""
    committee = ctx.store.models.of_iteration(ctx.name, iteration)
    model = next((one for one in committee if one.member == member), None)
    if model is None:
        return None
    learnt = trained_on(ctx, model.training_set)
    pages = -(-sum(learnt.splits.values()) // ROWS) or 1
    page = min(max(page, 1), pages)
    listed = learnt.part((page - 1) * ROWS, page * ROWS)
    return ModelStory(
        model=model,
        committee=committee,
        children=ctx.store.models.children(model.id),
        trained_on=learnt,
        rows=ctx.store.selections.get_many(ctx.name, listed),
        page=page,
        pages=pages,
    )


def atom_values(story: FrameStory) -> dict[str, Array]:
    """What an atom can be coloured by: title -> values (atoms,), eV/Å."""
    here = story.here
    label = next((one for one in story.labels if one.method == story.method), None)
    true = label.forces if label else None
    values: dict[str, Array] = {}
    if here.atom_deviations is not None:
        values["deviation"] = here.atom_deviations
    if here.predicted_forces is not None and true is not None:
        values["error of the force"] = np.linalg.norm(here.predicted_forces - true, axis=1)
    if true is not None:
        values["force (label)"] = np.linalg.norm(true, axis=1)
    elif here.predicted_forces is not None:
        values["force (predicted)"] = np.linalg.norm(here.predicted_forces, axis=1)
    return values
