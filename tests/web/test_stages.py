"""Where the loop stands, for every stage that the store knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from al_loop.launch.submit import register
from al_loop.loop.advance import advance
from al_loop.loop.status import CampaignStatus, IterationStatus, JobsStatus
from al_loop.store import Connection, Counts, Stage, Store
from al_loop.web.data import Reader
from al_loop.web.stages import StageBox, stage_boxes, wall_times
from tests.loop.test_late_labels import Hands
from tests.loop.test_quench import SHORT, asking
from tests.store.records import WHEN

STAGES = [one for one in get_args(Stage) if one != "done"]
LAST = ("validate", "assess")


def status(stage: str, state: str = "running", *, final: bool, **seconds: float) -> CampaignStatus:
    """A campaign whose only iteration is at a stage, with a job of four done."""
    iteration = IterationStatus(
        index=0, stage=stage, counts=Counts(), trust=None, test_errors=None,
        final_test_errors=None, audit_error=None, seconds=seconds, idle_seconds={},
        decision="final" if final else None, reason="",
    )  # fmt: skip
    return CampaignStatus(
        name="glass", state=state, reason="", folder="/f", started=WHEN, labels=0,
        jobs=JobsStatus(total=4, done=1), iterations=[iteration],
    )  # fmt: skip


def by_phase(boxes: list[StageBox], phase: str) -> list[str]:
    return [box.name for box in boxes if box.phase == phase]


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_is_in_the_picture_while_an_iteration_is_at_it(stage: str) -> None:
    boxes = stage_boxes(status(stage, final=stage in LAST))
    assert by_phase(boxes, "now") == [stage]
    (here,) = (box for box in boxes if box.name == stage)
    assert here.lines[0] == "1 of 4 jobs" and here.share == 0.25
    assert by_phase(stage_boxes(status(stage, "failed", final=stage in LAST)), "broken") == [stage]


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_that_an_iteration_has_had_is_done_and_has_its_time(stage: str) -> None:
    seconds = dict.fromkeys(STAGES, 10.0)
    over = status("done", "stopped", final=stage in LAST, **seconds)
    assert stage in by_phase(stage_boxes(over), "done")
    assert wall_times(over)[stage] == 10.0
    assert wall_times(status(stage, final=False, **seconds)) == {}


@pytest.mark.engine
def test_a_campaign_that_makes_its_starting_structures_says_so(
    new_database: Callable[[], Connection], tmp_path: Path
) -> None:
    """What is to come after them, too."""
    spec = asking(tmp_path, SHORT)
    held = Hands()
    held.hold = lambda job: True
    with Store(new_database()) as store:
        register(store, spec, base=tmp_path)
        advance(store, spec.name, held)
        page = Reader(store).campaign(spec.name)
    assert page is not None
    names = [box.name for box in page.boxes]
    assert names == ["quench", "start", "train", "explore", "select", "label"]
    assert by_phase(page.boxes, "now") == ["quench"]
    assert page.boxes[0].title == "starting structures"
    assert page.boxes[0].lines == ("0 of 1 jobs",)
