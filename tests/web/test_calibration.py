"""True error against deviation where there are more labelled frames than are drawn together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from al_loop.loop.context import Context
from al_loop.loop.curves import MOST_POINTS, calibration_of, curves_of
from al_loop.loop.trust import MOST_EVIDENCE
from al_loop.store import Counts, Selection, Store
from tests.web.states import begin

pytestmark = pytest.mark.engine

NAME = "cheap"


def explored(store: Store, iteration: int, frames: int, *, doubted: int = 0) -> list[Selection]:
    """An iteration that has chosen frames; the first few have no label that is believed."""
    rng = np.random.default_rng(iteration)
    chosen = [
        Selection(
            campaign=NAME, frame=f"{iteration:032x}{i:032x}", iteration=iteration, split="train",
            chosen="candidate", source="walker", deviation=float(rng.uniform(0.1, 1.0)),
            error=None if i < doubted else float(rng.uniform(0.1, 1.0)),
            largest_force=None if i < doubted else 5.0,
        )
        for i in range(frames)
    ]  # fmt: skip
    store.selections.put_many(chosen)
    store.iterations.open(NAME, iteration, "explore")
    counts = Counts(explored=frames, candidate=frames)
    store.iterations.move(NAME, iteration, from_stage="explore", to_stage="done", counts=counts)
    return chosen


def test_old_iterations_are_shown_though_all_frames_are_the_latest(
    store: Store, tmp_path: Path
) -> None:
    begin(store, tmp_path, NAME)
    old = explored(store, 0, 60, doubted=7)
    ctx = Context(store, NAME)
    few = curves_of(ctx).calibration
    assert (few.frames, few.latest) == (53, False)
    explored(store, 1, MOST_EVIDENCE)
    curves = curves_of(ctx)
    assert [one.iteration for one in curves.fractions] == [0, 1]
    assert (curves.calibration.frames, curves.calibration.latest) == (MOST_EVIDENCE, True)
    errors = {one.error for one in old}
    assert not errors & set(curves.calibration.error), "only the latest are looked at together"
    found = calibration_of(store, NAME, 0)
    assert found is not None
    believed = sorted((one.deviation, one.error) for one in old if one.error is not None)
    assert list(zip(found.deviation, found.error, strict=True)) == believed
    assert (found.frames, found.latest, found.record) == (53, False, None)
    assert calibration_of(store, NAME, 2) is None


def test_a_chart_has_so_many_points_and_says_of_how_many_they_are(
    store: Store, tmp_path: Path
) -> None:
    begin(store, tmp_path, NAME)
    chosen = explored(store, 0, MOST_POINTS + 500)
    found = calibration_of(store, NAME, 0)
    assert found is not None and found.frames == len(chosen)
    assert MOST_POINTS - 10 <= len(found.error) == len(found.deviation) <= MOST_POINTS
    assert found.deviation[0] == min(one.deviation for one in chosen if one.deviation)
    assert found.deviation[-1] == max(one.deviation for one in chosen if one.deviation)
