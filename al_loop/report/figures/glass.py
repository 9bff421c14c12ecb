"""What was measured of the glasses that the potential makes, beside what was published."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.integrate import trapezoid

from al_loop.loop.figures import BLACK, BLUE, COLUMN, GREEN, GREY, ORANGE, PURPLE, SKY, YELLOW
from al_loop.report.source import Source

if TYPE_CHECKING:
    from al_loop.glass.compare import ReferenceCurve, References
    from al_loop.glass.estimate import Curve
    from al_loop.glass.measuring import Measurement
    from al_loop.units import Array

_V = TypeVar("_V")

_LOOKS = [(BLUE, "-"), (ORANGE, "--"), (GREEN, "-."), (PURPLE, ":"), (SKY, "-"), (YELLOW, "--")]
_BARS = [(BLUE, ""), (YELLOW, "///"), (SKY, "...")]
_ROW = 2.1
"""Inch."""
_FEW = 80
"""Points of a reference that are drawn as such; more would be a line anyway."""
_MOST_PAIRS = 4
"""Beyond this only those with oxygen, and those that somebody has published."""


@dataclass(frozen=True)
class _Curves:
    """A panel of curves; ``pattern`` of their names, ``end`` of x.

    ``apart``: how far one stands above another; ``beside``: only where there is a reference.
    """

    title: str
    pattern: str
    end: float | None = None
    apart: float = 0.0
    beside: bool = False
    legend: Literal["upper right", "upper left"] = "upper right"


_PANELS = (
    _Curves("pair distributions", r"g_[A-Z]\w?-[A-Z]\w?", 8.0),
    _Curves("structure factors", "s_neutron|s_xray", 15.0, apart=1.0),
    _Curves("total correlation", "t_neutron", 8.0, beside=True),
    _Curves("bond angles", "angle_.*", legend="upper left"),
    _Curves("vibrations", "vdos|vdos_neutron"),
    _Curves("motion", "msd_.*", legend="upper left"),
)
_CRITERIA = {"King": "rings_king_", "Guttman": "rings_guttman_", "primitive": "rings_primitive_"}


def glass(source: Source) -> Figure | None:
    """Curves, rings and Qn of each composition, in two columns."""
    view = source.glass
    panels: list[tuple[str, Callable[[Axes], None]]] = []
    for one in view.systems if view else []:
        if one.whole is not None and one.references is not None:
            mine = _panels(one.whole, one.references)
            panels += [(f"{one.name}: {title}", draw) for title, draw in mine.items()]
    if not panels:
        return None
    rows = -(-len(panels) // 2)
    figure = Figure(figsize=(2 * COLUMN, _ROW * rows), layout="constrained")
    places = list(figure.subplots(rows, 2, squeeze=False).flat)
    for axes, (title, draw) in zip(places, panels, strict=False):
        draw(axes)
        axes.set_title(title, loc="left")
    for axes in places[len(panels) :]:
        axes.remove()
    return figure


def _panels(whole: Measurement, references: References) -> dict[str, Callable[[Axes], None]]:
    """What there is to draw of a composition, by title."""
    found: dict[str, Callable[[Axes], None]] = {}
    for panel in _PANELS:
        names = [name for name in whole.curves if re.fullmatch(panel.pattern, name)]
        published = [one for one in references.curves if one.name in names]
        known = {one.name for one in published}
        if len(names) > _MOST_PAIRS and panel.pattern.startswith("g_"):
            names = [name for name in names if name in known or "O" in name[2:].split("-")]
        if names and (known or not panel.beside):
            curves = {name: whole.curves[name] for name in names}
            found[panel.title] = partial(_curves, panel=panel, curves=curves, published=published)
    for title, stems in (
        ("rings", _CRITERIA),
        ("network", {"these glasses": "qn_"}),
    ):
        heights = {label: _by_number(stem, whole) for label, stem in stems.items()}
        heights = {
            label: bars
            for label, bars in heights.items()
            if sum(value > 0 for value, _ in bars.values()) > 1
        }
        if heights:
            words = (
                ("ring size (formers)", "rings per former") if title == "rings" else ("n", "Qn (%)")
            )
            values = {one.name: one.value for one in references.values}
            beside = {label: _numbered(stems[label], values) for label in heights}
            found[title] = partial(_bars, words=words, heights=heights, beside=beside)
    return found


def _by_number(stem: str, whole: Measurement) -> dict[int, tuple[float, float]]:
    """Number at the end of a name -> value and 95 % interval, up to the last that is not zero."""
    bars = {name: (one.value, one.bar) for name, one in whole.values.items()}
    found = _numbered(stem, bars)
    last = max((n for n, (value, _) in found.items() if value), default=-1)
    return {n: found[n] for n in sorted(found) if n <= last}


def _numbered(stem: str, values: dict[str, _V]) -> dict[int, _V]:
    return {
        int(name[len(stem) :]): value
        for name, value in values.items()
        if name.startswith(stem) and name[len(stem) :].isdigit()
    }


def _curves(
    axes: Axes, *, panel: _Curves, curves: dict[str, Curve], published: list[ReferenceCurve]
) -> None:
    from al_loop.glass.compare.figures import same_area
    from al_loop.glass.compare.labels import labels_of, title_of
    from al_loop.glass.estimate import coverage

    shape = any(one.scaled for one in published)
    low, high = 0.0, 0.0
    for k, (name, curve) in enumerate(curves.items()):
        colour, dash = _LOOKS[k % len(_LOOKS)]
        scale = 1.0 / float(trapezoid(curve.y, curve.x)) if shape else 1.0
        up = k * panel.apart
        y = curve.y * scale + up
        label = title_of(name).rpartition(", ")[2] + (f" + {up:g}" if up else "")
        axes.plot(curve.x, y, dash, color=colour, lw=1.1, label=label, zorder=3)
        if curve.error is not None:
            band = coverage(curve.n) * curve.error * scale
            axes.fill_between(curve.x, y - band, y + band, color=colour, alpha=0.2, lw=0)
        mine = [one for one in published if one.name == name]
        others = [one.y * (scale * same_area(curve, one) if shape else 1.0) + up for one in mine]
        for n, (one, theirs) in enumerate(zip(mine, others, strict=True)):
            _reference(axes, one, theirs, number=n)
        low = min(low, *(float(values.min()) for values in (y, *others)))
        high = max(high, *(float(values.max()) for values in (y, *others)))
    x_label, y_label = labels_of(next(iter(curves)))
    axes.set(xlabel=x_label, ylabel="shape (area 1)" if shape else y_label)
    start, end = (min(c.x[0] for c in curves.values()), max(c.x[-1] for c in curves.values()))
    axes.set_xlim(start, min(end, panel.end or end))
    # Of the curves, with room for the legend: bands of two samples are very wide.
    axes.set_ylim(1.08 * low, 1.3 * high)
    axes.legend(loc=panel.legend)


def _reference(axes: Axes, one: ReferenceCurve, y: Array, *, number: int) -> None:
    label = (one.subject.technique or one.subject.source)[:40]
    if len(one.x) <= _FEW:
        marker = "osD^v"[number % 5]
        axes.plot(one.x, y, marker, color=GREY, mfc="white", ms=2.6, mew=0.7, label=label)
    else:
        dash = (0, (1, 1 + number))
        axes.plot(one.x, y, ls=dash, color=BLACK, lw=1.0, label=label, zorder=4)


def _bars(
    axes: Axes,
    *,
    words: tuple[str, str],
    heights: dict[str, dict[int, tuple[float, float]]],
    beside: dict[str, dict[int, float]],
) -> None:
    width = 0.8 / len(heights)
    label: str | None = "published"
    for k, (name, bars) in enumerate(heights.items()):
        colour, hatch = _BARS[k]
        shift = (k - (len(heights) - 1) / 2) * width
        values, errors = zip(*bars.values(), strict=True)
        at = np.array(list(bars)) + shift
        look: dict[str, Any] = {"color": colour, "hatch": hatch, "ec": "white", "lw": 0.6}
        axes.bar(at, values, width, yerr=errors, label=name, error_kw={"lw": 0.8}, **look)
        if known := beside[name]:
            at = np.array(list(known)) + shift
            axes.plot(at, list(known.values()), "D", c=GREY, mfc="white", ms=3.5, label=label)
            label = None
    axes.set(xlabel=words[0], ylabel=words[1])
    axes.set_xticks(sorted({n for bars in heights.values() for n in bars}))
    axes.set_ylim(0, None)
    axes.legend()
