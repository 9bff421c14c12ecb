"""Which frames of an exploration are labelled.

Candidates whose atoms are described come first, each time the one farthest from all that is
labelled or chosen (``al_loop.select.diversity``). The others are taken walker by walker in turn,
one each, in a random order of walkers and of the samples of each: a walker that spends its whole
way between the trust levels yields many frames that resemble each other, and drawing from all
candidates alike would spend the batch on it.

Audit frames measure the error of what the committee calls accurate, so they are a uniform sample
of *all* accurate samples of a group (a composition and stage), groups in turn, and the filters do
not apply to them. Walkers are drawn with the weight of the accurate samples they still have,
counted over the whole walk. As a walker keeps only some accurate configurations, itself drawn at
random, this is exactly uniform as long as each keeps as many as the audit asks for, or all it has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from al_loop.frame import frame_hash
from al_loop.hashing import derive_seed
from al_loop.select.diversity import Candidate, Environments, farthest_first
from al_loop.select.filters import finite
from al_loop.select.trust import ACCURATE, CANDIDATE, Codes

Why = Literal["candidate", "audit"]


@dataclass(frozen=True)
class Pool:
    """The reduced trajectory of one walker.

    ``code`` (samples,) are the codes of :func:`~al_loop.select.trust.classify` for all samples;
    ``kept`` (kept,) the indices of those whose configurations are in ``frames``; ``group`` what is
    audited apart.
    """

    name: str
    code: Codes
    kept: NDArray[np.int64]
    frames: Sequence[Atoms] = field(repr=False)
    group: str = ""


@dataclass(frozen=True)
class Described:
    """A candidate whose atoms are described: its place in its pool's frames."""

    position: int
    candidate: Candidate


@dataclass(frozen=True)
class Pick:
    """A frame to label, and why.

    ``frame`` is its hash, ``position`` its place in the pool's frames, ``sample`` in the walk.
    """

    frame: str
    walker: str
    position: int
    sample: int
    why: Why


@dataclass(frozen=True)
class Batch:
    """What was chosen, candidates first, and how many frames were refused for which reason."""

    picks: tuple[Pick, ...]
    refused: Mapping[str, int]


class _Sieve:
    """Turns a kept sample into a pick, or counts why not."""

    def __init__(self, accept: Callable[[Atoms], str | None], known: Container[str]) -> None:
        self.refused: Counter[str] = Counter()
        self._accept = accept
        self._known = known
        self._taken: set[str] = set()
        self._looked_at: set[tuple[str, int]] = set()

    def looked_at(self) -> frozenset[tuple[str, int]]:
        """Pools and positions that have been asked about so far."""
        return frozenset(self._looked_at)

    def pick(self, pool: Pool, position: int, why: Why) -> Pick | None:
        self._looked_at.add((pool.name, position))
        atoms = pool.frames[position]
        reason = self._accept(atoms) if why == "candidate" else finite(atoms)
        if reason is None:
            frame = frame_hash(atoms)
            if frame not in self._known and frame not in self._taken:
                self._taken.add(frame)
                return Pick(frame, pool.name, position, int(pool.kept[position]), why)
            reason = "labelled before" if frame in self._known else "twice among the walkers"
        self.refused[reason] += 1
        return None


def choose_batch(
    pools: Sequence[Pool],
    *,
    batch: int,
    audit: int,
    accept: Callable[[Atoms], str | None],
    known: Container[str],
    seed: int,
    described: Sequence[Described] = (),
    labelled: Sequence[Environments] = (),
    gap: float = 0.0,
) -> Batch:
    """Choose up to ``audit`` accurate frames, and candidates until there are ``batch + audit``.

    Of the ``described`` candidates those come first that are farthest from ``labelled`` and from
    one another; those of one walk are more than ``gap`` of time apart.

    Candidates that ``accept`` gives a reason against, frames in ``known`` (hashes) and frames
    that were chosen already are refused and replaced by others until enough are found or none
    is left. The choice depends on the pools and on ``seed``, not on the order of the pools.

    Raises
    ------
    ValueError
        Two pools have one name, or the arrays of a pool do not belong together.
    """
    ordered = sorted(pools, key=lambda pool: pool.name)
    _check(ordered)
    sieve = _Sieve(accept, known)
    audits = list(islice(_uniform(ordered, sieve=sieve, seed=seed), audit))
    count = batch + audit - len(audits)
    picks = _diverse(ordered, described, labelled, count=count, gap=gap, sieve=sieve, seed=seed)
    candidates = _in_turn(ordered, but=sieve.looked_at(), sieve=sieve, seed=seed)
    picks += islice(candidates, count - len(picks))
    return Batch((*picks, *audits), dict(sorted(sieve.refused.items())))


