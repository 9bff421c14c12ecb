"""What a page of a campaign reads; what has not changed since is not worked out again."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from al_loop.campaign.stages import TrustLevels
from al_loop.errors import UserError
from al_loop.loop.context import Context
from al_loop.loop.coverage import Coverage, coverage_of
from al_loop.loop.curves import Curves, DeviationHistogram, curves_of, deviation_histogram
from al_loop.loop.lineage import TrainedOn, trained_on
from al_loop.loop.spending import StageCost, spending_of
from al_loop.loop.status import CampaignStatus, campaign_status
from al_loop.store import CampaignRecord, Event, IterationRecord, Store
from al_loop.web.stages import StageBox, stage_boxes, wall_times

LATEST_EVENTS = 30
MOST_SETS = 8
"""Training sets that a process keeps in mind."""


@dataclass(frozen=True)
class CampaignPage:
    """All that the page of a campaign says."""

    status: CampaignStatus
    boxes: list[StageBox]
    wall_times: dict[str, float]
    """Of stages, in iterations that are done, s."""
    stage_started: datetime | None
    queue_jobs: int
    """Label jobs that are due."""
    queue_frames: int
    events: list[Event]
    """The youngest first."""
    spending: list[StageCost]
    has_glass: bool
    trust: TrustLevels | None
    """The fixed ones, as last asked for; None in a campaign that cannot be read here."""
    unreadable: str
    """Why what it asks for cannot be read on this machine; empty: it can."""


class Reader:
    """Reads for the pages of one process."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._statuses: dict[str, tuple[object, CampaignStatus]] = {}
        self._curves: dict[str, tuple[object, Curves]] = {}
        self._histograms: dict[tuple[str, int], tuple[object, DeviationHistogram]] = {}
        self._coverages: dict[str, tuple[object, Coverage]] = {}
        self._trained: dict[object, TrainedOn] = {}
        self._spendings: dict[str, tuple[object, list[StageCost]]] = {}

    def campaign(self, name: str) -> CampaignPage | None:
        """The page of a campaign; None when there is none of this name."""
        record = self.store.campaigns.get(name)
        if record is None:
            return None
        latest = self.store.iterations.latest(name)
        events = self.store.events.latest(name, LATEST_EVENTS)
        status = self._status(record, latest, events)
        queue = [job for job in self.store.jobs.all_due(name) if job.stage in ("start", "label")]
        return CampaignPage(
            status=status,
            boxes=stage_boxes(status),
            wall_times=wall_times(status),
            stage_started=latest.stage_started if latest and record.state == "running" else None,
            queue_jobs=len(queue),
            queue_frames=sum(len(job.items) for job in queue),
            events=events[::-1],
            spending=self._spending(record, latest),
            has_glass=self.store.glasses.has_any(name),
            trust=_trust(record),
            unreadable=_unreadable(self.store, name),
        )

    def curves(self, name: str) -> Curves:
        """Its curves; UserError when there is none of this name, or an engine is missing."""
        ctx = Context(self.store, name)
        latest = self.store.iterations.latest(name)
        stamp = (ctx.record.spec, latest)
        with self._lock:
            kept = self._curves.get(name)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        made = curves_of(ctx)
        with self._lock:
            self._curves[name] = (stamp, made)
        return made

    def histogram(self, name: str, iteration: int) -> DeviationHistogram | None:
        """Deviations of an iteration; None when it has not explored."""
        record = self.store.iterations.get(name, iteration)
        settled = record is not None and record.stage not in ("quench", "start", "train", "explore")
        stamp = (record, self.store.campaigns.get(name)) if settled else None
        key = (name, iteration)
        with self._lock:
            kept = self._histograms.get(key)
        if stamp is not None and kept is not None and kept[0] == stamp:
            return kept[1]
        made = deviation_histogram(Context(self.store, name), iteration)
        if made is not None and stamp is not None:
            with self._lock:
                self._histograms[key] = (stamp, made)
        return made

    def coverage(self, campaign: CampaignRecord) -> Coverage:
        """What its frames cover; worked out again when it has chosen others, or was made anew."""
        name = campaign.name
        stamp = (campaign.created, self.store.selections.count(name))
        with self._lock:
            kept = self._coverages.get(name)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        made = coverage_of(self.store, name)
        with self._lock:
            self._coverages[name] = (stamp, made)
        return made

    def trained_on(self, ctx: Context, training_set: str) -> TrainedOn:
        """What is in a training set; the latest few are kept, 3 MB with 100,000 labels."""
        key = (ctx.name, ctx.record.created, ctx.spec.split, training_set)
        with self._lock:
            kept = self._trained.pop(key, None)
        made = trained_on(ctx, training_set) if kept is None else kept
        with self._lock:
            self._trained[key] = made
            for oldest in list(self._trained)[:-MOST_SETS]:
                del self._trained[oldest]
        return made

    def _spending(self, record: CampaignRecord, latest: IterationRecord | None) -> list[StageCost]:
        """Worked out again when a stage ends or labels are counted anew."""
        with self._lock:
            kept = self._spendings.get(record.name)
        if kept is not None and kept[0] == latest:
            return kept[1]
        iterations = self.store.iterations.all(record.name)
        made = spending_of(self.store, record, iterations)
        with self._lock:
            self._spendings[record.name] = (latest, made)
        return made

    def _status(
        self, record: CampaignRecord, latest: IterationRecord | None, events: list[Event]
    ) -> CampaignStatus:
        due = total = 0
        if latest is not None and record.state == "running":
            due = self.store.jobs.count_due(record.name, latest.index, latest.stage)
            total = self.store.jobs.count(record.name, latest.index, latest.stage)
        stamp = (record, latest, due, total, events[-1:])
        with self._lock:
            kept = self._statuses.get(record.name)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        made = campaign_status(self.store, record)
        with self._lock:
            self._statuses[record.name] = (stamp, made)
        return made


def _unreadable(store: Store, name: str) -> str:
    try:
        Context(store, name)
    except UserError as error:
        return f"{error.what}; {error.remedy}" if error.remedy else error.what
    return ""


def _trust(record: CampaignRecord) -> TrustLevels | None:
    asked = record.pending or record.spec
    try:
        return TrustLevels.model_validate(asked.get("select", {}).get("trust"))
    except ValidationError:
        return None
