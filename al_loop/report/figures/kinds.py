"""The kinds of figures, by name, with what a caption says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from al_loop.campaign.strict import meant
from al_loop.errors import UserError
from al_loop.loop.figures import FigureFormat, save_figure, style
from al_loop.loop.potential import make_folder
from al_loop.report.figures.cost import cost
from al_loop.report.figures.errors import convergence, learning, learning_energy
from al_loop.report.figures.glass import glass
from al_loop.report.figures.parity import parity_energy, parity_force
from al_loop.report.figures.sampling import calibration, coverage, dataset, deviation, fractions
from al_loop.report.source import Source


@dataclass(frozen=True)
class Kind:
    """A kind of figure; ``draw`` gives None where there is nothing to draw yet."""

    name: str
    title: str
    caption: str
    draw: Callable[[Source], Figure | None]
    wide: bool = False
    """Over two columns."""


_INTERVALS = "Bars: 95 % intervals by bootstrap over frames."

KINDS: dict[str, Kind] = {
    one.name: one
    for one in (
        Kind(
            "learning",
            "Force error against labels",
            "Force error (RMSE per component) against the number of labels; on test frames the "
            "mean over the committee, on audit frames that of its leader. Test frames of the time "
            "grow with the data; all test frames were measured with every committee at the end; "
            "audit frames are samples that the committee called accurate, before it trained on "
            f"them. {_INTERVALS}",
            learning,
        ),
        Kind(
            "learning-energy",
            "Energy error against labels",
            "Energy error (RMSE, mean over the committee) against the number of labels. "
            f"{_INTERVALS}",
            learning_energy,
        ),
        Kind(
            "convergence",
            "Convergence",
            "Left: uncertain samples (candidate and failed) of each iteration. Right: force error "
            "that 95 % (or as the campaign asks) of the atoms of audit frames stay below, by "
            "stratum: as measured (open, dotted) and bounded with the confidence asked for "
            "(filled, solid).",
            convergence,
            wide=True,
        ),
        Kind(
            "parity-energy",
            "Energies of test frames",
            "Energies of test frames by the last potential against the labels, less a sum over "
            "the elements that is fitted to the labels.",
            parity_energy,
        ),
        Kind(
            "parity-force",
            "Forces of frames before training",
            "Force components of the frames of the last exploration, by the potential that had "
            "not trained on them, against the labels. Audit frames were called accurate by the "
            "committee, candidates were not.",
            parity_force,
        ),
        Kind(
            "deviation",
            "Deviations of the explored samples",
            "Largest force deviation of the committee in all samples that were explored. Shaded: "
            "candidates, between the trust levels of the last iteration shown.",
            deviation,
        ),
        Kind(
            "fractions",
            "What the explored samples are",
            "Accurate, candidate and failed samples of each iteration.",
            fractions,
        ),
        Kind(
            "calibration",
            "True error against deviation",
            "Largest force error of each labelled frame against the largest deviation of the "
            "committee that had not trained on it.",
            calibration,
        ),
        Kind(
            "coverage",
            "Temperature and density of the data",
            "Frames with a label by temperature and density. Starting structures and imported "
            "frames without a temperature stand at 0 K.",
            coverage,
        ),
        Kind(
            "dataset",
            "Data by composition and stage",
            "Labelled frames by composition and exploration stage.",
            dataset,
        ),
        Kind(
            "cost",
            "Cost",
            "Core time by stage and iteration; the last one is the training on all labels.",
            cost,
        ),
        Kind(
            "glass",
            "Glasses of the potential",
            "What was measured of the glasses, by composition; shaded or with bars: 95 % intervals "
            "over samples or frames. Points and dotted black lines: what was published.",
            glass,
            wide=True,
        ),
    )
}


def kind_of(name: str) -> Kind:
    """A kind by its name; UserError, with the one that may have been meant."""
    if name not in KINDS:
        raise UserError(
            f"no figure is called {name!r}; {meant(name, list(KINDS))}",
            remedy="`al-loop plot NAME` lists the kinds",
        )
    return KINDS[name]


def write_figures(source: Source, folder: Path, formats: Sequence[FigureFormat]) -> list[Path]:
    """Write each kind for which there is something to draw; the files."""
    make_folder(folder)
    paths = []
    for kind in KINDS.values():
        figure = draw(source, kind)
        if figure is not None:
            paths += [folder / f"{kind.name}.{fmt}" for fmt in formats]
            for fmt in formats:
                save_figure(figure, folder / f"{kind.name}.{fmt}", fmt)
    return paths


def draw(source: Source, kind: Kind) -> Figure | None:
    """A figure in the style of all; None where there is nothing to draw yet."""
    with style():
        return kind.draw(source)
