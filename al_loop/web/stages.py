"""The stages of an iteration, as the page of a campaign shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from al_loop.loop.status import CampaignStatus, IterationStatus
from al_loop.store import STAGE_ORDER

_LOOP: tuple[str, ...] = ("train", "explore", "select", "label")
_LAST: tuple[str, ...] = ("train", "assess")
_TITLES = {"quench": "starting structures", "start": "first labels"}


@dataclass(frozen=True)
class StageBox:
    """A stage in the picture of an iteration."""

    name: str
    title: str
    phase: Literal["done", "now", "ahead", "broken"]
    lines: tuple[str, ...]
    """What it has counted."""
    share: float | None
    """Of its jobs that are done; only now."""


def stage_boxes(status: CampaignStatus) -> list[StageBox]:
    """The latest iteration as a row of stages."""
    if not status.iterations:
        return []
    now = status.iterations[-1]
    boxes = []
    for name in _stages(now):
        phase: Literal["done", "now", "ahead", "broken"] = "ahead"
        if name == now.stage and status.state in ("running", "paused"):
            phase = "now"
        elif name == now.stage and status.state == "failed":
            phase = "broken"
        elif name in now.seconds and name != now.stage:
            phase = "done"
        jobs = status.jobs if phase == "now" else None
        lines = _counted(name, now) if phase != "ahead" else ()
        if jobs and jobs.total:
            lines = (f"{jobs.done} of {jobs.total} jobs", *lines)
        share = jobs.done / jobs.total if jobs and jobs.total else None
        boxes.append(StageBox(name, _TITLES.get(name, name), phase, lines, share))
    return boxes


def wall_times(status: CampaignStatus) -> dict[str, float]:
    """What each stage has taken in iterations that are done, s; in the order of stages."""
    done = [one.seconds for one in status.iterations if one.stage == "done"]
    found = {name: sum(one.get(name, 0.0) for one in done) for name in STAGE_ORDER}
    return {name: seconds for name, seconds in found.items() if seconds}


def _stages(now: IterationStatus) -> list[str]:
    """Those that the iteration has had, is at, or will come to."""
    loop = _LAST if now.decision == "final" else _LOOP
    if now.stage == "quench" and now.index == 0:
        loop = ("start", *loop)
    known = {*loop, *now.seconds, now.stage}
    return [name for name in STAGE_ORDER if name in known]


def _counted(name: str, now: IterationStatus) -> tuple[str, ...]:
    counts, errors = now.counts, now.test_errors
    if name == "train" and errors and errors.force_rmse is not None:
        return (f"{errors.force_rmse:.3f} eV/Å on {errors.frames} test frames",)
    if name == "validate" and now.glass:
        passed = sum(one.state == "passed" for one in now.glass)
        return (f"{passed} of {len(now.glass)} gates passed",)
    if name == "explore" and counts.explored:
        return (f"{counts.explored:,} samples",)
    if name == "select" and counts.explored:
        return (f"{counts.candidate:,} candidates", f"{counts.audit} audit frames")
    if name == "label" and now.decision != "final":
        failed = counts.failed_labels + counts.quarantined_labels
        return (f"{counts.labelled:,} labels", *((f"{failed} not good",) if failed else ()))
    if name == "assess" and now.final_test_errors and now.final_test_errors.force_rmse is not None:
        return (f"{now.final_test_errors.force_rmse:.3f} eV/Å on all test frames",)
    return ()
