"""All variants that a protocol has made in a folder, and how values depend on the rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path, PurePath

from al_loop.glass.estimate import Estimate
from al_loop.glass.lines import fit_line
from al_loop.glass.make import GlassResult, made_in
from al_loop.glass.oxides import title
from al_loop.glass.study.options import StudyOptions
from al_loop.glass.study.variant import Studied, study_variant

TOLD = ("density", "fictive_temperature", "energy_at_rest", "density_at_rest")
"""Values of which the dependence on the rate is told."""


@dataclass(frozen=True)
class Trend:
    """A value over the decimal logarithm of the cooling rate: ``slope`` in its unit a decade.

    ``of`` says of which composition and size; ``rates`` are those in it, K/ps.
    """

    name: str
    of: str
    slope: Estimate
    rates: tuple[float, ...]


@dataclass(frozen=True)
class Study:
    """Variants in the order of their names, and trends where there are three rates or more."""

    variants: tuple[Studied, ...]
    trends: tuple[Trend, ...]


def study_folder(
    folder: str | Path,
    options: StudyOptions | None = None,
    *,
    advance: Callable[[], None] = lambda: None,
) -> Study:
    """What `al-loop glass make` has made in a folder, as observables under public names.

    ``advance`` is called after each variant.

    Raises
    ------
    JobFolderError
        No glass is there, or none has ended.
    DatasetError
        As :func:`~al_loop.glass.study.variant.study_variant`.
    """
    found = []
    for name, samples in variants_in(folder).items():
        found.append(study_variant(name, samples, options))
        advance()
    return Study(tuple(found), trends(found))


def variants_in(folder: str | Path) -> dict[str, dict[str, GlassResult]]:
    """Samples by variant: what one folder holds of one protocol."""
    groups: dict[str, dict[str, GlassResult]] = {}
    for run, one in made_in(Path(folder)).items():
        parent = str(PurePath(run).parent)
        name = one.protocol.name if parent == "." else parent
        groups.setdefault(name, {})[run if run != "." else one.protocol.name] = one
    return groups


def trends(variants: Sequence[Studied]) -> tuple[Trend, ...]:
    """Lines over the logarithm of the rate, of variants that differ in nothing else."""
    alike: dict[str, list[Studied]] = {}
    for one in variants:
        if one.rate is not None:
            of = f"{title(one.measurement.conditions.fractions)}, {one.atoms} atoms"
            alike.setdefault(of, []).append(one)
    found = []
    for of, group in alike.items():
        for name in TOLD:
            points = {
                one.rate: one.measurement.values[name]
                for one in group
                if one.rate is not None and name in one.measurement.values
            }
            if len(points) >= 3:
                found.append(_trend(name, of, points))
    return tuple(found)


def _trend(name: str, of: str, points: dict[float, Estimate]) -> Trend:
    errors = [one.error or 0.0 for one in points.values()]
    line = fit_line(
        [log10(rate) for rate in points],
        [one.value for one in points.values()],
        errors if min(errors) > 0 else None,
    )
    unit = next(iter(points.values())).unit
    return Trend(name, of, Estimate(line.slope, line.slope_error, line.n, unit), tuple(points))
