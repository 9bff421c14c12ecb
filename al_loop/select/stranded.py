"""Systems of which the committee knows nothing.

Where a system has failed samples and no candidate, it gets no label, so the next committee knows as
little as this one. (A few samples may be accurate: an ideal crystal has no forces to disagree on.)
Such a system starts from its earliest sane failed frames: closest to the structure it started from,
before the bad forces have carried it away.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from al_loop.frame import frame_hash
from al_loop.select.batch import Pick, Pool
from al_loop.select.trust import CANDIDATE, FAILED


@dataclass(frozen=True)
class Stranded:
    """A system whose samples are failed, but for a few; ``note`` says so to a person."""

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

    ``systems`` are the walkers of each system (a structure at its conditions); samples that a
    walker did not reach are failed ones. Stranded is a system without a candidate more than half
    of whose samples are failed. Frames of all walkers are taken by their place in the walk.
    Frames in ``known`` (hashes) are passed over.
    """
    found = []
    for system, pools in sorted(systems.items()):
        codes = np.concatenate([pool.code for pool in pools]) if pools else np.empty(0)
        failed = int(np.count_nonzero(codes == FAILED))
        if (codes == CANDIDATE).any() or 2 * failed <= len(codes):
            continue
        picks = _earliest(pools, each=each, accept=accept, known=known)
        what = f"{len(picks)} of its earliest frames are labelled"
        if not picks:
            what = "and it has no sane frame to label: look at its starting structure"
        which = f"all {failed}" if failed == len(codes) else f"{failed} of {len(codes)}"
        note = f"{system}: {which} samples are above the upper trust level, or were not reached"
        note += f", and none is a candidate; {what}"
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
        if pool.code[sample] == FAILED
    )
    for sample, name, position, pool in places:
        if len(picks) == each:
            break
        if accept(pool.frames[position]) is None:
            frame = frame_hash(pool.frames[position])
            if frame not in known:
                picks.setdefault(frame, Pick(frame, name, position, sample, "candidate"))
    return tuple(picks.values())
