"""Jobs: which compute jobs a stage needs, and which of them have been taken in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Literal

from pydantic import Field
from pymongo import IndexModel

from al_loop.jobfolder import Span
from al_loop.store.iterations import Stage
from al_loop.store.record import Record, Text, When, clip
from al_loop.store.table import Client, Document, Table

_MOST_SPANS = 10_000

JobState = Literal["due", "done", "quarantined"]
"""due: to be run or running; done: its result is in the store; quarantined: given up."""


class JobRecord(Record):
    """A compute job. Key: campaign, iteration, stage and name."""

    campaign: str
    iteration: int
    stage: Stage
    name: str
    items: tuple[str, ...] = Field((), repr=False)
    """What it is about (frame hashes, walkers, ...): with the store, enough to write its folder."""
    state: JobState = "due"
    failure: str = ""
    """Why it is quarantined: a code of the taxonomy of faults."""
    words: Text = ""
    """Its last words."""
    spans: tuple[Span, ...] = Field((), repr=False)
    started: When | None = None
    ended: When | None = None
    taken_in: When | None = None
    """When its result came into the store; by the server's clock, the others by the node's."""
    host: str = ""

    @property
    def id(self) -> str:
        """Key of this job."""
        return f"{self.campaign}/{self.iteration}/{self.stage}/{self.name}"


def merge_spans(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans that a document can hold: beyond 10,000, the shortest pauses are bridged.

    Only pauses between spans of the same kind that follow each other are bridged, then the
    rest is dropped from the end.
    """
    kept = list(spans)
    if len(kept) <= _MOST_SPANS:
        return tuple(kept)
    gaps = sorted(
        (after.start - before.end, i)
        for i, (before, after) in enumerate(pairwise(kept))
        if before.what == after.what
    )
    bridged = {i for _, i in gaps[: len(kept) - _MOST_SPANS]}
    merged: list[Span] = []
    for i, span in enumerate(kept):
        if i - 1 in bridged:
            merged[-1] = merged[-1].model_copy(update={"end": span.end})
        else:
            merged.append(span)
    return tuple(merged[:_MOST_SPANS])


@dataclass(frozen=True)
class Held:
    """How long the jobs of a stage have kept their cores busy, s."""

    iteration: int
    stage: Stage
    jobs: int
    seconds: float


