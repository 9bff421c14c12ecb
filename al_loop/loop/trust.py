"""The trust levels of an iteration: fixed ones, or those that the campaign's labels give."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from ase import Atoms

from al_loop.campaign.stages import TrustLevels
from al_loop.loop.context import Context
from al_loop.loop.dataset import reduced_formula
from al_loop.select import Calibrated, Evidence, Rule, calibrate
from al_loop.store import CalibrationRecord, IterationRecord, Levels, Selection
from al_loop.units import Array

MOST_EVIDENCE = 2000
"""The latest labelled frames are enough, and say most about the committee of now."""


def group_of(ctx: Context, iteration: int, atoms: Atoms) -> str:
    """What is calibrated apart: the composition and the exploration stage (its phase)."""
    index = ctx.conditions(iteration)
    stage = ctx.spec.explore.stages[index].name or f"stage {index + 1}"
    formula = reduced_formula(atoms.symbols.formula.count(), ctx.spec.elements)
    return f"{formula}, {stage}"


def calibrated(ctx: Context, iteration: int) -> CalibrationRecord | None:
    """The calibration of an iteration, made when it is first asked for; None: fixed levels."""
    stage = ctx.spec.explore.stages[ctx.conditions(iteration)]
    bearable = stage.bearable_error or ctx.spec.select.bearable_error
    record = ctx.store.iterations.get(ctx.name, iteration)
    if record is not None and record.calibration is not None:
        return record.calibration
    if bearable is None:
        return None
    rule = Rule(
        bearable,
        fixed=ctx.spec.select.trust,
        alpha=ctx.spec.select.missed,
        at_least=max(30, int(np.ceil(1.0 / ctx.spec.select.missed))),
    )
    found = calibrate(evidence_before(ctx, iteration), rule)
    levels = [] if found.pooled is None else [_levels("", found.pooled)]
    levels += [_levels(group, one) for group, one in found.groups.items()]
    new = CalibrationRecord(
        bearable_error=bearable,
        missed=rule.alpha,
        fixed=rule.fixed,
        levels=tuple(levels),
        covered=found.covered,
        predicted=found.predicted,
    )
    return ctx.store.iterations.calibrate(ctx.name, iteration, new)


def trust_of(ctx: Context, record: IterationRecord | None, group: str) -> TrustLevels:
    """Trust levels of a group in an iteration."""
    if record is None or record.calibration is None:
        return ctx.spec.select.trust
    return record.calibration.trust(group)


def evidence_before(ctx: Context, iteration: int) -> Evidence:
    """The latest labelled frames of which a committee had said how sure it was."""
    chosen = ctx.store.selections.evidence(ctx.name, before=iteration, limit=MOST_EVIDENCE)
    known = [one for one in chosen if one.deviation is not None and one.largest_force is not None]
    return Evidence(
        deviation=_column(one.deviation for one in known),
        error=_column(one.error for one in known),
        force=_column(one.largest_force for one in known),
        group=[one.group for one in known],
        iteration=np.array([one.iteration for one in known], dtype=np.int64),
        weight=_column(one.stands_for or 1.0 for one in known),
    )


def compare_with_labels(ctx: Context, chosen: Iterable[Selection]) -> None:
    """Keep with each frame how wrong the committee was that had not trained on it."""
    asked = {s.frame: s.predicted_forces for s in chosen if s.predicted_forces is not None}
    labels = ctx.labels_of(asked)
    found: dict[str, tuple[float, float] | None] = {}
    for frame, predicted in asked.items():
        label = labels.get(frame)
        good = label is not None and label.state == "ok"
        true = label.forces if good and label is not None else None
        found[frame] = None if true is None else (_largest(predicted - true), _largest(true))
    ctx.store.selections.set_errors(ctx.name, found)


def _largest(vectors: Array) -> float:
    return float(np.linalg.norm(vectors, axis=1).max())


def _levels(group: str, found: Calibrated) -> Levels:
    return Levels(
        group=group,
        trust=found.levels,
        frames=found.frames,
        ratio=found.ratio,
        typical=found.typical,
        accurate=found.accurate,
        missed=found.missed,
    )


def _column(values: Iterable[float | None]) -> Array:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
