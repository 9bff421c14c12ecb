"""What was explored, and what of it became data."""

from __future__ import annotations

from collections import Counter

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from al_loop.loop.curves import deviations, histogram_bins
from al_loop.loop.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    YELLOW,
    calibration_figure,
    new_figure,
    plain_log,
)
from al_loop.report.source import Source

_MOST_SHOWN = 6
_MOST_STRATA = 40
_LOOK = {
    "initial": (SKY, "s"),
    "candidate": (ORANGE, "o"),
    "audit": (GREEN, "^"),
    "imported": (PURPLE, "D"),
}


def deviation(source: Source) -> Figure | None:
    """Maximum force deviation of all samples, iteration by iteration, with the trust levels."""
    ctx = source.ctx
    explored = [one.index for one in source.iterations if one.counts.explored]
    picked = sorted({explored[round(i)] for i in _evenly(len(explored))}) if explored else []
    samples = {index: deviations(ctx.store, ctx.name, index) for index in picked}
    samples = {index: values for index, values in samples.items() if len(values)}
    if not samples:
        return None
    trust = source.iterations[max(samples)].trust or ctx.spec.select.trust
    bins = histogram_bins(trust, max(float(v.max()) for v in samples.values()))
    figure, axes = new_figure()
    axes.axvspan(trust.lower, trust.upper, color=YELLOW, alpha=0.18, lw=0, label="candidates")
    shades = colormaps["cividis"](np.linspace(0.0, 0.8, len(samples))[::-1])
    for shade, (index, values) in zip(shades, samples.items(), strict=True):
        weights = np.full(len(values), 1 / len(values))
        axes.hist(
            values.clip(min=bins[0]),
            bins.tolist(),
            weights=weights,
            histtype="step",
            color=shade,
            lw=1.2,
            label=f"iteration {index}",
        )
    axes.set(xlabel="maximum force deviation (eV/Å)", ylabel="share of the samples")
    axes.set_xlim(bins[0], bins[-1])
    plain_log(axes, "x")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.legend(loc="upper left")
    return figure


def fractions(source: Source) -> Figure | None:
    """Accurate, candidate and failed samples of each iteration."""
    explored = [one for one in source.iterations if one.counts.explored]
    if not explored:
        return None
    figure, axes = new_figure()
    at = [one.index for one in explored]
    bottom = np.zeros(len(explored))
    for name, colour, hatch in (
        ("accurate", BLUE, ""),
        ("candidate", YELLOW, "///"),
        ("failed", GREY, "..."),
    ):
        share = np.array([getattr(one.counts, name) / one.counts.explored for one in explored])
        axes.bar(at, share, 0.75, bottom, color=colour, hatch=hatch, ec="white", lw=0.6, label=name)
        bottom += share
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set(xlabel="iteration", ylabel="explored samples", ylim=(0, 1))
    axes.set_xlim(at[0] - 0.6, at[-1] + 0.6)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure


def calibration(source: Source) -> Figure | None:
    """True error against the deviation that the committee had before training."""
    if not len(source.evidence.error):
        return None
    return calibration_figure(source.evidence, source.calibration)


def coverage(source: Source) -> Figure | None:
    """Temperature and density of the frames with a label; structures that did not move at 0 K."""
    labelled = [one for one in source.frames if one.state == "ok"]
    if not labelled:
        return None
    figure, axes = new_figure(2.8)
    for why, (colour, marker) in _LOOK.items():
        mine = [one for one in labelled if one.chosen == why]
        if mine:
            axes.plot(
                [one.temperature or 0.0 for one in mine],
                [one.density for one in mine],
                marker,
                ms=3.2,
                mew=0,
                color=colour,
                alpha=0.6,
                label=f"{why} ({len(mine)})",
                rasterized=len(mine) > 2000,
            )
    axes.set(xlabel="temperature of the sample (K)", ylabel="density (g/cm$^3$)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def dataset(source: Source) -> Figure | None:
    """Labelled frames by composition and exploration stage."""
    labelled = [one for one in source.frames if one.state == "ok"]
    if not labelled:
        return None
    labelled.sort(key=lambda one: (one.iteration, one.chosen not in ("initial", "imported")))
    strata = list(dict.fromkeys(_stratum(one.composition, one.stage) for one in labelled))
    strata = strata[:_MOST_STRATA]
    figure, axes = new_figure(0.9 + 0.24 * len(strata))
    left = np.zeros(len(strata))
    for why, (colour, _) in _LOOK.items():
        counts = Counter(
            _stratum(one.composition, one.stage) for one in labelled if one.chosen == why
        )
        if counts:
            width = np.array([counts[name] for name in strata], dtype=float)
            axes.barh(strata, width, 0.7, left, color=colour, ec="white", lw=0.6, label=why)
            left += width
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="labelled frames")
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=4, columnspacing=1.0)
    return figure


def _stratum(composition: str, stage: str) -> str:
    return f"{composition}, {stage}"


def _evenly(count: int) -> list[float]:
    return [float(x) for x in np.linspace(0, count - 1, min(count, _MOST_SHOWN))]
