"""Figures of a campaign, in one plain style."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from al_loop.loop.context import Context
from al_loop.loop.curves import deviations, histogram_bins, learning_curve
from al_loop.select import Evidence
from al_loop.store import CalibrationRecord, IterationRecord

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
"""Okabe and Ito's colours, told apart by colour-blind readers."""


def draw_figures(ctx: Context, folder: Path) -> list[Path]:
    """Write what there is to see as PNG: learning curve, deviations, audit parity."""
    folder.mkdir(parents=True, exist_ok=True)
    iterations = ctx.store.iterations.all(ctx.name)
    drawn = {
        "learning-curve": _learning_curve(ctx, iterations),
        "deviation": _deviation(ctx, iterations),
        "force-parity": _parity(ctx, iterations),
    }
    paths = []
    for name, figure in drawn.items():
        if figure is not None:
            path = folder / f"{name}.png"
            figure.savefig(path, dpi=200)
            paths.append(path)
    return paths


def draw_calibration(evidence: Evidence, found: CalibrationRecord, path: Path) -> None:
    """Error against deviation of the labelled frames, and the trust levels that follow."""
    figure, axes = _figure()
    seen = np.isfinite(evidence.deviation) & (evidence.deviation > 0)
    if seen.any():
        deviation, error = evidence.deviation[seen], evidence.error[seen]
        axes.plot(deviation, error, ".", ms=3, color=BLUE, alpha=0.6, label="labelled frames")
        ends = np.array([deviation.min(), deviation.max()])
        for one in found.levels:
            if one.group == "" and np.isfinite(one.ratio):
                axes.plot(
                    ends, one.ratio * ends, color=ORANGE, label=f"{1 - found.missed:.0%} below"
                )
                axes.plot(ends, one.typical * ends, color=ORANGE, ls=":", label="half below")
    trust = found.trust("")
    axes.axhline(found.bearable_error, color=GREY, lw=0.8, label="bearable error")
    axes.axvspan(trust.lower, trust.upper, color=ORANGE, alpha=0.12, lw=0, label="candidates")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="maximum force deviation (eV/Å)",
        ylabel="largest force error (eV/Å)",
        title="before training",
    )
    for axis in (axes.xaxis, axes.yaxis):  # often less than a decade
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())
    axes.legend(frameon=False, fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=200)


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.2, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _learning_curve(ctx: Context, iterations: list[IterationRecord]) -> Figure | None:
    """Force error of the committee against the number of labels that it was trained on."""
    rows = learning_curve(ctx.store, ctx.name, iterations)
    if not rows:
        return None
    figure, axes = _figure()
    then = [(r.labels, r.test) for r in rows]
    axes.plot(*zip(*then, strict=True), "o-", color=BLUE, label="test frames then")
    later = [(r.labels, r.final) for r in rows if r.final is not None]
    if later:
        axes.plot(*zip(*later, strict=True), "s--", color=ORANGE, label="all test frames")
    audits = [(r.labels, r.audit) for r in rows if r.audit is not None]
    if audits:
        axes.plot(*zip(*audits, strict=True), "^:", color=GREEN, label="audit frames")
    axes.axhline(ctx.spec.converge.audit_force_rmse, color=GREY, lw=0.8)
    axes.annotate(
        "audit target",
        (1, ctx.spec.converge.audit_force_rmse),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="bottom",
        color=GREY,
        fontsize=8,
    )
    axes.set(xlabel="labels", ylabel="force RMSE (eV/Å)", ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)
    return figure


def _deviation(ctx: Context, iterations: list[IterationRecord]) -> Figure | None:
    """Maximum force deviation of all samples, an iteration at a time, with the trust levels."""
    samples = {one.index: deviations(ctx.store, ctx.name, one.index) for one in iterations}
    samples = {index: values for index, values in samples.items() if len(values)}
    if not samples:
        return None
    trust = iterations[-1].trust or ctx.spec.select.trust
    bins = histogram_bins(trust, max(values.max() for values in samples.values())).tolist()
    samples = {index: values.clip(min=bins[0]) for index, values in samples.items()}
    figure, axes = _figure()
    shades = np.linspace(0.25, 1.0, len(samples))
    for shade, (index, values) in zip(shades, samples.items(), strict=True):
        label = f"iteration {index}"
        axes.hist(values, bins, histtype="step", color=BLUE, alpha=float(shade), label=label)
    axes.axvspan(trust.lower, trust.upper, color=ORANGE, alpha=0.12, lw=0, label="candidates")
    axes.set(xscale="log", xlabel="maximum force deviation (eV/Å)", ylabel="samples")
    axes.legend(frameon=False, fontsize=8)
    return figure


def _parity(ctx: Context, iterations: list[IterationRecord]) -> Figure | None:
    """Forces predicted when a frame was chosen against its label, last exploring iteration."""
    for record in reversed(iterations):
        chosen = [
            s
            for s in ctx.store.selections.of_iteration(ctx.name, record.index)
            if s.predicted_forces is not None
        ]
        figure, axes = _figure()
        extent = 0.0
        for why, colour, marker in (("candidate", ORANGE, "."), ("audit", GREEN, "^")):
            pairs = ctx.predicted_and_true(s for s in chosen if s.chosen == why)
            if not pairs:
                continue
            predicted = np.concatenate([np.ravel(p[0]) for p in pairs])
            true = np.concatenate([np.ravel(p[1]) for p in pairs])
            extent = max(extent, float(np.abs([true, predicted]).max()))
            axes.plot(true, predicted, marker, ms=3, color=colour, alpha=0.5, label=why)
        if extent == 0.0:
            continue
        axes.plot([-extent, extent], [-extent, extent], color=GREY, lw=0.8)
        axes.set(
            xlabel="labelled force component (eV/Å)",
            ylabel="predicted before training (eV/Å)",
            title=f"iteration {record.index}",
        )
        axes.set_aspect("equal")
        axes.legend(frameon=False, fontsize=8)
        return figure
    return None
