"""How much of a stage's wall time no engine computed."""

from __future__ import annotations

from collections.abc import Iterable


def idle_seconds(start: float, end: float, busy: Iterable[tuple[float, float]]) -> float:
    """Length of [start, end] that no interval of ``busy`` covers (seconds since the epoch).

    Intervals may overlap, lie outside or come in any order.
    """
    idle = 0.0
    reached = start
    for first, last in sorted(busy):
        first, last = max(first, start), min(last, end)
        if last <= max(first, reached):
            continue
        idle += max(0.0, first - reached)
        reached = max(reached, last)
    return idle + max(0.0, end - reached)
