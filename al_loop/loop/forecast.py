"""What a campaign still needs: iterations, labels, core-hours, days. A pure function.

Each draw of the learning curves (``learning.py``) says when the targets would be met, a budget when
the campaign ends without; the middle 80 % of the draws is what is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from al_loop.loop.learning import DRAWS, Gauge, first_run, is_under, streak_of
from al_loop.units import Array

ENOUGH = 2
"""Iterations under the last exploration stage from which on there is a line."""
HORIZON = 300
"""Iterations to look ahead; what is not met by then is called out of sight."""
RECENT = 5
"""Iterations that say what the next ones will cost."""

_LOW, _HIGH = 0.1, 0.9


@dataclass(frozen=True)
class Past:
    """What the iterations under the last exploration stage have measured, oldest first.

    ``labels`` are those that the committee was trained on, ``added`` those that followed.
    """

    labels: tuple[int, ...]
    gauges: tuple[Gauge, ...]
    added: tuple[int, ...]


@dataclass(frozen=True)
class Price:
    """What the latest iterations took: s of wall time each; core-seconds a label.

    ``other_core_seconds`` of each iteration are those of all but its labels: training, MD, ...
    """

    seconds: tuple[float, ...]
    core_seconds: float | None
    last_training: float = 0.0
    """Of the training on all labels that ends the campaign, s."""
    other_core_seconds: tuple[float, ...] = ()
    last_training_core_seconds: float = 0.0


@dataclass(frozen=True)
class Rules:
    """When the campaign ends: targets met for ``in_a_row`` iterations, or a budget spent.

    ``before`` iterations have to come first, because stages are left to be explored; ``batch`` is
    what an iteration may label. Budgets are what is left of them.
    """

    in_a_row: int
    before: int
    batch: int
    iterations: int
    labels: int | None = None
    hours: float | None = None


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Range(_Document):
    """The middle 80 % of what is to be expected; None: not known, or out of sight."""

    low: float
    likely: float | None
    high: float | None


class Forecast(_Document):
    """What remains, counted from the end of the latest iteration that has labels."""

    known: bool
    reason: str
    """Why it is not known yet, or what takes longest."""
    iterations: Range
    labels: Range
    core_hours: Range | None
    """Of labels alone."""
    core_hours_in_all: Range | None
    """With training, MD and what else the iterations take."""
    days: Range | None
    converges: float | None
    """Share of the draws that meet the targets before a budget is spent."""
    labels_to_converge: Range | None
    """Whatever the budget."""


def forecast(past: Past, price: Price, rules: Rules) -> Forecast:
    """What remains until the targets are met or a budget is spent, whichever is first."""
    batch = _batch(past, rules)
    most = _most_iterations(price, rules, batch)
    if why := _unknown(past):
        low = min(rules.before + rules.in_a_row, most)
        steps: tuple[float, float | None, float] = (low, None, most)
        return _told(steps, price, rules, batch=batch, known=False, reason=why)
    met, slowest = _draws(past, rules, batch)
    low, likely, high = (float(x) for x in _quantiles(np.minimum(met, most)))
    free = [_finite(x * batch) for x in _quantiles(met)]
    return _told(
        (low, likely, high), price, rules, batch=batch, known=True, reason=slowest
    ).model_copy(
        update={
            "converges": float(np.mean(met <= most)),
            "labels_to_converge": None
            if free[0] is None
            else Range(low=free[0], likely=free[1], high=free[2]),
        }
    )


def _unknown(past: Past) -> str:
    n = len(past.labels)
    if n < ENOUGH:
        return f"{n or 'no'} iteration{'' if n == 1 else 's'} of the last exploration stage so far"
    if any(len(gauge.values) < n for gauge in past.gauges) or not past.gauges:
        return "the error on audit frames is not known"
    if past.labels[-1] <= past.labels[0]:
        return "no label has been added"
    return ""


def _batch(past: Past, rules: Rules) -> float:
    """Labels that an iteration adds."""
    recent = [n for n in past.added[-RECENT:] if n > 0]
    return float(np.median(recent)) if recent else float(rules.batch)


def _most_iterations(price: Price, rules: Rules, batch: float) -> float:
    """Iterations that the budget allows."""
    most = [float(rules.iterations)]
    if rules.labels is not None:
        most.append(float(np.ceil(rules.labels / max(batch, 1.0))))
    if rules.hours is not None and price.seconds:
        most.append(float(np.ceil(3600.0 * rules.hours / max(_typical(price.seconds), 1e-9))))
    return max(0.0, min(most))


def _draws(past: Past, rules: Rules, batch: float) -> tuple[Array, str]:
    """Iterations until the targets are met in each draw (inf: out of sight); what is slowest."""
    ahead = np.arange(HORIZON, dtype=np.float64)
    x_next = np.log(past.labels[-1] + max(past.added[-1], 0) + batch * ahead)
    rng = np.random.default_rng(0)
    good = np.ones((DRAWS, HORIZON), dtype=bool)
    crossing: dict[str, float] = {}
    for gauge in past.gauges:
        under = is_under(gauge, past.labels, x_next, rng)
        crossing[gauge.what] = float(np.median(first_run(under, rules.in_a_row)))
        good &= under
    streak = streak_of(past.gauges)
    before = np.ones((DRAWS, min(streak, rules.in_a_row - 1)), dtype=bool)
    met = first_run(np.hstack([before, good]), rules.in_a_row) - before.shape[1]
    return met, max(crossing, key=lambda what: crossing[what])


def _told(
    steps: tuple[float, float | None, float],
    price: Price,
    rules: Rules,
    *,
    batch: float,
    known: bool,
    reason: str,
) -> Forecast:
    """A forecast from the number of iterations."""
    low, likely, high = steps
    iterations = Range(low=low, likely=likely, high=high)
    labels = _times(iterations, (batch, batch, batch))
    if rules.labels is not None:
        labels = _at_most(labels, float(rules.labels))
    core_hours = in_all = days = None
    if price.core_seconds is not None:
        core_hours = _times(labels, (price.core_seconds / 3600.0,) * 3)
        if others := price.other_core_seconds:
            last = price.last_training_core_seconds
            in_all = _sum(core_hours, _lasting(iterations, others, plus=last, unit=3600.0))
    if price.seconds:
        days = _lasting(iterations, price.seconds, plus=price.last_training, unit=86400.0)
    return Forecast(
        known=known,
        reason=reason,
        iterations=iterations,
        labels=labels,
        core_hours=core_hours,
        core_hours_in_all=in_all,
        days=days,
        converges=None,
        labels_to_converge=None,
    )


def _times(one: Range, factors: Sequence[float], plus: float = 0.0) -> Range:
    low, likely, high = factors
    return Range(
        low=one.low * low + plus,
        likely=None if one.likely is None else one.likely * likely + plus,
        high=None if one.high is None else one.high * high + plus,
    )


def _lasting(one: Range, each: Sequence[float], *, plus: float, unit: float) -> Range:
    """What so many iterations take when they take what the recent ones took."""
    recent = [seconds / unit for seconds in each[-RECENT:]]
    return _times(one, (min(recent), _typical(recent), max(recent)), plus=plus / unit)


def _sum(one: Range, other: Range) -> Range:
    return Range(
        low=one.low + other.low,
        likely=None if one.likely is None or other.likely is None else one.likely + other.likely,
        high=None if one.high is None or other.high is None else one.high + other.high,
    )


def _at_most(one: Range, most: float) -> Range:
    return Range(
        low=min(one.low, most),
        likely=None if one.likely is None else min(one.likely, most),
        high=None if one.high is None else min(one.high, most),
    )


def _typical(values: Sequence[float]) -> float:
    return float(np.median(values[-RECENT:]))


def _quantiles(values: Array) -> tuple[float, float, float]:
    """Order statistics, so that what is infinite stays so."""
    ranks = np.quantile(values, [_LOW, 0.5, _HIGH], method="inverted_cdf")
    return float(ranks[0]), float(ranks[1]), float(ranks[2])


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
