"""Predictions against labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from al_loop.loop.figures import BLUE, COLUMN, GREEN, GREY, ORANGE, PURPLE, SKY, new_figure
from al_loop.report.source import MEV, Source
from al_loop.units import Array

_MOST_POINTS = 2000
"""Beyond this, points are an image within the figure: thousands of circles make huge files."""
_SHOWN = (("o", BLUE), ("s", ORANGE), ("^", GREEN), ("D", PURPLE), ("v", SKY))


def parity_energy(source: Source) -> Figure | None:
    """Energies of test frames by the potential, against the labels."""
    found = source.last
    if found is None or not found.frames:
        return None
    labels = source.ctx.labels_of(found.frames)
    counts = source.ctx.store.frames.compositions(found.frames)
    errors = found.members[found.leader]
    rows = [
        (i, energy / errors.atoms[i], counts[frame])
        for i, frame in enumerate(found.frames)
        if frame in labels and (energy := labels[frame].energy) is not None
    ]
    if not rows:
        return None
    elements = source.ctx.spec.elements
    shares = np.array([[c.get(s, 0) / sum(c.values()) for s in elements] for _, _, c in rows])
    raw = np.array([energy for _, energy, _ in rows])
    true = raw - shares @ np.linalg.lstsq(shares, raw, rcond=None)[0]
    off = errors.energy[[i for i, _, _ in rows]]
    figure = Figure(figsize=(COLUMN, 3.6), layout="constrained")
    axes, below = figure.subplots(2, 1, height_ratios=[2.6, 1], sharex=True)
    formula = {one.frame: one.composition for one in source.frames}
    names = np.array([formula.get(found.frames[i], "") for i, _, _ in rows])
    kinds = list(dict.fromkeys(names)) if len(set(names)) <= len(_SHOWN) else [None]
    for kind, (marker, colour) in zip(kinds, _SHOWN, strict=False):
        mine = names == kind if kind is not None else np.ones(len(rows), dtype=bool)
        label = kind if len(kinds) > 1 else None
        _points(axes, true[mine], (true + off)[mine], marker, colour, label)
        _points(below, true[mine], off[mine] * MEV, marker, colour, None)
    _diagonal(axes, true, true + off)
    _say(axes, f"RMSE {np.sqrt(np.mean(off**2)) * MEV:.3g} meV/atom", f"{len(rows)} test frames")
    axes.set_aspect("auto")
    below.axhline(0, color=GREY, lw=0.8, zorder=1)
    axes.set(ylabel="energy by potential (eV/atom)")
    below.set(xlabel="energy by label (eV/atom)", ylabel="error (meV/atom)")
    if len(kinds) > 1:
        axes.legend(loc="lower right")
    return figure


def parity_force(source: Source) -> Figure | None:
    """Force components of frames that the committee had not trained on, against the labels."""
    for record in reversed(source.iterations):
        pairs = {why: source.pairs(record.index, why) for why in ("candidate", "audit")}
        if not any(pairs.values()):
            continue
        figure, axes = new_figure(3.2)
        everything = []
        for (why, mine), (marker, colour) in zip(
            pairs.items(), (("o", ORANGE), ("^", BLUE)), strict=True
        ):
            if mine:
                predicted = np.concatenate([np.ravel(p) for p, _ in mine])
                true = np.concatenate([np.ravel(t) for _, t in mine])
                rmse = float(np.sqrt(np.mean((predicted - true) ** 2)))
                name = f"{why} frames ({len(mine)}), RMSE {rmse:.3g} eV/Å"
                _points(axes, true, predicted, marker, colour, name)
                everything += [true, predicted]
        _diagonal(axes, *everything)
        axes.set(
            xlabel="force component by label (eV/Å)",
            ylabel="predicted before training (eV/Å)",
        )
        axes.legend(loc="upper left", handletextpad=0.2, borderaxespad=0.2, markerscale=2)
        return figure
    return None


def _points(
    axes: Axes, true: Array, predicted: Array, marker: str, colour: str, name: str | None
) -> None:
    axes.plot(
        true,
        predicted,
        marker,
        ms=3.0 if len(true) < 200 else 2.0,
        mew=0,
        color=colour,
        alpha=0.75 if len(true) < 200 else 0.45,
        label=name,
        rasterized=len(true) > _MOST_POINTS,
    )


def _diagonal(axes: Axes, *values: Array) -> None:
    """The line of equality, over axes of equal range."""
    together = np.concatenate(values)
    together = together[np.isfinite(together)]  # a model that has run away says anything
    low, high = (float(together.min()), float(together.max())) if len(together) else (0.0, 1.0)
    edge = 0.05 * (high - low) or 0.1
    ends = (low - edge, high + edge)
    axes.plot(ends, ends, color=GREY, lw=0.8, zorder=1)
    axes.set(xlim=ends, ylim=ends)
    axes.set_aspect("equal")


def _say(axes: Axes, *lines: Sequence[str] | str) -> None:
    axes.annotate(
        "\n".join(str(line) for line in lines),
        (0, 1),
        xycoords="axes fraction",
        xytext=(5, -4),
        textcoords="offset points",
        va="top",
        fontsize=7.5,
    )
