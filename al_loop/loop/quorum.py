"""Labels that are late: when training may start without them, and when they are dropped."""

from __future__ import annotations

from collections.abc import Mapping


def enough(*, wanted: int, waiting: int, quorum: float) -> bool:
    """Whether ``wanted - waiting`` of the ``wanted`` frames reach the quorum.

    ``waiting`` frames have no label yet, neither good nor failed. With a quorum of 1 all must
    have one.
    """
    return wanted - waiting >= quorum * wanted - 1e-9


def no_longer_wanted(scores: Mapping[str, float], lower: Mapping[str, float]) -> set[str]:
    """Frames of which a committee is sure: maximum force deviation below the lower trust level.

    ``lower`` is that of each frame. A frame without an answer (NaN) stays wanted.
    """
    return {frame for frame, deviation in scores.items() if deviation < lower[frame]}
