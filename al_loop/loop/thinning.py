"""Long series made short enough for a page, without losing what stands out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from al_loop.units import Array

Positions = NDArray[np.int64]


def peaks(values: Array, most: int) -> Positions:
    """Positions of at most ``most`` of ``values`` (n,), in order, both ends among them.

    Each of evenly wide parts gives its lowest and its highest; NaN is neither.
    """
    n = len(values)
    if n <= most:
        return np.arange(n)
    low = np.where(np.isfinite(values), values, np.inf)
    high = np.where(np.isfinite(values), values, -np.inf)
    parts = np.array_split(np.arange(n), max(1, (most - 2) // 2))
    chosen = [part[np.argmin(low[part])] for part in parts]
    chosen += [part[np.argmax(high[part])] for part in parts]
    return np.unique([0, *chosen, n - 1])


def evenly(n: int, most: int) -> Positions:
    """At most ``most`` of ``n`` positions, evenly, in order."""
    return np.arange(n) if n <= most else np.unique(np.linspace(0, n - 1, most).astype(np.int64))


def plain(values: Array | Sequence[float], digits: int = 6) -> list[float | None]:
    """Numbers with this many significant digits for JSON, which knows no NaN: None."""
    numbers = np.asarray(values, dtype=np.float64)
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in numbers.tolist()]
