"""Systems of which the committee knows nothing.

Where every sample of a system is failed there is no candidate, so no label, so the next committee
knows as little as this one. Such a system starts from its earliest sane frames: closest to the
structure it started from, before the bad forces have carried it away.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from al_loop.frame import frame_hash
from al_loop.select.batch import Pick, Pool
from al_loop.select.trust import FAILED


@dataclass(frozen=True)
class Stranded:
    """A system without a single accurate or candidate sample; ``note`` says so to a person."""

    system: str
    picks: tuple[Pick, ...]
    note: str


def stranded_systems(
    systems: Mapping[str, Sequence[Pool]],
    *,
    each: int,
    accept: Callable[[Atoms], str | None],
    known: Container[str],
) -> tuple[Stranded, ...]:
    """Stranded systems, each with up to ``each`` of its earliest frames that ``accept`` allows.

    ``systems`` are the walkers of each system (a composition at its conditions). Frames of all
    walkers are taken by their place in the walk. Frames in ``known`` (hashes) are passed over.
    """
    found = []
    for system, pools in sorted(systems.items()):
        samples = sum(len(pool.code) for pool in pools)
        if samples == 0 or any((pool.code != FAILED).any() for pool in pools):
            continue
        picks = _earliest(pools, each=each, accept=accept, known=known)
        what = f"{len(picks)} of its earliest frames are labelled"
        if not picks:
            what = "and it has no sane frame to label: look at its starting structure"
        note = f"{system}: all {samples} samples are above the upper trust level; {what}"
        found.append(Stranded(system, picks, note))
    return tuple(found)


def _earliest(
    pools: Sequence[Pool],
    *,
    each: int,
    accept: Callable[[Atoms], str | None],
    known: Container[str],
) -> tuple[Pick, ...]:
    picks: dict[str, Pick] = {}
    places = sorted(
        (int(sample), pool.name, position, pool)
        for pool in pools
        for position, sample in enumerate(np.asarray(pool.kept))
    )
    for sample, name, position, pool in places:
        if len(picks) == each:
            break
        if accept(pool.frames[position]) is None:
            frame = frame_hash(pool.frames[position])
            if frame not in known:
                picks.setdefault(frame, Pick(frame, name, position, sample, "candidate"))
    return tuple(picks.values())
