"""The numbers of the report's tables."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from al_loop.loop.dataset import IMPORTED, START, DataFrame, span
from al_loop.loop.explored import BAND
from al_loop.report.source import Source

DENSITY_BAND = 0.25
"""Width of a stratum of the density, g/cm3."""

Range = tuple[float, float] | None


@dataclass(frozen=True)
class Stratum:
    """Labelled frames of one composition and stage; counts by why they were chosen and by split."""

    composition: str
    stage: str
    frames: int
    atoms: tuple[int, int]
    temperature: Range
    density: Range
    chosen: Counter[str]
    split: Counter[str]
    not_good: int
    """Failed, in quarantine, or waiting."""


@dataclass(frozen=True)
class CostRow:
    """What a stage took, s: core time, wall time, and the part in which no engine computed."""

    stage: str
    core: float
    wall: float
    idle: float


def strata_rows(frames: Sequence[DataFrame]) -> list[Stratum]:
    """The data set by composition and stage, in the order in which they came."""
    first = sorted(frames, key=lambda one: (one.iteration, one.stage not in (START, IMPORTED)))
    groups: dict[tuple[str, str], list[DataFrame]] = {}
    for one in first:
        groups.setdefault((one.composition, one.stage), []).append(one)
    return [_stratum(*key, mine) for key, mine in groups.items()]


def _stratum(composition: str, stage: str, mine: Sequence[DataFrame]) -> Stratum:
    good = [one for one in mine if one.state == "ok"]
    return Stratum(
        composition=composition,
        stage=stage,
        frames=len(good),
        atoms=(min(one.atoms for one in mine), max(one.atoms for one in mine)),
        temperature=span(one.temperature for one in good),
        density=span(one.density for one in good),
        chosen=Counter(one.chosen for one in good),
        split=Counter(one.split for one in good),
        not_good=len(mine) - len(good),
    )


def spread_of(frames: Sequence[DataFrame]) -> dict[str, list[tuple[str, int]]]:
    """Labelled frames by bands of temperature and of density: (band, frames)."""
    good = [one for one in frames if one.state == "ok"]
    still = sum(one.temperature is None for one in good)
    temperatures = _bands((one.temperature for one in good), BAND, 0)
    return {
        "temperature, K": [*([("none (not moved)", still)] if still else []), *temperatures],
        "density, g/cm³": _bands((one.density for one in good), DENSITY_BAND, 2),
    }


def _bands(values: Iterable[float | None], width: float, digits: int) -> list[tuple[str, int]]:
    counts = Counter(math.floor(value / width) for value in values if value is not None)
    return [
        (f"{band * width:.{digits}f} to {(band + 1) * width:.{digits}f}", counts[band])
        for band in sorted(counts)
    ]


def cost_rows(source: Source) -> list[CostRow]:
    """Core time and wall time by stage, over all iterations."""
    core = {one.stage: 3600 * one.core_hours for one in source.spending}
    wall: dict[str, float] = defaultdict(float)
    idle: dict[str, float] = defaultdict(float)
    for one in source.iterations:
        for name, seconds in one.seconds.items():
            stage = "labels" if name in ("start", "label") else name
            wall[stage] += seconds
            idle[stage] += one.idle.get(name, 0.0)
    stages = dict.fromkeys([*core, *wall])
    return [CostRow(name, core.get(name, 0.0), wall[name], idle[name]) for name in stages]
