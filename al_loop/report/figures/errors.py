"""Errors against labels, and the way to convergence."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from al_loop.loop.curriculum import uncertain
from al_loop.loop.figures import BLUE, GREEN, ORANGE, new_figure, new_row, target_line
from al_loop.report.source import Source
from al_loop.report.uncertainty import Interval
from al_loop.report.words import share


def learning(source: Source) -> Figure | None:
    """Force error of the committee against the labels that it was trained on."""
    if not source.errors:
        return None
    figure, axes = new_figure()
    labels = [one.point.labels for one in source.errors]
    then = [one.force or _bare(one.point.test) for one in source.errors]
    _series(axes, labels, then, "o-", BLUE, "test frames of the time")
    final = [_bare(one.final_force) for one in source.errors]
    _series(axes, labels, final, "s--", ORANGE, "all test frames")
    _series(axes, labels, [one.audit_force for one in source.errors], "^:", GREEN, "audit frames")
    target_line(axes, source.ctx.spec.converge.audit_force_rmse, "target, audit frames")
    axes.set(xlabel="labels", ylabel="force RMSE (eV/Å)", ylim=(0, None))
    axes.legend()
    return figure


def learning_energy(source: Source) -> Figure | None:
    """Energy error of the committee against the labels that it was trained on."""
    if not any(one.energy or one.final_energy is not None for one in source.errors):
        return None
    figure, axes = new_figure()
    labels = [one.point.labels for one in source.errors]
    then = [one.energy for one in source.errors]
    _series(axes, labels, then, "o-", BLUE, "test frames of the time")
    final = [_bare(one.final_energy) for one in source.errors]
    _series(axes, labels, final, "s--", ORANGE, "all test frames")
    axes.set(xlabel="labels", ylabel="energy RMSE (meV/atom)", ylim=(0, None))
    axes.legend()
    return figure


def convergence(source: Source) -> Figure | None:
    """What the campaign's targets are about, iteration by iteration."""
    explored = [one for one in source.iterations if one.counts.explored]
    if not explored:
        return None
    target = source.ctx.spec.converge
    figure, (left, right) = new_row(2)
    left.plot([one.index for one in explored], [uncertain(one) for one in explored], "o-", c=BLUE)
    target_line(left, target.candidate_fraction, "target")
    left.legend()
    left.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    left.set(xlabel="iteration", ylabel="uncertain samples", ylim=(0, None))
    groups = dict.fromkeys(s.group for one in explored for s in one.audit if s.error is not None)
    for group, colour, marker in zip(groups, _COLOURS * len(groups), _MARKERS * 9, strict=False):
        found = [(i.index, s) for i in explored for s in i.audit if s.group == group]
        known = [(index, s.error) for index, s in found if s.error is not None]
        bounds = [(index, s.bound) for index, s in found if s.bound is not None]
        right.plot(*zip(*known, strict=True), marker + ":", c=colour, mfc="white", label=group)
        if bounds:
            right.plot(*zip(*bounds, strict=True), marker + "-", c=colour)
    right.set(
        xlabel="iteration",
        ylabel=f"force error, {share(target.percentile)} below (eV/Å)",
        ylim=(0, None),
    )
    target_line(right, target.force_target, "target")
    if len(groups) <= _MOST_NAMED:
        right.legend()
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_xlim(explored[0].index - 0.3, explored[-1].index + 0.3)
    return figure


_COLOURS = [BLUE, ORANGE, GREEN]
_MARKERS = ["o", "s", "^", "D", "v"]
_MOST_NAMED = 6


def _bare(value: float | None) -> Interval | None:
    return None if value is None else Interval(value, None, None, 0)


def _series(
    axes: Axes,
    labels: Sequence[int],
    errors: Sequence[Interval | None],
    how: str,
    colour: str,
    name: str,
) -> None:
    """A line through what is known, with intervals where there are any."""
    known = [(n, one) for n, one in zip(labels, errors, strict=True) if one is not None]
    if not known:
        return
    axes.plot([n for n, _ in known], [one.value for _, one in known], how, c=colour, label=name)
    for n, one in known:
        if one.low is not None and one.high is not None:
            axes.plot([n, n], [one.low, one.high], "-", c=colour, lw=1.0, alpha=0.7)
