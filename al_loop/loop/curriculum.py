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
    record = store.iterations.get(campaign, iteration)
    if record is not None and CONDITIONS in record.frozen:
        return min(int(record.frozen[CONDITIONS]["index"]), last)
    if iteration == 0:
        return 0
    before = store.iterations.get(campaign, iteration - 1)
    index = stage_of(store, campaign, stages, iteration - 1)
    if before is None:
        return index
    runs = 1
    while runs < min(stages[index].at_most, iteration):
        if stage_of(store, campaign, stages, iteration - 1 - runs) != index:
            break
        runs += 1
    over = is_passed(stages[index], before) or runs >= stages[index].at_most
    return min(index + 1, last) if over else index


def is_passed(stage: ExploreConditions, record: IterationRecord) -> bool:
    """Whether the committee of an iteration was sure enough of a stage."""
    return stage.passes is None or uncertain(record) <= stage.passes


def uncertain(record: IterationRecord) -> float:
    """Fraction of the samples of an iteration that were candidates or failed."""
    counts = record.counts
    return (counts.candidate + counts.failed) / max(1, counts.explored)
