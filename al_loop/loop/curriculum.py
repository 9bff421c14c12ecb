"""Which exploration stage an iteration runs: a campaign passes one when its committee is sure."""

from __future__ import annotations

from collections.abc import Sequence

from al_loop.campaign.stages import ExploreConditions
from al_loop.store import IterationRecord, Store

CONDITIONS = "conditions"
"""Under which exploration stage an iteration ran, as its record keeps it (``frozen``)."""


def stage_of(
    store: Store, campaign: str, stages: Sequence[ExploreConditions], iteration: int
) -> int:
    """Index of the stage of an iteration: as it was fixed, else as follows from those before.

    Nothing but what is stored counts, so it is the same at every call.
    """
    last = len(stages) - 1

    def fixed(i: int) -> int | None:
        record = store.iterations.get(campaign, i)
        return None if record is None else fixed_stage(record, stages)

    first = iteration
    while (index := fixed(first)) is None and first > 0:
        first -= 1
    if index is None:
        index = 0
    if first == iteration:
        return index
    runs = 1
    while runs < min(stages[index].at_most, first + 1) and fixed(first - runs) == index:
        runs += 1
    for i in range(first, iteration):
        record = store.iterations.get(campaign, i)
        if record is None:
            continue
        if index < last and (is_passed(stages[index], record) or runs >= stages[index].at_most):
            index, runs = index + 1, 1
        else:
            runs += 1
    return index


def fixed_stage(record: IterationRecord, stages: Sequence[ExploreConditions]) -> int | None:
    """Index of the stage that an iteration's record holds; None before it explored."""
    if CONDITIONS not in record.frozen:
        return None
    return min(int(record.frozen[CONDITIONS]["index"]), len(stages) - 1)


def is_passed(stage: ExploreConditions, record: IterationRecord) -> bool:
    """Whether the committee of an iteration was sure enough of a stage."""
    return stage.passes is None or uncertain(record) <= stage.passes


def uncertain(record: IterationRecord) -> float:
    """Fraction of the samples of an iteration that were candidates or failed."""
    counts = record.counts
    return (counts.candidate + counts.failed) / max(1, counts.explored)
