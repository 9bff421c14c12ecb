"""What a campaign cost."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from al_loop.loop.figures import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, YELLOW, new_figure
from al_loop.report.source import Source

_COLOURS = {
    "quench": PURPLE,
    "labels": ORANGE,
    "train": BLUE,
    "explore": GREEN,
    "label": YELLOW,
    "assess": SKY,
    "validate": BLACK,
}


def cost(source: Source) -> Figure | None:
    """Core time by stage, iteration by iteration."""
    if not source.spending:
        return None
    at = np.arange(len(source.iterations))
    spent = {
        one.stage: np.array([one.by_iteration.get(int(i), 0.0) for i in at])
        for one in source.spending
    }
    highest = float(sum(spent.values(), np.zeros(len(at))).max())
    factor, unit = (1.0, "core-hours") if highest >= 1 else (60.0, "core-minutes")
    if highest < 1 / 60:
        factor, unit = 3600.0, "core-seconds"
    figure, axes = new_figure()
    bottom = np.zeros(len(at))
    for name, hours in spent.items():
        values = hours * factor
        colour = _COLOURS.get(name, GREY)
        axes.bar(at, values, 0.75, bottom, color=colour, ec="white", lw=0.6, label=name)
        bottom += values
    axes.set(xlabel="iteration", ylabel=unit)
    axes.set_xlim(-0.6, len(at) - 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=4, columnspacing=1.0)
    return figure
