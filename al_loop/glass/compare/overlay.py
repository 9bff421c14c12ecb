"""One curve of several measurements over one another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from al_loop.errors import DatasetError
from al_loop.glass.compare.figures import BLUE, GREEN, ORANGE, PURPLE, STYLE
from al_loop.glass.compare.labels import labels_of, title_of
from al_loop.glass.estimate import coverage
from al_loop.glass.measuring.measurement import Measurement
from al_loop.glass.measuring.names import observable
from al_loop.glass.mechanics import EquationOfState

_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, "#56B4E9", "#E69F00", "#000000")
_LINES = ("-", "--", ":")
_FORMATS = (".pdf", ".png", ".svg")


def names_of(measurements: Mapping[str, Measurement]) -> list[str]:
    """What each is called in a legend: its phase where no two have the same, else its key."""
    phases = [one.conditions.phase for one in measurements.values()]
    return phases if len(set(phases)) == len(phases) else list(measurements)


def draw_overlay(name: str, measurements: Mapping[str, Measurement]) -> Figure:
    """The curve of this name of each measurement (by its file), with error bands.

    Energies over volume are points, with the fitted equation of state through them.

    Raises
    ------
    DatasetError
        Nothing has this name, it is no curve, or a measurement does not have it.
    """
    full, what = observable(name)
    if what.kind != "curve":
        raise DatasetError(f"{full} is a value", remedy="give the name of a curve")
    for key, one in measurements.items():
        if full not in one.curves:
            raise DatasetError(
                f"it has no {full}: {one.why_missing(full)}",
                where=key,
                remedy=f"its curves: {', '.join(one.curves) or 'none'}",
            )
    with rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.0), layout="constrained")
        axes = figure.add_subplot()
        labels = names_of(measurements)
        for k, (label, one) in enumerate(zip(labels, measurements.values(), strict=True)):
            colour = _COLOURS[k % len(_COLOURS)]
            _draw(axes, full, one, label, colour, _LINES[k // len(_COLOURS) % len(_LINES)])
        x_label, y_label = labels_of(full)
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.ticklabel_format(useOffset=False)
        axes.set_title(title_of(full), fontsize=9, loc="left")
        axes.legend(fontsize=7)
    return figure


def write_overlay(name: str, measurements: Mapping[str, Measurement], path: str | Path) -> None:
    """:func:`draw_overlay` as PDF, PNG (300 dpi) or SVG, after the ending of the file's name.

    Raises
    ------
    DatasetError
        The ending is another one, the file cannot be written, or there is no such curve.
    """
    file = Path(path)
    if file.suffix not in _FORMATS:
        raise DatasetError(
            f"a figure of kind {file.suffix or 'none'!r}",
            where=file,
            remedy=f"one of {', '.join(_FORMATS)}",
        )
    figure = draw_overlay(name, measurements)
    try:
        with rc_context(STYLE):
            figure.savefig(file, dpi=300)
    except OSError as error:
        raise DatasetError(f"cannot be written: {error.strerror}", where=file) from None


def _draw(axes: Axes, name: str, one: Measurement, label: str, colour: str, line: str) -> None:
    curve = one.curves[name]
    if name == "energy_volume" and "eos_volume" in one.values:
        fit = EquationOfState(
            form="birch-murnaghan",
            volume=one.values["eos_volume"],
            energy=one.values["eos_energy"],
            bulk_modulus=one.values["eos_bulk_modulus"],
            derivative=one.values["eos_derivative"],
            residual=one.values["eos_residual"].value,
        )
        x = np.linspace(curve.x[0], curve.x[-1], 101)
        axes.plot(x, fit.energies(x), line, color=colour, lw=1.2)
        axes.plot(curve.x, curve.y, "o", ms=3, color=colour, label=label)
        return
    axes.plot(curve.x, curve.y, line, color=colour, lw=1.2, label=label)
    if curve.error is not None:
        band = coverage(curve.n) * curve.error
        axes.fill_between(curve.x, curve.y - band, curve.y + band, color=colour, alpha=0.2, lw=0)
