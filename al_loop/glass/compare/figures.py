"""Curves against references, in one plain style."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.integrate import trapezoid

from al_loop.errors import DatasetError
from al_loop.glass.compare.labels import labels_of, title_of
from al_loop.glass.compare.reference import ReferenceCurve, References
from al_loop.glass.compare.resolution import at_resolution
from al_loop.glass.compare.similarity import zero_of
from al_loop.glass.estimate import Curve, Estimate, coverage
from al_loop.glass.measuring.measurement import Measurement

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
"""Okabe and Ito's colours, told apart by colour-blind readers."""
_COLOURS = (ORANGE, GREEN, PURPLE)
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "svg.hashsalt": "al-loop",
}

_RANGES = {"s": (0.0, 15.0), "g": (0.0, 10.0), "t": (0.0, 10.0)}

_NEVER_BELOW = ("g", "t", "angle", "msd", "vdos", "participation")
"""Of these nothing is below zero but error bands."""

GROUPS: dict[str, tuple[str, ...]] = {
    "Structure factors": ("s_neutron", "s_neutron_wave_vectors", "s_xray"),
    "Pair distributions": ("t_neutron", r"g_[A-Z]\w?-[A-Z]\w?"),
    "Bond angles": (r"angle_[^_]*",),
    "Vibrations": ("vdos", "vdos_neutron", "participation_ratio"),
    "Motion": (r"msd_.*", r"vacf_.*", "dynamic_s_neutron", r"diffusion_temperature_.*"),
    "Heat": (r"(energy|volume)_(cooling|heating)",),
    "Pressure and strain": (r".*_pressure", "stress_strain"),
    "Equation of state": ("energy_volume",),
}
"""What is drawn, under which heading; names as patterns."""


def figure_names(measurement: Measurement, references: References) -> dict[str, list[str]]:
    """Heading -> curves that there are; whatever has a reference is drawn in any case."""
    left = list(measurement.curves)
    found: dict[str, list[str]] = {}
    for heading, patterns in GROUPS.items():
        names = [n for p in patterns for n in left if re.fullmatch(p, n)]
        if names:
            found[heading] = names
    drawn = {name for names in found.values() for name in names}
    others = {one.name for one in references.curves} & set(left) - drawn
    if others:
        found["Others"] = sorted(others)
    return found


def draw_curve(name: str, measured: Curve, references: list[ReferenceCurve]) -> Figure:
    """One curve with its error band, and the references of its name."""
    with rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.0), layout="constrained")
        axes = figure.add_subplot()
        shape = any(one.scaled for one in references)
        _draw(axes, name, measured, references, shape=shape)
        axes.set_title(title_of(name), fontsize=9, loc="left")
        if references:
            axes.legend(fontsize=7)
    return figure


def draw_network(measurement: Measurement, references: References) -> dict[str, Figure]:
    """``rings`` by size, and ``qn`` beside references, as bars with error bars; where there are."""
    values = measurement.values
    figures = {}
    rings = {
        criterion: {
            int(name.rsplit("_", 1)[1]): one
            for name, one in values.items()
            if name.startswith(f"rings_{criterion}_")
        }
        for criterion in ("king", "guttman", "primitive")
    }
    sizes = [n for found in rings.values() for n, one in found.items() if one.value]
    if sizes:  # an invert glass may have none
        end = max(sizes) + 1
        kept = {k: {n: v for n, v in found.items() if n <= end} for k, found in rings.items()}
        figures["rings"] = _bars("ring size (formers)", "rings per former", kept)
    qn = {int(name[3:]): one for name, one in values.items() if re.fullmatch(r"qn_\d", name)}
    if qn:
        beside = {
            int(one.name[3:]): Estimate(one.value, one.half_width / 2, 1, "%")
            for one in references.values
            if re.fullmatch(r"qn_\d", one.name)
        }
        figures["qn"] = _bars("n", "Qn (%)", {"measured": qn, "reference": beside})
    return figures


def _bars(x: str, y: str, series: Mapping[str, Mapping[int, Estimate]]) -> Figure:
    """Bars in groups, with the error bars of verdicts."""
    there = {name: found for name, found in series.items() if found}
    with rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.0), layout="constrained")
        axes = figure.add_subplot()
        width = 0.8 / len(there)
        for k, (name, found) in enumerate(there.items()):
            places = [n + (k - (len(there) - 1) / 2) * width for n in found]
            bars = [one.bar for one in found.values()]
            heights = [one.value for one in found.values()]
            axes.bar(places, heights, width, color=(BLUE, *_COLOURS)[k], label=name, yerr=bars)
        axes.set(xlabel=x, ylabel=y, xticks=sorted({n for one in there.values() for n in one}))
        tops = [v.value + (v.error or 0.0) for found in there.values() for v in found.values()]
        axes.set_ylim(0.0, 1.1 * max(tops, default=0.0) or 1.0)  # there are no fewer than none
        axes.set_title(y, fontsize=9, loc="left")
        if len(there) > 1:
            axes.legend(fontsize=7)
    return figure


