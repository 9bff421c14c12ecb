"""One plain style for every figure, and the one that an iteration draws as it goes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from al_loop.jobfolder import write_atomically
from al_loop.select import Evidence
from al_loop.store import CalibrationRecord

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#AA4499"
SKY, YELLOW, BLACK, GREY = "#56B4E9", "#E69F00", "#000000", "#666666"
"""Okabe and Ito's colours, told apart by colour-blind readers; each goes with a marker."""

COLUMN = 3.37
"""Width of a journal's column, inch (8.6 cm)."""

FigureFormat = Literal["pdf", "png", "svg"]

_STYLE: Any = {
    "font.size": 8.0,
    "axes.labelsize": 8.5,
    "axes.titlesize": 8.5,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "legend.handlelength": 1.8,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.5,
    "pdf.fonttype": 42,  # text that journals and Illustrator can read
    "svg.hashsalt": "al_loop",
}


@contextmanager
def style() -> Iterator[None]:
    """What is drawn and saved within has the style."""
    with mpl.rc_context(_STYLE):
        yield


def new_figure(height: float = 2.6, *, width: float = COLUMN) -> tuple[Figure, Axes]:
    """A figure of a column's width with one set of axes; inch."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def new_row(
    count: int, height: float = 2.6, *, width: float = 2 * COLUMN
) -> tuple[Figure, list[Axes]]:
    """A figure with axes beside one another, over two columns; inch."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def target_line(axes: Axes, value: float, words: str) -> None:
    """A level that is to be reached."""
    axes.axhline(value, color=GREY, lw=0.9, ls=(0, (5, 3)), zorder=1, label=words)


def plain_log(axes: Axes, *which: Literal["x", "y"]) -> None:
    """Logarithmic axes with plain numbers: they often span less than a decade."""
    for name in which:
        axis = axes.xaxis if name == "x" else axes.yaxis
        axes.set(**{f"{name}scale": "log"})
        low, high = axis.get_view_interval()
        narrow = high < 300 * max(low, 1e-300)
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())


def encoded(figure: Figure, fmt: FigureFormat) -> bytes:
    """The bytes of a figure's file: the same for the same figure."""
    undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {"Software": None}}
    stream = io.BytesIO()
    with style():
        figure.savefig(stream, format=fmt, dpi=300, metadata=undated[fmt])
    return stream.getvalue()


def save_figure(figure: Figure, path: Path, fmt: FigureFormat) -> None:
    """Write a figure in one step; what was there is replaced."""
    write_atomically(path, encoded(figure, fmt))


def calibration_figure(evidence: Evidence, found: CalibrationRecord | None) -> Figure:
    """Error against deviation of labelled frames, and the trust levels that follow, if they do."""
    with style():
        figure, axes = new_figure(2.9)
        seen = np.isfinite(evidence.deviation) & (evidence.deviation > 0) & (evidence.error > 0)
        deviation, error = evidence.deviation[seen], evidence.error[seen]
        axes.plot(
            deviation, error, ".", ms=4, mew=0, color=BLUE, alpha=0.6, rasterized=len(error) > 2000
        )
        if len(error):
            ends = np.array([deviation.min(), deviation.max()])
            axes.plot(ends, ends, color=GREY, lw=0.9, label="error = deviation")
            _bounds(axes, ends, found)
        if found is not None:
            trust = found.trust("")
            axes.axhline(found.bearable_error, color=GREY, lw=0.9, ls=":", label="bearable error")
            axes.axvspan(
                trust.lower, trust.upper, color=YELLOW, alpha=0.18, lw=0, label="candidates"
            )
        axes.set(
            xlabel="maximum force deviation (eV/Å)",
            ylabel="largest force error (eV/Å)",
        )
        plain_log(axes, "x", "y")
        axes.legend(loc="upper left")
    return figure


def _bounds(axes: Axes, ends: np.ndarray, found: CalibrationRecord | None) -> None:
    pooled = [one for one in found.levels if one.group == ""] if found else []
    for one in pooled:
        if found is not None and np.isfinite(one.ratio):
            axes.plot(ends, one.ratio * ends, color=ORANGE, label=f"{1 - found.missed:.0%} below")
            axes.plot(ends, one.typical * ends, color=ORANGE, ls="--", label="half below")


def draw_calibration(evidence: Evidence, found: CalibrationRecord, path: Path) -> None:
    """Write :func:`calibration_figure` as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_figure(calibration_figure(evidence, found), path, "png")
