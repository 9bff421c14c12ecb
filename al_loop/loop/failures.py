"""What has failed in a campaign, by kind: counts, whose fault it is and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from al_loop.errors import UserError
from al_loop.loop.context import Context
from al_loop.store import CampaignRecord, Store
from al_loop.taxonomy import fault

Of = Literal["label", "quarantined label", "model", "job"]


class FailureStatus(BaseModel):
    """How many labels, models or jobs failed, or are not believed, in one way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Of
    code: str
    """Of the taxonomy of faults (docs/recovery.md)."""
    count: int
    what: str
    whose: str
    remedy: str


class QuarantinedStatus(BaseModel):
    """A job that was given up; the campaign goes on without it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job: str
    code: str
    what: str
    words: str
    """Its last words."""


def failures_of(store: Store, record: CampaignRecord) -> list[FailureStatus]:
    """Failed labels and models and given-up jobs of a campaign, by kind; the commonest first.

    Reads what failed, never what went well.
    """
    counts: list[tuple[Of, Counter[str]]] = [
        ("label", _labels(store, record, store.labels.failed)),
        ("quarantined label", _labels(store, record, store.labels.quarantined)),
        ("model", Counter(store.models.failed(record.name))),
        ("job", Counter(job.failure for job in store.jobs.quarantined(record.name))),
    ]
    return [
        FailureStatus(
            of=of,
            code=code,
            count=count,
            what=fault(code).what,
            whose=fault(code).whose,
            remedy=fault(code).remedy,
        )
        for of, found in counts
        for code, count in found.most_common()
    ]


def quarantined_of(store: Store, record: CampaignRecord) -> list[QuarantinedStatus]:
    """Jobs of a campaign that were given up, oldest first."""
    return [
        QuarantinedStatus(
            job=job.id, code=job.failure, what=fault(job.failure).what, words=job.words
        )
        for job in store.jobs.quarantined(record.name)
    ]


def _labels(
    store: Store, record: CampaignRecord, reasons: Callable[[str | None], dict[str, str]]
) -> Counter[str]:
    """Failed or quarantined labels of the frames that a campaign chose, by reason."""
    if not reasons(None):
        return Counter()
    try:
        method = Context(store, record.name).method
    except UserError:  # its labeller is not installed on this machine: those of any method
        method = None
    found = reasons(method)
    mine = store.selections.known(record.name, found)
    return Counter(reason for frame, reason in found.items() if frame in mine)
