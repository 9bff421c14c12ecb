"""When training may start without the labels that are still missing."""

from __future__ import annotations


def enough(*, wanted: int, waiting: int, quorum: float) -> bool:
    """Whether ``wanted - waiting`` of the ``wanted`` frames reach the quorum.

    ``waiting`` frames have no label yet, neither good nor failed. With a quorum of 1 all must
    have one.
    """
    return wanted - waiting >= quorum * wanted - 1e-9
