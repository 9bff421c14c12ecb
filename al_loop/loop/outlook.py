"""The forecast of a campaign, from what its iterations have measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from al_loop.errors import UserError
from al_loop.loop.context import Context
from al_loop.loop.decide import Measured
from al_loop.loop.forecast import RECENT, Forecast, Past, Price, Rules, forecast
from al_loop.loop.judge import measured_in
from al_loop.loop.learning import Gauge
from al_loop.loop.spending import spending_of
from al_loop.store import CampaignRecord, IterationRecord, Store

FRAME_SCATTER = 0.35
"""Relative scatter of the force RMSE from frame to frame; n audit frames: this / sqrt(n)."""
FRACTION_SCATTER = 0.25
"""Relative scatter of the uncertain fraction from one exploration to another, at least."""


@dataclass(frozen=True)
class _One:
    """An iteration that has labels."""

    record: IterationRecord
    measured: Measured
    labels: int
    """That its committee was trained on (valid and test frames included)."""


def outlook(
    store: Store, record: CampaignRecord, iterations: Sequence[IterationRecord]
) -> Forecast | None:
    """What a campaign still needs; None when it has ended or trains for the last time."""
    if record.state not in ("running", "paused") or not iterations:
        return None
    try:
        ctx = Context(store, record.name)
    except UserError:  # an engine of it is not installed on this machine
        return None
    done = [one for one in iterations if one.decision is not None]
    if done and done[-1].decision != "continue":
        return None
    return forecast_of(ctx, done)


def forecast_of(ctx: Context, done: Sequence[IterationRecord]) -> Forecast:
    """What remains after these iterations, which all have their labels."""
    ones = _read(ctx, done)
    last = len(ctx.spec.explore.stages) - 1
    recent = [one for one in ones if one.measured.conditions >= last]
    return forecast(_past(ctx, recent), _price(ctx, ones), _rules(ctx, ones, last=last))


def _read(ctx: Context, done: Sequence[IterationRecord]) -> list[_One]:
    labels = ctx.store.selections.count_imported(ctx.name)
    initial = ctx.store.selections.count_chosen(ctx.name, 0, "initial")
    found = []
    for record in done:
        trained_on = labels + (initial if record.index == 0 else 0)
        found.append(_One(record, measured_in(ctx, record), trained_on))
        labels += record.counts.labelled
    return found


def _past(ctx: Context, ones: Sequence[_One]) -> Past:
    converge = ctx.spec.converge
    audits = [one.measured.audit_error for one in ones]
    errors = tuple(error for error in audits if error is not None)
    frames = float(np.median([max(1, one.record.counts.audit) for one in ones])) if ones else 1.0
    gauges: tuple[Gauge, ...] = (
        Gauge(
            "uncertain fraction",
            tuple(one.measured.uncertain for one in ones),
            target=max(converge.candidate_fraction, 1e-6),
            noise=FRACTION_SCATTER,
        ),
        Gauge(
            "force error on audit frames",
            errors,
            target=converge.audit_force_rmse,
            noise=FRAME_SCATTER / float(np.sqrt(frames)),
        ),
    )
    bounds = [one.bound for each in ones for one in each.measured.audit]
    if ones and all(one.measured.audit for one in ones) and None not in bounds:
        worst = [max(one.bound or 0.0 for one in each.measured.audit) for each in ones]
        noise = gauges[1].noise
        what = "force error of the worst stratum, with its confidence"
        gauges += (Gauge(what, tuple(worst), target=converge.force_target, noise=noise),)
    return Past(
        labels=tuple(one.labels for one in ones),
        gauges=gauges,
        added=tuple(_added(one) for one in ones),
    )


def _added(one: _One) -> int:
    """Labels that came of an iteration's selection."""
    counts = one.record.counts
    return max(0, counts.labelled - one.labels) if one.record.index == 0 else counts.labelled


def _price(ctx: Context, ones: Sequence[_One]) -> Price:
    recent = ones[-RECENT:]
    labels = sum(one.record.counts.labelled for one in recent)
    cost = sum(one.record.counts.core_seconds for one in recent)
    # The first stages, starting structures and their labels, come once.
    once = ("quench", "start")
    spent = spending_of(ctx.store, ctx.record, [one.record for one in recent])
    others = [one for one in spent if one.stage not in (*once, "labels")]
    indices = [one.record.index for one in recent]
    core = [3600 * sum(one.by_iteration.get(i, 0.0) for one in others) for i in indices]
    trained = [one for one in others if one.stage == "train"]
    training = [3600 * sum(one.by_iteration.get(i, 0.0) for one in trained) for i in indices]
    seconds = [sum(s for k, s in one.record.seconds.items() if k not in once) for one in recent]
    trainings = [one.record.seconds.get("train", 0.0) for one in recent]
    return Price(
        seconds=tuple(seconds),
        core_seconds=cost / labels if labels and cost else None,
        last_training=float(np.median(trainings)) if trainings else 0.0,
        other_core_seconds=tuple(core),
        last_training_core_seconds=float(np.median(training)) if training else 0.0,
    )


def _rules(ctx: Context, ones: Sequence[_One], *, last: int) -> Rules:
    spec, n = ctx.spec, len(ones)
    spent = (ctx.store.clock() - ctx.record.created).total_seconds() / 3600
    budget = spec.budget
    used = ctx.store.selections.count(ctx.name)
    return Rules(
        in_a_row=spec.converge.iterations,
        before=max(0, last - 1 - ones[-1].measured.conditions) if ones else last,
        batch=spec.select.batch + spec.select.audit,
        iterations=max(0, budget.iterations - n),
        labels=None if budget.labels is None else max(0, budget.labels - used),
        hours=None if budget.hours is None else max(0.0, budget.hours - spent),
    )
