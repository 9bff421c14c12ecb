"""Walkers to choose from, and questions to ask of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from ase import Atoms

from al_loop.frame import frame_hash
from al_loop.select import ACCURATE, CANDIDATE, FAILED, Pool


def frame(x: float) -> Atoms:
    """A configuration that differs from that of any other ``x`` between 0 and 9."""
    return Atoms("SiO", positions=[[0, 0, 0], [x, 2.0, 0]], cell=[10, 10, 10], pbc=True)


def make_pool(name: str, codes: Sequence[int], *, dropped: Collection[int] = ()) -> Pool:
    """A walker's pool from the codes of its samples; all but ``dropped`` samples are kept.

    Walkers whose names are anagrams share their frames.
    """
    kept = [i for i in range(len(codes)) if i not in dropped]
    offset = sum(name.encode()) % 7 + len(name) * 1e-3
    return Pool(
        name=name,
        code=np.array(codes, dtype=np.int8),
        kept=np.array(kept, dtype=np.int64),
        frames=[frame(offset + 1e-4 * i) for i in kept],
    )


@dataclass(frozen=True)
class Ask:
    """A question to ``choose_batch``; ``shuffled`` are the same pools in another order."""

    pools: list[Pool] = field(repr=False)
    shuffled: list[Pool] = field(repr=False)
    batch: int
    audit: int
    seed: int
    refuse: int
    known: set[str]

    def accept(self, atoms: Atoms) -> str | None:
        """Refuses one frame of ``refuse``; none when that is 1."""
        return "odd" if self.refuse > 1 and int(frame_hash(atoms), 16) % self.refuse == 0 else None

    def hashes(self, code: int) -> dict[str, Atoms]:
        """Frames with this code that may be picked."""
        return {
            key: atoms
            for pool in self.pools
            for i, atoms in zip(pool.kept, pool.frames, strict=True)
            if pool.code[i] == code and (key := frame_hash(atoms)) not in self.known
        }


@cache
def asks() -> tuple[Ask, ...]:
    """Many questions, the first one about no walkers at all."""
    generator = np.random.default_rng(1)
    return tuple(_ask(generator, walkers) for walkers in (0, *[1, 2, 3, 4, 5, 6] * 12))


def _ask(generator: np.random.Generator, walkers: int) -> Ask:
    pools = []
    for name in generator.permutation(["ab", "ba", "abc", "cab", "bca", "d"])[:walkers].tolist():
        codes = generator.choice([ACCURATE, CANDIDATE, FAILED], generator.integers(13))
        dropped = np.flatnonzero(generator.random(len(codes)) < 0.3)
        pools.append(make_pool(name, codes.tolist(), dropped=set(dropped.tolist())))
    every = sorted({frame_hash(atoms) for pool in pools for atoms in pool.frames})
    forget = int(generator.integers(1, 5))
    return Ask(
        pools=pools,
        shuffled=[pools[i] for i in generator.permutation(len(pools))],
        batch=int(generator.integers(16)),
        audit=int(generator.integers(7)),
        seed=int(generator.integers(1, 1000)),
        refuse=int(generator.integers(1, 4)),
        known=set(every[::forget]) if forget > 1 else set(),
    )
