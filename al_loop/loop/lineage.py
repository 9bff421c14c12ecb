"""Where things come from and where they went: from a frame to models, from a model to labels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from al_loop.frame import Split
from al_loop.loop.context import Context
from al_loop.loop.second_look import frames_in_order
from al_loop.store import LabelRecord, ModelRecord, Selection, Store
from al_loop.units import Array

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
class ModelStory:
    """A model and its family; which labels trained it."""

    model: ModelRecord
    committee: list[ModelRecord]
    children: list[str]
    splits: dict[Split, int]
    """Labels of its training set."""
    by_iteration: dict[int, int]
    """Iteration (or IMPORTED) -> labels of its training set that were chosen there."""
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


def model_story(ctx: Context, iteration: int, member: int, *, page: int) -> ModelStory | None:
    """A model and what it learnt from; None when there is none."""
    committee = ctx.store.models.of_iteration(ctx.name, iteration)
    model = next((one for one in committee if one.member == member), None)
    if model is None:
        return None
    frames = frames_in_order(ctx, model.training_set)
    listed = [frame for split in frames.values() for frame in split]
    pages = -(-len(listed) // ROWS) or 1
    page = min(max(page, 1), pages)
    return ModelStory(
        model=model,
        committee=committee,
        children=ctx.store.models.children(model.id),
        splits={split: len(names) for split, names in frames.items()},
        by_iteration=_by_iteration(ctx, model.training_set),
        rows=ctx.store.selections.get_many(ctx.name, listed[(page - 1) * ROWS : page * ROWS]),
        page=page,
        pages=pages,
    )


def _by_iteration(ctx: Context, training_set: str) -> dict[int, int]:
    mine = ctx.store.training_sets.frames(training_set)
    chosen = ctx.store.selections.chosen_in(ctx.name)
    return dict(sorted(Counter(chosen[frame] for frame in mine if frame in chosen).items()))


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
