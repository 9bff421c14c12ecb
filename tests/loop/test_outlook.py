"""What a running campaign says of what remains."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from al_loop.loop.status import campaign_status
from al_loop.store import Stage, Store
from tests.loop.test_late_labels import NAME, Hands, at, begin, carry_on, state

pytestmark = pytest.mark.engine


def core_seconds(store: Store, stage: Stage) -> float:
    """Of the jobs of a stage of the first iteration: from start to end."""
    jobs = store.jobs.of_stage(NAME, 0, stage)
    assert jobs
    lasted = 0.0
    for job in jobs:
        assert job.started is not None and job.ended is not None
        lasted += (job.ended - job.started).total_seconds()
    return lasted


def test_a_campaign_says_what_remains_until_its_end(store: Store, tmp_path: Path) -> None:
    """Budget: 3 iterations of 6 candidates and 2 audit frames; stage 2 begins with the second."""
    begin(store, tmp_path)
    hands = Hands()
    carry_on(store, hands, lambda: at(store, 1, "train"))
    record = store.campaigns.get(NAME)
    assert record is not None
    found = campaign_status(store, record).forecast
    assert found is not None and not found.known
    assert "no iterations of the last exploration stage" in found.reason
    assert (found.iterations.low, found.iterations.high) == (2, 2)
    first = store.iterations.get(NAME, 0)
    assert first is not None and found.core_hours is not None and found.labels.high is not None
    each = first.counts.core_seconds / first.counts.labelled / 3600
    assert found.core_hours.high is not None
    assert math.isclose(found.core_hours.high, each * found.labels.high)
    # The rest, from the jobs themselves: this explorer and this trainer have one thread.
    spent = {stage: core_seconds(store, stage) for stage in ("train", "explore")}
    others = 2 * sum(spent.values()) + spent["train"]
    assert found.core_hours_in_all is not None and found.core_hours_in_all.high is not None
    assert math.isclose(found.core_hours_in_all.high, found.core_hours.high + others / 3600)

    carry_on(store, hands, lambda: state(store) != "running")
    record = store.campaigns.get(NAME)
    assert record is not None
    assert campaign_status(store, record).forecast is None
