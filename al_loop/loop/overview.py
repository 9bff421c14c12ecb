"""All campaigns at a glance: a line each, light however large they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from al_loop.store import CampaignRecord, Latest, Store

_ALIVE = ("running", "paused")
"""States in which jobs may run."""

Heartbeats = Callable[[Sequence[str]], Mapping[str, datetime]]


class CampaignLine(BaseModel):
    """One campaign; errors are force RMSE, eV/Å."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    state: str
    iteration: int | None
    """None: it has not begun."""
    most_iterations: int | None
    stage: str | None
    labels: int
    most_labels: int | None
    test_error: float | None
    audit_error: float | None
    audit_target: float | None
    waits_for: str
    seen: datetime
    """When something happened in it last: an event, a stage, a result, a heartbeat of a job."""


def overview(store: Store, heartbeats: Heartbeats) -> list[CampaignLine]:
    """A line for each campaign, those that run first, then the youngest.

    ``heartbeats``: when jobs that run last said that they live, by campaign. Nodes' clocks may be
    wrong: what lies ahead by the server's clock counts as now.
    """
    records, latest = store.campaigns.all(), store.iterations.all_latest()
    beats = dict(heartbeats([one.name for one in records if one.state in _ALIVE]))
    if beats:
        now = store.clock()
        beats = {name: min(beat, now) for name, beat in beats.items()}
    lines = [
        (record, _line(store, record, latest.get(record.name), beats.get(record.name)))
        for record in records
    ]
    lines.sort(key=lambda pair: pair[0].created, reverse=True)
    lines.sort(key=lambda pair: pair[1].state not in _ALIVE)
    return [line for _, line in lines]


def _line(
    store: Store, record: CampaignRecord, at: Latest | None, beat: datetime | None
) -> CampaignLine:
    budget = _section(record, "budget")
    return CampaignLine(
        name=record.name,
        state=record.state,
        iteration=at.index if at else None,
        most_iterations=budget.get("iterations"),
        stage=at.stage if at else None,
        labels=at.labelled if at else 0,
        most_labels=budget.get("labels"),
        test_error=at.test_error if at else None,
        audit_error=at.audit_error if at else None,
        audit_target=_section(record, "converge").get("audit_force_rmse"),
        waits_for=waits_for(store, record, at),
        seen=_seen(store, record, at, beat),
    )


def _section(record: CampaignRecord, name: str) -> dict[str, Any]:
    """As it stands in the store: also one that an older or newer version wrote can be listed."""
    section: dict[str, Any] = record.spec.get(name) or {}
    return section


def waits_for(store: Store, record: CampaignRecord, at: Latest | None) -> str:
    """What has to happen before a campaign moves on, or why it does not."""
    if record.state != "running":
        return record.reason
    if at is None:
        return "its first pass: `al-loop run`, `worker` or `submitter`"
    due = store.jobs.count_due(record.name, at.index, at.stage)
    if not due:
        return f"the next pass, which ends stage {at.stage}"
    total = store.jobs.count(record.name, at.index, at.stage)
    return f"{due} of {total} {at.stage} jobs"


def _seen(
    store: Store, record: CampaignRecord, at: Latest | None, beat: datetime | None
) -> datetime:
    known = [event.when for event in store.events.latest(record.name, 1)]
    taken_in = store.jobs.last_taken_in(record.name) if record.state in _ALIVE else None
    known += [one for one in (record.ended, at and at.stage_started, taken_in, beat) if one]
    return max(known, default=record.created)
