"""What an iteration has explored: its walks, each with its samples classified."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from al_loop.explore import Walk, Walker
from al_loop.loop.context import Context
from al_loop.loop.stages.explore import walkers_of
from al_loop.loop.trust import group_of, trust_of
from al_loop.select import FAILED, Pool, classify
from al_loop.select.trust import Codes
from al_loop.store import IterationRecord

BAND = 500.0
"""Width of a stratum of the target temperature, K."""


@dataclass(frozen=True)
class Explored:
    """A walk of a walker; ``code`` (samples,) are what its samples are.

    ``group`` is what trust levels are calibrated by.
    """

    walk: Walk
    walker: Walker
    group: str
    code: Codes

    @property
    def system(self) -> str:
        """The structure at its conditions, of which there may be several walkers."""
        return self.walker.name.rpartition("-")[0]

    @property
    def planned(self) -> int:
        """Samples that its walker was to give."""
        return _planned(self.walker)

    @property
    def pool(self) -> Pool:
        """What may be chosen from it."""
        walk = self.walk
        return Pool(walk.name, self.code, walk.kept, walk.frames, group=self.group)

    def stratum(self, step: int) -> str:
        """Its system, and the band of the target temperature: a quench is seen all along."""
        band = BAND * round(self.walker.temperature_at(step) / BAND)
        return f"{self.system} {band:g} K"

    @property
    def whole_pool(self) -> Pool:
        """The same, with the samples that it did not reach as failed ones.

        The first of them may be there: the one that was beyond the limit of deviation.
        """
        walk, reached = self.walk, len(self.code)
        code = np.full(max(self.planned, reached), FAILED, dtype=self.code.dtype)
        code[:reached] = self.code
        if walk.beyond is None or reached == len(code):
            return Pool(name=walk.name, kept=walk.kept, code=code, frames=walk.frames)
        kept = np.append(walk.kept, reached)
        return Pool(name=walk.name, kept=kept, code=code, frames=[*walk.frames, walk.beyond])


def explored(
    ctx: Context, iteration: IterationRecord, walks: Iterable[Walk]
) -> tuple[list[Explored], int]:
    """The walks of an iteration, and the samples that all its walkers were to give.

    Those that a walker did not reach count as failed: how far an engine ran on after that is
    chance, and a walker that explodes at once has not explored with confidence.
    """
    walkers = walkers_of(ctx, iteration.index)
    found = []
    for walk in walks:
        walker, start = walkers[walk.name]
        group = group_of(ctx, iteration.index, start)
        code = classify(walk.max_force_deviation, levels=trust_of(ctx, iteration, group))
        found.append(Explored(walk, walker, group, code))
    return found, sum(_planned(walker) for walker, _ in walkers.values())


def _planned(walker: Walker) -> int:
    return walker.steps // walker.sample_every + 1


def samples(explored: Sequence[Explored], code: int, *, group: str | None = None) -> int:
    """Number of samples of this code, in all or in a group."""
    return sum(
        int(np.count_nonzero(one.code == code))
        for one in explored
        if group is None or one.group == group
    )
