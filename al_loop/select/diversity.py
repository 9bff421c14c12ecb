"""Diversity: frames whose atoms have environments that no labelled frame has.

Farthest-point sampling (Gonzalez, Theor. Comput. Sci. 38, 293 (1985)) on descriptors of atoms, not
of frames: the mean over a frame would hide one rare defect among hundreds of ordinary atoms. The
novelty of a frame is the largest, over its atoms, distance to the nearest labelled atom of the same
element.

Distances are in units of the element's spread in the whole exploration, so elements compare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from al_loop.units import Array

CHUNK = 4_000_000
"""Distances in memory at once: 32 MB."""


@dataclass(frozen=True)
class Environments:
    """The atoms of one frame.

    ``features`` (atoms, features): descriptors; ``elements`` (atoms,): the same numbers in all
    frames. ``weight`` (atoms,): factor of an atom's novelty, for example its force deviation, or 0
    where it does not count; None for 1.
    """

    features: Array = field(repr=False)
    elements: NDArray[np.int64] = field(repr=False)
    weight: Array | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Candidate:
    """A frame that may be labelled.

    ``stratum``: what has a quota (composition, temperature, pressure). ``time``: its place in
    its walk.
    """

    environments: Environments
    stratum: str
    walker: str
    time: float


@dataclass(frozen=True)
class Novel:
    """A choice: position among the candidates, its novelty, and the atom that is new.

    ``within_quota`` and ``decorrelated`` are False where nothing else was left.
    """

    candidate: int
    novelty: float
    atom: int
    within_quota: bool = True
    decorrelated: bool = True


def farthest_first(
    candidates: Sequence[Candidate],
    labelled: Sequence[Environments],
    *,
    count: int,
    gap: float = 0.0,
    accept: Callable[[int], bool] = lambda _: True,
    seed: int,
) -> Iterator[Novel]:
    """Choose ``count`` candidates, each time the one that is farthest from all chosen so far.

    Every stratum may have ``count / strata`` of them, and frames of one walker are more than
    ``gap`` of time apart. Where that would leave the batch short, first the quotas are given up,
    then the gap. A candidate is refused by ``accept`` (asked once, when it would be next) and
    another fills its place. Frames without a new atom (novelty 0) are duplicates, and never chosen.
    """
    if not candidates or count < 1:
        return
    quota = -(-count // len({one.stratum for one in candidates}))
    state = _Novelty([one.environments for one in candidates], labelled, seed=seed)
    free = np.ones(len(candidates), dtype=bool)
    strata = np.array([one.stratum for one in candidates], dtype=object)
    walkers = np.array([one.walker for one in candidates], dtype=object)
    times = np.array([one.time for one in candidates], dtype=np.float64)
    apart = np.ones(len(candidates), dtype=bool)
    found = 0
    while found < count:
        novelty = state.frames()
        possible = free & (novelty > 0)
        full = {s for s in set(strata) if (strata[state.chosen] == s).sum() >= quota}
        room = np.array([s not in full for s in strata], dtype=bool)
        tiers = (possible & apart & room, possible & apart, possible)
        tier = next((i for i, allowed in enumerate(tiers) if allowed.any()), None)
        if tier is None:
            return
        best = state.best(np.where(tiers[tier], novelty, -1.0))
        free[best] = False
        if not accept(best):
            continue
        yield Novel(best, float(novelty[best]), state.newest_atom(best), tier == 0, tier < 2)
        state.choose(best)
        apart &= (walkers != walkers[best]) | (np.abs(times - times[best]) > gap)
        found += 1


class _Novelty:
    """Distances of all candidate atoms to the nearest that is labelled or chosen."""

    def __init__(
        self, candidates: Sequence[Environments], labelled: Sequence[Environments], *, seed: int
    ) -> None:
        self.chosen: list[int] = []
        self._sizes = [len(one.elements) for one in candidates]
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)])
        features = np.concatenate([one.features for one in candidates]).astype(np.float64)
        self._elements = np.concatenate([one.elements for one in candidates])
        self._weight = np.concatenate(
            [np.ones(len(c.elements)) if c.weight is None else c.weight for c in candidates]
        )
        known = np.concatenate([one.features for one in labelled]) if labelled else features[:0]
        kinds = np.concatenate([one.elements for one in labelled]) if labelled else kinds_of([])
        self._features = features
        self._distance = np.full(len(features), np.inf)
        for element in np.unique(self._elements):
            own = self._elements == element
            centre = features[own].mean(axis=0)
            spread = float(np.sqrt(np.square(features[own] - centre).sum(axis=1).mean())) or 1.0
            features[own] = (features[own] - centre) / spread
            self._nearer(own, (known[kinds == element] - centre) / spread)
        self._order = np.random.default_rng(seed).permutation(len(candidates))

    def frames(self) -> Array:
        """Novelty of each candidate."""
        with np.errstate(invalid="ignore"):
            weighted = np.nan_to_num(self._distance * self._weight, nan=0.0, posinf=np.inf)
        novelty: Array = np.maximum.reduceat(weighted, self._starts[:-1])
        return novelty

    def best(self, novelty: Array) -> int:
        """The largest; of equal ones, one at random."""
        return int(self._order[np.argmax(novelty[self._order])])

    def newest_atom(self, candidate: int) -> int:
        """The atom to which a candidate owes its novelty."""
        own = slice(self._starts[candidate], self._starts[candidate + 1])
        with np.errstate(invalid="ignore"):
            weighted = np.nan_to_num(self._distance[own] * self._weight[own], posinf=np.inf)
        return int(np.argmax(weighted))

    def choose(self, candidate: int) -> None:
        """From now on a candidate counts as labelled."""
        self.chosen.append(candidate)
        own = slice(self._starts[candidate], self._starts[candidate + 1])
        points, kinds = self._features[own].copy(), self._elements[own]
        for element in np.unique(kinds):
            self._nearer(self._elements == element, points[kinds == element])
        self._distance[own] = 0.0

    def _nearer(self, own: NDArray[np.bool_], points: Array) -> None:
        """Take new points of one element into account, a part at a time."""
        if len(points) == 0:
            return
        rows = np.flatnonzero(own)
        squares = np.square(points).sum(axis=1)
        step = max(1, CHUNK // len(points))
        for first in range(0, len(rows), step):
            part = rows[first : first + step]
            mine = self._features[part]
            square = squares - 2.0 * mine @ points.T + np.square(mine).sum(axis=1)[:, None]
            nearest = np.sqrt(np.clip(square.min(axis=1), 0.0, None))
            # the difference of large numbers: what is within rounding is at one place
            nearest[nearest < 1e-6] = 0.0
            self._distance[part] = np.minimum(self._distance[part], nearest)


def kinds_of(numbers: Sequence[int]) -> NDArray[np.int64]:
    """Elements as :class:`Environments` holds them."""
    return np.array(numbers, dtype=np.int64)
