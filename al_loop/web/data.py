"""What a page of a campaign reads; what has not changed since is not worked out again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from pymongo.errors import PyMongoError

from al_loop.campaign.stages import TrustLevels
from al_loop.errors import AlLoopError, UserError
from al_loop.loop.context import Context
from al_loop.loop.coverage import Coverage, coverage_of
from al_loop.loop.curves import Curves, DeviationHistogram, curves_of, deviation_histogram
from al_loop.loop.glass_view import GlassView, glass_curves, glass_stamp, glass_view
from al_loop.loop.lineage import TrainedOn, trained_on
from al_loop.loop.spending import StageCost, spending_of
from al_loop.loop.status import CampaignStatus, campaign_status
from al_loop.store import CampaignRecord, Event, IterationRecord, Store
from al_loop.web.kept import Kept
from al_loop.web.stages import StageBox, stage_boxes, wall_times

LATEST_EVENTS = 30
MOST_SETS = 8
"""Training sets that a process keeps in mind."""

MOST_GLASSES = 20
"""Iterations whose glasses it keeps, 1 MB each with all their curves."""

MOST_WARM = 5
"""Campaigns whose glasses are looked at when a site starts."""


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
        self._statuses: Kept[CampaignStatus] = Kept()
        self._curves: Kept[Curves] = Kept()
        self._histograms: Kept[DeviationHistogram | None] = Kept()
        self._coverages: Kept[Coverage] = Kept()
        self._trained: Kept[TrainedOn] = Kept(MOST_SETS)
        self._spendings: Kept[list[StageCost]] = Kept()
        self._glasses: Kept[GlassView | None] = Kept(MOST_GLASSES)

    def warm(self) -> None:
        """Work out what the first page of each running campaign needs, before somebody asks.

        Then the glasses of the youngest campaigns: what compares them takes seconds to import.
        What cannot be worked out is left to whoever asks for it, and is told why.
        """
        with suppress(PyMongoError):  # the database is away, or the site has been closed
            campaigns = self.store.campaigns.all()
            for record in campaigns:
                if record.state == "running":
                    with suppress(AlLoopError):
                        self.campaign(record.name)
                        self.curves(record.name)
                        self.coverage(record)
            for record in campaigns[-MOST_WARM:]:
                with suppress(AlLoopError):
                    for index in self.store.glasses.iterations(record.name)[-1:]:
                        view = self.glass(record, index)
                        if view is not None and view.systems:
                            glass_curves(view, view.systems[0].name)

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
        # Labels are judged, computed again and believed at any time: an event says so.
        events = self.store.events.latest(name, 1)
        stamp = (ctx.record.spec, self.store.iterations.latest(name), events)
        return self._curves.get(name, stamp, lambda: curves_of(ctx))

    def histogram(self, name: str, iteration: int) -> DeviationHistogram | None:
        """Deviations of an iteration; None when it has not explored."""
        record = self.store.iterations.get(name, iteration)

        def make() -> DeviationHistogram | None:
            return deviation_histogram(Context(self.store, name), iteration)

        if record is None or record.stage in ("quench", "start", "train", "explore"):
            return make()
        stamp = (record, self.store.campaigns.get(name))
        return self._histograms.get((name, iteration), stamp, make)

    def coverage(self, campaign: CampaignRecord) -> Coverage:
        """What its frames cover; worked out again when it has chosen others, or was made anew."""
        name = campaign.name
        stamp = (campaign.created, self.store.selections.count(name))
        return self._coverages.get(name, stamp, lambda: coverage_of(self.store, name))

    def glass(self, campaign: CampaignRecord, iteration: int) -> GlassView | None:
        """The glasses of an iteration; None when it has made none."""
        stamp = glass_stamp(self.store, campaign, iteration)
        key = (campaign.name, iteration)
        return self._glasses.get(key, stamp, lambda: glass_view(self.store, campaign, iteration))

    def trained_on(self, ctx: Context, training_set: str) -> TrainedOn:
        """What is in a training set; the latest few are kept, 3 MB with 100,000 labels."""
        key = (ctx.name, ctx.record.created, ctx.spec.split, training_set)
        return self._trained.get(key, None, lambda: trained_on(ctx, training_set))

    def _spending(self, record: CampaignRecord, latest: IterationRecord | None) -> list[StageCost]:
        """Worked out again when a stage ends or labels are counted anew."""

        def make() -> list[StageCost]:
            return spending_of(self.store, record, self.store.iterations.all(record.name))

        return self._spendings.get(record.name, latest, make)

    def _status(
        self, record: CampaignRecord, latest: IterationRecord | None, events: list[Event]
    ) -> CampaignStatus:
        due = total = 0
        if latest is not None and record.state == "running":
            due = self.store.jobs.count_due(record.name, latest.index, latest.stage)
            total = self.store.jobs.count(record.name, latest.index, latest.stage)
        stamp = (record, latest, due, total, events[-1:])
        return self._statuses.get(record.name, stamp, lambda: campaign_status(self.store, record))


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
