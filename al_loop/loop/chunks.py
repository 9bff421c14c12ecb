"""How frames to be labelled are dealt to jobs: chunks that should last some minutes each.

Pure functions. What a label costs is taken from the labels so far: seconds ~ factor * atoms**power.
Times of single labels scatter a lot about that (convergence), so chunks are sized by mean times.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FIRST_GUESS = 8
"""Frames in a job as long as nothing is known of their cost."""

_ENOUGH = 20
"""Labels from which a power may be fitted."""
_SPREAD = 1.5
"""Largest over smallest frame from which on a power can be seen."""
_LARGEST_POWER = 4.0


@dataclass(frozen=True)
class LabelCost:
    """Expected wall time of a label: ``factor * atoms**power`` seconds."""

    factor: float
    power: float

    def seconds(self, atoms: int) -> float:
        """Expected wall time of a frame of so many atoms, s."""
        return self.factor * math.pow(atoms, self.power)


def fit_cost(measured: Sequence[tuple[int, float]]) -> LabelCost | None:
    """Cost from labels that were computed, as (atoms, seconds); None when there are none.

    The power is a least-squares line through the logarithms; with few labels, or frames of
    about one size, it is 1. The factor makes the sum of the expected times that of the measured
    ones: long labels are rare but they fill a chunk.
    """
    known = [(atoms, max(seconds, 1e-3)) for atoms, seconds in measured if atoms > 0]
    if not known:
        return None
    power = _power(known)
    # The order in which labels are read must not matter to the last bit: hence fsum.
    total = math.fsum(seconds for _, seconds in known)
    return LabelCost(total / math.fsum(math.pow(atoms, power) for atoms, _ in known), power)


def _power(known: Sequence[tuple[int, float]]) -> float:
    sizes = [atoms for atoms, _ in known]
    if len(known) < _ENOUGH or max(sizes) < _SPREAD * min(sizes):
        return 1.0
    x = [math.log(atoms) for atoms in sizes]
    y = [math.log(seconds) for _, seconds in known]
    mean_x, mean_y = math.fsum(x) / len(x), math.fsum(y) / len(y)
    covariance = math.fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    slope = covariance / math.fsum((a - mean_x) ** 2 for a in x)
    return min(max(slope, 0.0), _LARGEST_POWER)


def chunk(
    atoms: Mapping[str, int],
    *,
    cost: LabelCost | None,
    minutes: float,
    frames_per_job: int | None = None,
    workers: int | None = None,
    long_first: bool = True,
) -> list[tuple[str, ...]]:
    """Deal frames to jobs that last about as long, the longest frames first in each.

    Parameters
    ----------
    atoms
        Hash of a frame -> number of its atoms.
    cost
        What is known of the cost; without it a job gets ``FIRST_GUESS`` frames.
    minutes
        What a job should last. A frame that takes longer is a job of its own.
    frames_per_job
        At most so many frames in a job, in as few jobs as that needs, whatever they last.
    workers
        Jobs that can run at a time: there are never fewer jobs, as long as there are frames.
    long_first
        The longest jobs come first, so that none is left over at the end. Not with a quorum: what
        it leaves behind would be short, too little to keep the workers busy while the committee is
        trained, and always the small frames. The order is then that of the hashes: random.

    Returns
    -------
    list of tuple of str
        The same for the same frames, in whatever order they are given.
    """
    if not atoms:
        return []
    seconds = {f: cost.seconds(n) if cost else float(n) for f, n in atoms.items()}
    order = sorted(atoms, key=lambda frame: (-seconds[frame], frame))
    if frames_per_job is not None:
        count = -(-len(order) // frames_per_job)
    elif cost is None:
        count = max(-(-len(order) // FIRST_GUESS), workers or 1)
    else:
        total = math.fsum(seconds.values())
        count = max(math.ceil(total / (60.0 * minutes)), workers or 1)
    chunks = _deal(order, seconds, count=min(count, len(order)), most=frames_per_job)
    return chunks if long_first else sorted(chunks)


def _deal(
    order: Sequence[str], seconds: Mapping[str, float], *, count: int, most: int | None
) -> list[tuple[str, ...]]:
    """Each frame, long ones first, to the chunk that has least to do so far."""
    chunks: list[list[str]] = [[] for _ in range(count)]
    open_chunks = [(0.0, i) for i in range(count)]
    loads = [0.0] * count
    for frame in order:
        load, i = heapq.heappop(open_chunks)
        chunks[i].append(frame)
        loads[i] = load + seconds[frame]
        if most is None or len(chunks[i]) < most:
            heapq.heappush(open_chunks, (loads[i], i))
    longest_first = sorted(range(count), key=lambda i: (-loads[i], i))
    return [tuple(chunks[i]) for i in longest_first]
