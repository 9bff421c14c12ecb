"""Choose a batch to label, and audit frames, from what the walkers have kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from al_loop.frame import frame_hash
from al_loop.select.trust import ACCURATE, CANDIDATE

Why = Literal["candidate", "audit"]


@dataclass(frozen=True)
class Pool:
    """The samples of one walker.

    ``code`` (samples,) are the codes of :func:`classify` for all samples; ``kept`` (kept,) the
    indices of those whose configurations are in ``frames``. A walker keeps all candidates and
    a few accurate samples drawn at random.
    """

    name: str
    code: NDArray[np.int8]
    kept: NDArray[np.int64]
    frames: Sequence[Atoms] = field(repr=False)

    def positions(self, code: int) -> NDArray[np.int64]:
        """Positions in ``frames`` of the kept samples with a code."""
        return np.flatnonzero(self.code[self.kept] == code)


@dataclass(frozen=True)
class Pick:
    """A frame to label: its hash, its walker, its place there, and why."""

    frame: str
    walker: str
    position: int
    """In the pool's ``frames``."""
    sample: int
    """Among all samples of the walker."""
    why: Why


@dataclass(frozen=True)
class Batch:
    """What was chosen, and how many frames were refused for each reason."""

    picks: tuple[Pick, ...]
    refused: dict[str, int]


def choose_batch(
    pools: Sequence[Pool],
    *,
    batch: int,
    audit: int,
    accept: Callable[[Atoms], str | None],
    known: Container[str],
    seed: int,
) -> Batch:
    """Choose up to ``batch`` candidates and up to ``audit`` accurate frames.

    Candidates come from the walkers in turn, at random within a walker: frames of one
    trajectory resemble one another, so a walker with many candidates must not crowd out the
    others. A frame that is refused is replaced by the next one until the batch is full or
    nothing is left. Audit frames estimate the error of what the committee calls accurate, so
    they are drawn uniformly from all accurate samples, and no filter applies to them: each kept
    one stands for as many as its walker had accurate samples per kept one.

    The order in which ``pools`` arrive does not matter; ``seed`` decides.
    """
    ordered = sorted(pools, key=lambda pool: pool.name)
    rng = np.random.default_rng(seed)
    taken: set[str] = set()
    refused: Counter[str] = Counter()

    def fill(offers: Iterator[tuple[Pool, int]], wanted: int, why: Why) -> list[Pick]:
        picks: list[Pick] = []
        while len(picks) < wanted and (offer := next(offers, None)) is not None:
            pool, position = offer
            atoms = pool.frames[position]
            frame = frame_hash(atoms)
            reason = "known" if frame in known or frame in taken else None
            if reason is None and why == "candidate":
                reason = accept(atoms)
            if reason is not None:
                refused[reason] += 1
                continue
            taken.add(frame)
            picks.append(Pick(frame, pool.name, position, int(pool.kept[position]), why))
        return picks

    candidates = fill(_in_turn(ordered, rng), batch, "candidate")
    audits = fill(_uniform(ordered, rng), audit, "audit")
    return Batch(tuple(candidates + audits), dict(refused))


def _in_turn(pools: Sequence[Pool], rng: np.random.Generator) -> Iterator[tuple[Pool, int]]:
    """Candidates of the pools in turn, in random order within a pool and of the pools."""
    shuffled = [(pool, list(rng.permutation(pool.positions(CANDIDATE)))) for pool in pools]
    queues = [shuffled[i] for i in rng.permutation(len(shuffled))]
    while queues:
        queues = [(pool, left) for pool, left in queues if left]
        for pool, left in queues:
            yield pool, int(left.pop())


def _uniform(pools: Sequence[Pool], rng: np.random.Generator) -> Iterator[tuple[Pool, int]]:
    """Accurate samples in random order, each weighted by the samples that it stands for.

    Weighted sampling without replacement: Efraimidis and Spirakis, Inf. Process. Lett. 97, 181
    (2006): order by log(u) / weight, largest first.
    """
    offers: list[tuple[float, Pool, int]] = []
    for pool in pools:
        positions = pool.positions(ACCURATE)
        if len(positions):
            weight = np.count_nonzero(pool.code == ACCURATE) / len(positions)
            keys = np.log1p(-rng.random(len(positions))) / weight
            offers += [(float(k), pool, int(p)) for k, p in zip(keys, positions, strict=True)]
    for _, pool, position in sorted(offers, key=lambda offer: -offer[0]):
        yield pool, position
