"""After a training: which labels deserve a second look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from al_loop.frame import Split
from al_loop.loop.context import Context
from al_loop.store import IterationRecord, ModelRecord
from al_loop.train import FRAME_ERRORS, find_suspects, read_frame_errors

_SPLITS: tuple[Split, ...] = ("train", "valid", "test")


def suspect_labels(ctx: Context, iteration: IterationRecord, models: Sequence[ModelRecord]) -> int:
    """Flag the labels on which a committee stays an outlier after its training; their number.

    Held-out frames are judged beside one another: their errors are larger.
    """
    members = [
        read_frame_errors(ctx.store.files.get_bytes(model.files[FRAME_ERRORS]))
        for model in models
        if FRAME_ERRORS in model.files
    ]
    if not members:
        return 0
    frames = frames_in_order(ctx, models[0].training_set)
    found: dict[str, dict[str, float]] = {}
    groups: tuple[tuple[Split, ...], ...] = (("train",), ("valid", "test"))
    for splits in groups:
        names = [frame for split in splits for frame in frames[split]]
        force, energy = (
            np.median(
                [np.concatenate([getattr(one[s], what) for s in splits]) for one in members],
                axis=0,
            )
            for what in ("force", "energy")
        )
        scale = np.concatenate([members[0][split].scale for split in splits])
        outliers = find_suspects(force, scale, energy)
        found.update({names[i]: asdict(how) for i, how in outliers.items()})
    ctx.store.selections.suspect(ctx.name, iteration.index, found)
    return len(found)


def frames_in_order(ctx: Context, training_set: str) -> dict[Split, list[str]]:
    """Frames as the data folder has them: set after set, each by its hashes."""
    sets = ctx.store.training_sets
    frames: dict[Split, list[str]] = {split: [] for split in _SPLITS}
    for key in sets.lineage(training_set):
        one = sets.get(key)
        assert one is not None  # its lineage has just been read
        for frame in one.added:
            frames[ctx.split(frame)].append(frame)
    return frames
