"""What a campaign has cost so far: core-hours, an iteration and a stage at a time."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from al_loop.store import CampaignRecord, IterationRecord, Stage, Store

_LABELS: tuple[Stage, ...] = ("start", "label")


class StageCost(BaseModel):
    """Core-hours of a stage in all iterations; ``by_iteration`` has each of them in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    """``labels`` are those of starting structures and of later frames."""
    core_hours: float
    by_iteration: dict[int, float]


def spending_of(
    store: Store, record: CampaignRecord, iterations: list[IterationRecord]
) -> list[StageCost]:
    """Core-hours by stage in these iterations, in order; of jobs that have ended.

    Stages that took none are left out.

    Labels: what their engine took, failed ones included. Other jobs: from start to end, times
    the threads that their engine was given.
    """
    found: dict[str, dict[int, float]] = {
        "labels": {one.index: one.counts.core_seconds for one in iterations}
    }
    since = iterations[0].index if iterations else 0
    for held in store.jobs.held(record.name, since=since):
        if held.stage not in _LABELS:
            hours = held.seconds * _threads(record, held.stage)
            found.setdefault(held.stage, {})[held.iteration] = hours
    return [
        StageCost(
            stage=stage,
            core_hours=sum(seconds.values()) / 3600,
            by_iteration={i: s / 3600 for i, s in sorted(seconds.items()) if s},
        )
        for stage, seconds in found.items()
        if any(seconds.values())
    ]


def _threads(record: CampaignRecord, stage: Stage) -> int:
    """As it stands in the store: also a campaign whose engines are not installed here."""
    section = record.spec.get({"assess": "train", "validate": "explore"}.get(stage, stage)) or {}
    return int((section.get("options") or {}).get("threads") or 1)
