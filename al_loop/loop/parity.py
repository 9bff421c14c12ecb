"""Predictions against labels, as parity plots show them; thinned."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from al_loop.frame import Split
from al_loop.loop.context import Context
from al_loop.loop.lineage import TrainedOn
from al_loop.loop.thinning import Positions, evenly, plain
from al_loop.store import ModelRecord
from al_loop.train import FORCE_PARITY, FRAME_ERRORS, read_force_parity, read_frame_errors
from al_loop.units import Array

MOST_POINTS = 3000

_SPLITS: tuple[Split, ...] = ("train", "valid", "test")


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cloud(_Document):
    """Points of a parity plot: what the label says and what a model says of the same.

    ``total``: before thinning. ``rmse``: of all frames, in the unit of the points.
    """

    name: str
    label: list[float | None]
    predicted: list[float | None]
    total: int
    rmse: float | None


class Parity(_Document):
    """Force components, eV/Å; energies, eV/atom. One cloud for each kind of frame."""

    forces: list[Cloud]
    energies: list[Cloud]


def parity_before(ctx: Context, iteration: int) -> Parity:
    """Forces of the frames that an iteration chose, as predicted before anybody knew them."""
    chosen = ctx.store.selections.of_iteration(ctx.name, iteration)
    clouds = []
    for why in ("candidate", "audit"):
        pairs = ctx.predicted_and_true(s for s in chosen if s.chosen == why)
        if pairs:
            predicted = np.concatenate([np.ravel(p) for p, _ in pairs])
            label = np.concatenate([np.ravel(t) for _, t in pairs])
            clouds.append(_cloud(why, label, predicted, _few(len(label))))
    return Parity(forces=clouds, energies=[])


def parity_of(ctx: Context, model: ModelRecord, learnt: TrainedOn) -> Parity:
    """A model against the labels of its campaign: forces of test frames, energies of all.

    ``learnt`` is what is in its training set.
    """
    return Parity(forces=_forces(ctx, model), energies=_energies(ctx, model, learnt))


def _forces(ctx: Context, model: ModelRecord) -> list[Cloud]:
    key = model.files.get(FORCE_PARITY)
    if key is None:  # trained before this was kept
        return []
    kept = read_force_parity(ctx.store.files.get_bytes(key))
    if not len(kept.label):
        return []
    cloud = _cloud("test", kept.label, kept.predicted, _few(len(kept.label)))
    # Of large test sets only some components are kept; the error is that of all.
    rmse = model.test_errors.force_rmse if model.test_errors else cloud.rmse
    return [cloud.model_copy(update={"rmse": rmse})]


def _energies(ctx: Context, model: ModelRecord, learnt: TrainedOn) -> list[Cloud]:
    """From the errors that were kept: labels are read of those frames only that are shown."""
    key = model.files.get(FRAME_ERRORS)
    if key is None:
        return []
    errors = read_frame_errors(ctx.store.files.get_bytes(key))
    clouds = []
    for split in _SPLITS:
        off, names = errors[split].energy, learnt.of(split)
        if not len(off) or len(off) != len(names):
            continue
        at = evenly(len(off), MOST_POINTS // 3)
        labels = ctx.store.labels.numbers([names[i] for i in at], ctx.method)
        at = np.array([i for i in at if names[i] in labels], dtype=np.int64)
        label = np.full(len(off), np.nan)
        for i in at:
            label[i] = labels[names[i]].energy / errors[split].atoms[i]
        clouds.append(_cloud(split, label, label + off, at, off=off))
    return clouds


def _few(n: int) -> Positions:
    """Of force components: an even step would show x, or y, or z alone."""
    step = -(-n // MOST_POINTS) or 1
    step += step > 1 and step % 3 == 0
    return np.arange(0, n, step)


def _cloud(
    name: str,
    label: Array,
    predicted: Array,
    at: Positions,
    *,
    off: Array | None = None,
) -> Cloud:
    difference = predicted - label if off is None else off
    finite = difference[np.isfinite(difference)]
    return Cloud(
        name=name,
        label=plain(label[at]),
        predicted=plain(predicted[at]),
        total=len(label),
        rmse=float(np.sqrt(np.mean(finite**2))) if len(finite) else None,
    )