def _diverse(
    pools: Sequence[Pool],
    described: Sequence[Described],
    labelled: Sequence[Environments],
    *,
    count: int,
    gap: float,
    sieve: _Sieve,
    seed: int,
) -> list[Pick]:
    """Acceptable described candidates, the most novel first."""
    by_name = {pool.name: pool for pool in pools}
    ordered = sorted(described, key=lambda one: (one.candidate.walker, one.position))
    picks: list[Pick] = []

    def accept(index: int) -> bool:
        one = ordered[index]
        pick = sieve.pick(by_name[one.candidate.walker], one.position, "candidate")
        picks.extend([] if pick is None else [pick])
        return pick is not None

    chosen = farthest_first(
        [one.candidate for one in ordered],
        labelled,
        count=count,
        gap=gap,
        accept=accept,
        seed=derive_seed(seed, "diverse"),
    )
    for _ in chosen:
        pass
    return picks


def _in_turn(
    pools: Sequence[Pool], *, but: Container[tuple[str, int]], sieve: _Sieve, seed: int
) -> Iterator[Pick]:
    """Acceptable candidates, one of each walker in turn, without those that are named."""
    queues = [(pool, _shuffled(pool, CANDIDATE, seed)) for pool in pools]
    order = np.random.default_rng(derive_seed(seed, "walkers")).permutation(len(queues))
    waiting = [queues[i] for i in order]
    while waiting:
        rest = []
        for pool, queue in waiting:
            left = (position for position in queue if (pool.name, position) not in but)
            found = (sieve.pick(pool, position, "candidate") for position in left)
            pick = next((one for one in found if one is not None), None)
            if pick is not None:
                yield pick
                rest.append((pool, queue))
        waiting = rest


def _uniform(pools: Sequence[Pool], *, sieve: _Sieve, seed: int) -> Iterator[Pick]:
    """Acceptable accurate frames: of each group in turn a uniform sample, without return."""
    groups = {pool.group for pool in pools}
    draws = [
        _uniform_of([pool for pool in pools if pool.group == group], sieve=sieve, seed=seed)
        for group in sorted(groups, key=lambda group: derive_seed(seed, "audit", group))
    ]
    while draws:
        found = [(draw, next(draw, None)) for draw in draws]
        yield from (pick for _, pick in found if pick is not None)
        draws = [draw for draw, pick in found if pick is not None]


def _uniform_of(pools: Sequence[Pool], *, sieve: _Sieve, seed: int) -> Iterator[Pick]:
    """A uniform sample (without return) of all accurate samples of some pools."""
    generator = np.random.default_rng(derive_seed(seed, "audit"))
    queues = [list(_shuffled(pool, ACCURATE, seed)) for pool in pools]
    weights = np.array([np.count_nonzero(pool.code == ACCURATE) for pool in pools], dtype=float)
    while True:
        weights[[not queue for queue in queues]] = 0.0
        if not weights.any():
            return
        drawn = int(generator.choice(len(pools), p=weights / weights.sum()))
        weights[drawn] -= 1.0
        pick = sieve.pick(pools[drawn], queues[drawn].pop(), "audit")
        if pick is not None:
            yield pick


def _shuffled(pool: Pool, code: int, seed: int) -> Iterator[int]:
    """Positions among a pool's frames whose sample has this code, in random order."""
    positions = np.flatnonzero(pool.code[pool.kept] == code)
    generator = np.random.default_rng(derive_seed(seed, pool.name, code))
    return iter(int(position) for position in generator.permutation(positions))


def _check(pools: Sequence[Pool]) -> None:
    names = [pool.name for pool in pools]
    if len(set(names)) != len(names):
        raise ValueError("two pools have the same name")
    for pool in pools:
        if len(pool.kept) != len(pool.frames):
            raise ValueError(f"pool {pool.name}: {len(pool.kept)} kept, {len(pool.frames)} frames")