class Jobs:
    """Collection ``jobs``."""

    def __init__(self, client: Client) -> None:
        order = IndexModel([("campaign", 1), ("iteration", 1), ("stage", 1), ("name", 1)])
        due = IndexModel([("campaign", 1), ("iteration", 1), ("stage", 1), ("state", 1)])
        waiting = IndexModel([("campaign", 1), ("state", 1), ("iteration", 1)])
        taken_in = IndexModel([("campaign", 1), ("taken_in", -1)])
        self.table = Table(client, "jobs", indexes=[order, due, waiting, taken_in])

    def put_many(self, jobs: Iterable[JobRecord]) -> None:
        """Store jobs that are not there yet; the others are left as they are."""
        self.table.insert_absent({"_id": job.id, **job.to_document()} for job in jobs)

    def get(self, key: str) -> JobRecord | None:
        """The job under this key (``JobRecord.id``)."""
        document = self.table.get(key)
        return None if document is None else JobRecord.model_validate(document)

    def of_stage(self, campaign: str, iteration: int, stage: Stage) -> list[JobRecord]:
        """Jobs of a stage, by name."""
        query = _stage_query(campaign, iteration, stage)
        found = self.table.find(query, sort=[("name", 1)])
        return [JobRecord.model_validate(document) for document in found]

    def due(self, campaign: str, iteration: int, stage: Stage) -> list[JobRecord]:
        """Jobs of a stage that have not been taken in, by name."""
        query = {**_stage_query(campaign, iteration, stage), "state": "due"}
        found = self.table.find(query, sort=[("name", 1)])
        return [JobRecord.model_validate(document) for document in found]

    def count(self, campaign: str, iteration: int, stage: Stage) -> int:
        """Number of jobs of a stage."""
        return self.table.count(_stage_query(campaign, iteration, stage))

    def count_due(self, campaign: str, iteration: int, stage: Stage) -> int:
        """Number of jobs of a stage that have not been taken in."""
        return self.table.count({**_stage_query(campaign, iteration, stage), "state": "due"})

    def held(self, campaign: str, *, since: int = 0) -> list[Held]:
        """By iteration (from ``since`` on) and stage, of jobs that are done: from start to end, or
        what the tries of a job have computed where that is longer."""
        computing = {"$filter": {"input": "$spans", "cond": {"$eq": ["$$this.what", "compute"]}}}
        each = {"$subtract": ["$$this.end", "$$this.start"]}
        computed = {"$sum": {"$map": {"input": computing, "in": each}}}
        lasted = {"$divide": [{"$subtract": ["$ended", "$started"]}, 1000.0]}  # from ms
        key = {"iteration": "$iteration", "stage": "$stage"}
        counted = {"_id": key, "jobs": {"$sum": 1}, "seconds": {"$sum": "$busy"}}
        found = self.table.aggregate(
            [
                {"$match": {"campaign": campaign, "state": "done", "iteration": {"$gte": since}}},
                {"$project": {**dict.fromkeys(key, 1), "busy": {"$max": [lasted, computed]}}},
                {"$group": counted},
                {"$sort": {"_id": 1}},
            ]
        )
        return [Held(**d["_id"], jobs=d["jobs"], seconds=float(d["seconds"])) for d in found]

    def late(self, campaign: str, before: int) -> list[JobRecord]:
        """Jobs of iterations before ``before`` that have not been taken in, oldest first."""
        query = {"campaign": campaign, "state": "due", "iteration": {"$lt": before}}
        found = self.table.find(query, sort=[("iteration", 1), ("stage", 1), ("name", 1)])
        return [JobRecord.model_validate(document) for document in found]

    def all_due(self, campaign: str) -> list[JobRecord]:
        """Jobs of any stage that have not been taken in, oldest first."""
        return self.late(campaign, before=1 << 31)

    def last_taken_in(self, campaign: str) -> datetime | None:
        """When the latest result of a campaign came into the store, by the server's clock."""
        order = [("campaign", 1), ("taken_in", -1)]
        fields = {"_id": 0, "taken_in": 1}
        found = self.table.find({"campaign": campaign}, fields=fields, sort=order, limit=1)
        moment: datetime | None = found[0].get("taken_in") if found else None
        return moment

    def quarantined(self, campaign: str) -> list[JobRecord]:
        """Jobs that were given up, oldest first."""
        query = {"campaign": campaign, "state": "quarantined"}
        found = self.table.find(query, sort=[("iteration", 1), ("stage", 1), ("name", 1)])
        return [JobRecord.model_validate(document) for document in found]

    def quarantine(self, key: str, *, failure: str, words: str) -> bool:
        """Give a job up; whether this call did it."""
        fields: Document = {"state": "quarantined", "failure": failure, "words": clip(words)}
        return self.table.change_if(key, {"state": "due"}, {"$set": fields})

    def mark_done(
        self,
        key: str,
        *,
        spans: Sequence[Span],
        started: When,
        ended: When,
        host: str,
    ) -> bool:
        """Say that a job's result has been taken in; whether this call did it."""
        kept = [span.model_dump() for span in merge_spans(spans)]
        fields: Document = {"spans": kept, "started": started, "ended": ended, "host": host}
        change = {"$set": {**fields, "state": "done"}, "$currentDate": {"taken_in": True}}
        return self.table.change_if(key, {"state": "due"}, change)

    def reopen(self, key: str) -> None:
        """Say that a job is due again: its result was lost unused, or it is forgiven."""
        self.table.change({"_id": key}, {"$set": {"state": "due", "failure": "", "words": ""}})


def _stage_query(campaign: str, iteration: int, stage: Stage) -> Document:
    return {"campaign": campaign, "iteration": iteration, "stage": stage}
