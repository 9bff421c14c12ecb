"""The state of campaigns as one typed document; ``al-loop status --json`` prints it.

Its fields are stable: they are documented in docs/status.md and only ever added to.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from al_loop.campaign.dispersion import Dispersion
from al_loop.campaign.stages import TrustLevels
from al_loop.errors import UserError
from al_loop.loop.again import NoiseStatus, noise_of
from al_loop.loop.context import Context
from al_loop.loop.failures import (
    FailureStatus,
    QuarantinedStatus,
    failures_of,
    quarantined_of,
)
from al_loop.loop.forecast import Forecast
from al_loop.loop.outlook import outlook
from al_loop.store import (
    AuditStratum,
    CalibrationRecord,
    CampaignRecord,
    Counts,
    ErrorSummary,
    GateRecord,
    IterationRecord,
    Store,
)


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JobsStatus(_Document):
    """Jobs of the current stage."""

    total: int
    done: int


class IterationStatus(_Document):
    """One iteration; errors in eV/Å and meV/atom, times in s."""

    index: int
    stage: str
    counts: Counts
    trust: TrustLevels | None
    test_errors: ErrorSummary | None
    """Mean over the committee, on the test frames that existed then."""
    final_test_errors: ErrorSummary | None
    """The same committee on all test frames, measured when the campaign ended."""
    audit_error: float | None
    audit: tuple[AuditStratum, ...] = ()
    calibration: CalibrationRecord | None = None
    glass: tuple[GateRecord, ...] = ()
    """What became of each gate, where glasses of its committee were made."""
    seconds: dict[str, float]
    """Wall time per stage."""
    idle_seconds: dict[str, float]
    """Part of it in which no engine computed."""
    decision: str | None
    reason: str


class EngineStatus(_Document):
    """Labels of a campaign by one engine, and what they cost."""

    engine: str
    ok: int
    failed: int
    quarantined: int
    corrected: int
    """Labels whose engine needed a correction on the way."""
    core_hours: float
    """Failed and quarantined ones included; not those that were computed again."""
    noise: NoiseStatus | None = None


class CampaignStatus(_Document):
    """One campaign."""

    name: str
    state: str
    reason: str
    folder: str
    started: datetime
    labels: int
    jobs: JobsStatus | None
    iterations: list[IterationStatus]
    failures: list[FailureStatus] = []
    quarantined: list[QuarantinedStatus] = []
    engines: list[EngineStatus] = []
    imported: int = 0
    """Frames that came with their labels from elsewhere (al-loop import)."""
    ended: datetime | None = None
    """When it came to its end; none while it runs, or is paused."""
    dispersion: Dispersion | None = None
    """Added beside what the labeller computes."""
    forecast: Forecast | None = None
    """What remains; none when the campaign has ended, or trains for the last time."""


class Status(_Document):
    """All campaigns asked for."""

    campaigns: list[CampaignStatus]


def status_of(store: Store, name: str | None = None) -> Status:
    """State of one campaign, or of all."""
    records = store.campaigns.all() if name is None else [store.campaigns.get(name)]
    return Status(campaigns=[campaign_status(store, r) for r in records if r is not None])


def campaign_status(store: Store, record: CampaignRecord) -> CampaignStatus:
    """State of one campaign."""
    iterations = store.iterations.all(record.name)
    running = iterations[-1] if iterations and record.state == "running" else None
    return CampaignStatus(
        name=record.name,
        state=record.state,
        reason=record.reason,
        folder=record.folder,
        started=record.created,
        labels=sum(it.counts.labelled for it in iterations),
        jobs=_jobs(store, running) if running else None,
        iterations=[
            _iteration(it, now=store.clock() if it is running else None) for it in iterations
        ],
        failures=failures_of(store, record),
        quarantined=quarantined_of(store, record),
        engines=_engines(store, record, iterations),
        imported=store.selections.count_imported(record.name),
        ended=None if record.state in ("running", "paused") else record.ended,
        dispersion=_dispersion(record),
        forecast=outlook(store, record, iterations),
    )


def _dispersion(record: CampaignRecord) -> Dispersion | None:
    section = record.spec.get("dispersion")
    return Dispersion.model_validate(section) if section else None


def _engines(
    store: Store, record: CampaignRecord, iterations: list[IterationRecord]
) -> list[EngineStatus]:
    counts = [it.counts for it in iterations]
    if not any(c.core_seconds for c in counts):
        return []
    return [
        EngineStatus(
            engine=record.spec["label"]["engine"],
            ok=sum(c.labelled for c in counts),
            failed=sum(c.failed_labels for c in counts),
            quarantined=sum(c.quarantined_labels for c in counts),
            corrected=sum(c.corrected_labels for c in counts),
            core_hours=sum(c.core_seconds for c in counts) / 3600,
            noise=_noise(store, record) if record.spec["label"].get("relabel") else None,
        )
    ]


def _noise(store: Store, record: CampaignRecord) -> NoiseStatus | None:
    try:
        return noise_of(Context(store, record.name))
    except UserError:  # its labeller is not installed on this machine
        return None


def _jobs(store: Store, iteration: IterationRecord) -> JobsStatus:
    total = store.jobs.count(iteration.campaign, iteration.index, iteration.stage)
    due = store.jobs.count_due(iteration.campaign, iteration.index, iteration.stage)
    return JobsStatus(total=total, done=total - due)


def _iteration(record: IterationRecord, *, now: datetime | None) -> IterationStatus:
    """``now``: for the one that runs, to count the seconds of its stage so far."""
    seconds = dict(record.seconds)
    if now is not None and record.stage != "done":
        seconds[record.stage] = (now - record.stage_started).total_seconds()
    return IterationStatus(
        index=record.index,
        stage=record.stage,
        counts=record.counts,
        trust=record.trust,
        test_errors=record.test_errors,
        final_test_errors=record.final_test_errors,
        audit_error=record.audit_error,
        audit=record.audit,
        calibration=record.calibration,
        glass=record.glass,
        seconds=seconds,
        idle_seconds=dict(record.idle),
        decision=record.decision,
        reason=record.reason,
    )