def draw_all(measurement: Measurement, references: References) -> dict[str, dict[str, Figure]]:
    """Heading -> name -> figure: every curve that is drawn, and the network."""
    ours = references.of(measurement.conditions)
    found = {
        heading: {
            name: _beside(measurement, name, [one for one in ours.curves if one.name == name])
            for name in names
        }
        for heading, names in figure_names(measurement, ours).items()
    }
    network = draw_network(measurement, ours)
    return found | {"Network": network} if network else found


def _beside(measurement: Measurement, name: str, references: list[ReferenceCurve]) -> Figure:
    """Ours at the resolution of the first reference that has one, where that can be done."""
    measured = measurement.curves[name]
    if resolved := next((one for one in references if one.q_max is not None), None):
        with suppress(DatasetError):
            measured = at_resolution(measurement.curves, resolved)
    return draw_curve(name, measured, references)


def write_figures(
    measurement: Measurement, references: References, folder: str | Path
) -> list[Path]:
    """Each figure of :func:`draw_all` as ``NAME.pdf`` (text stays text) and ``NAME.png``, 300 dpi.

    Two calls write the same bytes.

    Raises
    ------
    DatasetError
        The folder cannot be written to.
    """
    target, paths = Path(folder), []
    try:
        target.mkdir(parents=True, exist_ok=True)
        with rc_context(STYLE):
            for figures in draw_all(measurement, references).values():
                for name, figure in figures.items():
                    paths += [target / f"{name}.pdf", target / f"{name}.png"]
                    figure.savefig(paths[-2], metadata={"CreationDate": None})
                    figure.savefig(paths[-1], dpi=300)
    except OSError as error:
        raise DatasetError(f"cannot be written: {error.strerror}", where=folder) from None
    return paths


def as_svg(figure: Figure) -> str:
    """The figure as an SVG element for a page of HTML: no fonts, nothing loaded."""
    stream = io.StringIO()
    with rc_context(STYLE):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()[stream.getvalue().index("<svg") :]


def _draw(
    axes: Axes, name: str, measured: Curve, references: list[ReferenceCurve], *, shape: bool
) -> None:
    kind = name.split("_")[0]
    scale = 1.0 / float(trapezoid(measured.y, measured.x)) if shape else 1.0
    for colour, one in zip(_COLOURS * len(references), references, strict=False):
        y = one.y * (scale * same_area(measured, one) if shape else 1.0) + zero_of(measured, one)
        few = len(one.x) <= 80
        label = one.subject.technique or one.subject.source
        axes.plot(one.x, y, "o" if few else "-", ms=3, lw=1.4, color=colour, label=label[:40])
    y = measured.y * scale
    line = "o-" if len(measured.x) <= 10 else "-"
    axes.plot(measured.x, y, line, ms=3, color=BLUE, lw=1.2, label="measured", zorder=3)
    if measured.error is not None:
        band = coverage(measured.n) * measured.error * scale
        axes.fill_between(measured.x, y - band, y + band, color=BLUE, alpha=0.25, lw=0)
    x_label, y_label = labels_of(name)
    axes.set(xlabel=x_label, ylabel="shape (area 1)" if shape else y_label)
    low, high = _RANGES.get(kind, (float(measured.x[0]), float(measured.x[-1])))
    axes.set_xlim(low, min(high, float(measured.x[-1])))
    _frame(axes, measured, scale, never_below=kind in _NEVER_BELOW)


def _frame(axes: Axes, measured: Curve, scale: float, *, never_below: bool) -> None:
    """Room for the curves and one standard error; the band of few samples would flatten them."""
    low, high = axes.get_xlim()
    seen = [
        y[(x >= low) & (x <= high)]
        for x, y in (np.asarray(line.get_xydata(), dtype=np.float64).T for line in axes.lines)
    ]
    if measured.error is not None:
        shown = (measured.x >= low) & (measured.x <= high)
        y, error = measured.y[shown] * scale, measured.error[shown] * scale
        seen += [y - error, y + error]
    heights = np.concatenate(seen)
    heights = heights[np.isfinite(heights)]
    if not len(heights):
        return
    bottom, top = float(heights.min()), float(heights.max())
    margin = 0.05 * (top - bottom) or 1.0
    floor = 0.0 if never_below and float(measured.y.min()) >= 0.0 else bottom - margin
    axes.set_ylim(floor, top + margin)


def same_area(measured: Curve, reference: ReferenceCurve) -> float:
    """What brings a reference to the measured curve's area where both are, as for R_chi."""
    part = reference.within(float(measured.x[0]), float(measured.x[-1]))
    theirs = float(trapezoid(part.y, part.x))
    ours = float(trapezoid(np.interp(part.x, measured.x, measured.y), part.x))
    return ours / theirs if theirs else 1.0
