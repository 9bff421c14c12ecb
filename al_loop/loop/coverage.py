"""What a campaign's frames cover: compositions, temperatures, densities."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from al_loop.store import Covered, Store

KELVIN = 250.0
"""Width of a bin of the temperature, K."""
DENSITY = 0.1
"""Width of a bin of the density, g/cm3."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CompositionCoverage(_Document):
    """Frames of one composition that a campaign chose, by why; ``name`` as SiO2."""

    name: str
    initial: int
    candidate: int
    audit: int
    imported: int

    @property
    def frames(self) -> int:
        """All of them."""
        return self.initial + self.candidate + self.audit + self.imported


class Coverage(_Document):
    """Frames that a campaign chose to label.

    ``temperatures`` (K; None: starting structures and imported frames, which have none) and
    ``densities`` (g/cm3) are the middles of bins, in order; ``counts`` [density][temperature].
    """

    compositions: list[CompositionCoverage]
    temperatures: list[float | None]
    densities: list[float]
    counts: list[list[int]]

    def shade(self, count: int) -> int:
        """0 (none) to 4 (as many as the fullest cell), on a logarithmic scale."""
        fullest = max((n for row in self.counts for n in row), default=0)
        if not count:
            return 0
        return 1 + round(3 * math.log(count) / math.log(fullest)) if fullest > 1 else 4


def coverage_of(store: Store, campaign: str) -> Coverage:
    """Coverage of a campaign; of none that has chosen nothing."""
    found = store.selections.coverage(campaign, kelvin=KELVIN, density=DENSITY)
    examples = {one.example for one in found if not one.group}
    known = {frame: _formula(n) for frame, n in store.frames.compositions(examples).items()}
    by_name: dict[str, Counter[str]] = {}
    cells: Counter[tuple[float, float | None]] = Counter()
    for one in found:
        by_name.setdefault(_name(one, known), Counter())[one.chosen] += one.frames
        if one.density is not None:
            cells[round(one.density, 6), one.temperature] += one.frames
    temperatures = sorted({t for _, t in cells}, key=lambda t: -math.inf if t is None else t)
    densities = sorted({d for d, _ in cells})
    return Coverage(
        compositions=[
            CompositionCoverage(
                name=name,
                initial=n["initial"],
                candidate=n["candidate"],
                audit=n["audit"],
                imported=n["imported"],
            )
            for name, n in sorted(by_name.items())
        ],
        temperatures=temperatures,
        densities=densities,
        counts=[[cells[d, t] for t in temperatures] for d in densities],
    )


def _name(one: Covered, known: Mapping[str, str]) -> str:
    if one.group:
        return one.group.partition(",")[0]
    if one.chosen == "imported":  # a set of many compositions, perhaps
        return f"imported: {one.source}"
    return known.get(one.example, one.source)


def _formula(counts: Mapping[str, int]) -> str:
    """Reduced; elements in the order in which the frame's formula has them, oxygen last."""
    units = math.gcd(*counts.values()) or 1
    order = sorted(counts, key=lambda symbol: symbol == "O")
    amounts = ((symbol, counts[symbol] // units) for symbol in order)
    return "".join(f"{symbol}{n if n > 1 else ''}" for symbol, n in amounts)
