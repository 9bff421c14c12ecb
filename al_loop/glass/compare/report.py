"""A measurement and its verdicts on one page of HTML that loads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from math import floor, log10
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from al_loop.errors import DatasetError
from al_loop.glass.compare.figures import as_svg, draw_all
from al_loop.glass.compare.reference import Reference, ReferenceCurve, References
from al_loop.glass.compare.verdict import Verdict, caution, compare
from al_loop.glass.estimate import Estimate
from al_loop.glass.measuring.measurement import Measurement
from al_loop.glass.measuring.names import observable
from al_loop.glass.oxides import title
from al_loop.jobfolder import write_atomically
from al_loop.resources import resource_folder


@dataclass(frozen=True)
class Bar:
    """Where a value lies beside its reference, in percent of a drawn line.

    ``low`` to ``high`` is what the reference allows, ``at`` the value, ``left`` to ``right`` its
    error bar.
    """

    low: float
    high: float
    at: float
    left: float
    right: float


@dataclass(frozen=True)
class Row:
    """A line of the table of verdicts."""

    verdict: Verdict
    what: str
    measured: str
    reference: str
    method: str
    source: str
    note: str
    doi: str
    bar: Bar | None


def write_report(measurement: Measurement, references: References, path: str | Path) -> None:
    """Write the page; DatasetError where that cannot be done."""
    try:
        write_atomically(Path(path), render_report(measurement, references))
    except OSError as error:
        raise DatasetError(f"cannot be written: {error.strerror}", where=path) from None


def render_report(measurement: Measurement, references: References) -> str:
    """The page: verdicts, figures against references, all values, what is missing."""
    environment = Environment(
        loader=FileSystemLoader(resource_folder("templates") / "glass"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    verdicts = compare(measurement, references)
    figures = {
        heading: [Markup(as_svg(one)) for one in drawn.values()]  # ours
        for heading, drawn in draw_all(measurement, references).items()
    }
    used = {one.name for one in verdicts}
    return environment.get_template("report.html.j2").render(
        title=title(measurement.conditions.fractions),
        at=measurement.conditions,
        rows=[_row(one) for one in verdicts],
        counts={
            state: sum(one.state == state for one in verdicts)
            for state in ("inside", "outside", "undecided")
        },
        caution=caution(measurement, verdicts),
        figures=figures,
        values=[
            (name, observable(name)[1].what, said(one), name in used)
            for name, one in measurement.values.items()
        ],
        missing=measurement.missing,
        overlaps=measurement.overlaps,
        version=version("al-loop"),
    )


def _row(verdict: Verdict) -> Row:
    reference = verdict.reference
    subject = reference.subject
    return Row(
        verdict,
        observable(verdict.name)[1].what,
        "curve" if verdict.measured is None else said(verdict.measured),
        allowed(reference),
        f"{subject.method}{', ' + subject.technique if subject.technique else ''}",
        subject.source,
        subject.note,
        subject.doi,
        _bar(verdict.measured, reference),
    )


def said(one: Estimate) -> str:
    """As in print, with five digits where no error tells how many count."""
    if one.error:
        return str(one)
    return f"{one.value:.5g} {one.unit}".rstrip()


def allowed(reference: Reference | ReferenceCurve) -> str:
    """What a reference allows: ``2.2 ± 0.01 g/cm3``; of a curve the R_chi."""
    if isinstance(reference, ReferenceCurve):
        return f"R_chi ≤ {100 * reference.tolerance:.2g} %"
    half = reference.half_width
    counts = max(0, 1 - floor(log10(half))) if half else 5  # two digits of the half width
    return f"{round(reference.value, counts):.5g} ± {half:.2g} {reference.unit}".rstrip()


def _bar(measured: Estimate | None, reference: Reference | ReferenceCurve) -> Bar | None:
    if measured is None or not isinstance(reference, Reference):
        return None
    half, error = reference.half_width, measured.bar
    away = measured.value - reference.value
    reach = 1.15 * max(half, abs(away) + error) or 1.0
    return Bar(*(50.0 + 50.0 * x / reach for x in (-half, half, away, away - error, away + error)))
