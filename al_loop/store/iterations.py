"""Iterations: at which stage each stands, what it counted and what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypedDict, get_args

from pydantic import Field
from pymongo import IndexModel

from al_loop.campaign.stages import TrustLevels
from al_loop.store.glasses import GateRecord
from al_loop.store.models import ErrorSummary
from al_loop.store.record import Record, Text, When, now
from al_loop.store.table import Client, Document, Table

if TYPE_CHECKING:
    from typing_extensions import Unpack

Stage = Literal[
    "quench", "start", "train", "validate", "explore", "select", "label", "assess", "done"
]
"""In the order in which an iteration comes to them; it skips those that it does not need."""
STAGE_ORDER: tuple[Stage, ...] = tuple(one for one in get_args(Stage) if one != "done")
"""Those in which something is done."""
Decision = Literal["continue", "converged", "budget", "final"]


class Counts(Record):
    """Frames of an iteration, by what became of them."""

    explored: int = 0
    accurate: int = 0
    candidate: int = 0
    failed: int = 0
    audit: int = 0
    labelled: int = 0
    failed_labels: int = 0
    quarantined_labels: int = 0
    corrected_labels: int = 0
    core_seconds: float = 0.0
    """What the labels cost, failed and quarantined ones included: s x cores."""


class AuditStratum(Record):
    """What audit frames say of accurate samples of one composition and stage; eV/Å.

    ``error`` is the percentile of the force error that the campaign asks for, None without a frame;
    ``bound`` what it does not exceed, with the confidence asked for, None with too few frames.
    """

    group: str
    frames: int
    error: float | None
    bound: float | None


class Levels(Record):
    """Trust levels that labels gave, eV/Å, and what they stand on.

    ``ratio`` bounds error over deviation, ``typical`` is its median. ``accurate`` of ``frames``
    labelled frames are below the lower level; ``missed`` of them had an error that is not bearable.
    """

    group: str
    """Composition and exploration stage; empty: all frames."""
    trust: TrustLevels
    frames: int
    ratio: float
    typical: float
    accurate: int
    missed: int


class CalibrationRecord(Record):
    """How deviations translate into errors, by the labels that there were; errors in eV/Å.

    ``covered`` of ``predicted`` frames kept the bound that the labels before them had given.
    """

    bearable_error: float
    missed: float
    """Share of accurate frames that may have a larger error."""
    fixed: TrustLevels
    """Levels of frames that nothing is known about."""
    levels: tuple[Levels, ...]
    covered: int
    predicted: int
    """Frames whose error the labels of earlier iterations could predict."""

    def trust(self, group: str) -> TrustLevels:
        """Levels of a group: its own, else those of all frames, else the fixed ones."""
        known = {one.group: one.trust for one in self.levels}
        return known.get(group, known.get("", self.fixed))


_OF_LABELS = (
    "labelled",
    "failed_labels",
    "quarantined_labels",
    "corrected_labels",
    "core_seconds",
)


class IterationRecord(Record):
    """An iteration. Key: campaign and index."""

    campaign: str
    index: int
    stage: Stage
    stage_started: When
    planned: bool = False
    """Whether all jobs of the stage are in the store."""
    seconds: dict[Stage, float] = Field(default_factory=dict)
    """Wall time of each stage, s."""
    idle: dict[Stage, float] = Field(default_factory=dict)
    """Part of it in which no engine computed, s."""
    counts: Counts = Counts()
    trust: TrustLevels | None = None
    """Levels of frames whose composition and stage have none of their own."""
    calibration: CalibrationRecord | None = None
    """Where the levels come from labels."""
    test_errors: ErrorSummary | None = None
    final_test_errors: ErrorSummary | None = None
    audit_error: float | None = None
    """Force error on the audit frames, eV/Å (RMSE per component)."""
    audit: tuple[AuditStratum, ...] = ()
    """By stratum, audit frames of earlier iterations of this stage included."""
    glass: tuple[GateRecord, ...] = ()
    """Of the last glasses that its committee made: what became of each gate."""
    decision: Decision | None = None
    reason: Text = ""
    frozen: dict[str, dict[str, float | str]] = Field(default_factory=dict)
    """What a plan was based on, so that it is the same when it is made again."""


class IterationFacts(TypedDict, total=False):
    """What may be recorded of an iteration. Stages that ``seconds`` and ``idle`` lack stay."""

    seconds: Mapping[Stage, float]
    idle: Mapping[Stage, float]
    counts: Counts
    trust: TrustLevels | None
    test_errors: ErrorSummary | None
    final_test_errors: ErrorSummary | None
    audit_error: float | None
    audit: tuple[AuditStratum, ...]
    glass: tuple[GateRecord, ...]
    decision: Decision | None
    reason: str


@dataclass(frozen=True)
class Latest:
    """Where a campaign stands: its latest iteration, and the latest errors that are known.

    Errors are force RMSE, eV/Å; ``labelled`` counts the labels of all iterations.
    """

    campaign: str
    index: int
    stage: Stage
    stage_started: datetime
    labelled: int
    test_error: float | None
    audit_error: float | None


def _last_known(values: list[float | None]) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)


def _key(campaign: str, index: int) -> str:
    return f"{campaign}/{index}"


def _settings(facts: IterationFacts) -> Document:
    """Facts as the fields of a ``$set``."""
    if unknown := facts.keys() - IterationFacts.__annotations__.keys():
        raise TypeError(f"not facts of an iteration: {', '.join(sorted(unknown))}")
    fields: Document = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            fields.update({f"{name}.{stage}": float(v) for stage, v in value.items()})
        elif isinstance(value, Record | TrustLevels):
            fields[name] = value.model_dump()
        elif isinstance(value, tuple):
            fields[name] = [one.model_dump() for one in value]
        else:
            fields[name] = value
    return fields


class Iterations:
    """Collection ``iterations``."""

    def __init__(self, client: Client) -> None:
        index = IndexModel([("campaign", 1), ("index", 1)])
        self.table = Table(client, "iterations", indexes=[index])

    def open(
        self, campaign: str, index: int, stage: Stage, *, when: datetime | None = None
    ) -> bool:
        """Begin an iteration; False when it has been begun (it is left as it is)."""
        record = IterationRecord(
            campaign=campaign, index=index, stage=stage, stage_started=when or now()
        )
        return self.table.insert_new({"_id": _key(campaign, index), **record.to_document()})

    def get(self, campaign: str, index: int) -> IterationRecord | None:
        """An iteration."""
        document = self.table.get(_key(campaign, index))
        return None if document is None else IterationRecord.model_validate(document)

    def latest(self, campaign: str) -> IterationRecord | None:
        """The iteration with the highest index."""
        order = [("campaign", -1), ("index", -1)]
        found = self.table.find({"campaign": campaign}, sort=order, limit=1)
        return IterationRecord.model_validate(found[0]) if found else None

    def all(self, campaign: str) -> list[IterationRecord]:
        """All iterations of a campaign, in order."""
        found = self.table.find({"campaign": campaign}, sort=[("campaign", 1), ("index", 1)])
        return [IterationRecord.model_validate(document) for document in found]

    def all_latest(self) -> dict[str, Latest]:
        """Where each campaign that has begun stands."""
        latest = {name: {"$last": f"${name}"} for name in ("index", "stage", "stage_started")}
        group = {
            "_id": "$campaign",
            **latest,
            "labelled": {"$sum": "$counts.labelled"},
            "test": {"$push": "$test_errors.force_rmse"},
            "audit": {"$push": "$audit_error"},
        }
        order = {"campaign": 1, "index": 1}
        found = self.table.aggregate([{"$sort": order}, {"$group": group}])
        return {
            d["_id"]: Latest(
                campaign=d["_id"],
                index=d["index"],
                stage=d["stage"],
                stage_started=d["stage_started"],
                labelled=d["labelled"],
                test_error=_last_known(d["test"]),
                audit_error=_last_known(d["audit"]),
            )
            for d in found
        }

    def move(
        self,
        campaign: str,
        index: int,
        *,
        from_stage: Stage,
        to_stage: Stage,
        when: datetime | None = None,
        **facts: Unpack[IterationFacts],
    ) -> bool:
        """Move to another stage and record facts, in one step; whether this call did it.

        Nothing changes when the iteration is not (or no longer) at ``from_stage``.
        """
        if from_stage == to_stage:
            raise ValueError(f"a move from {from_stage} to itself has no single winner")
        moved = {"stage": to_stage, "stage_started": when or now(), "planned": False}
        change: Mapping[str, Any] = {"$set": {**moved, **_settings(facts)}}
        return self.table.change_if(_key(campaign, index), {"stage": from_stage}, change)

    def calibrate(self, campaign: str, index: int, found: CalibrationRecord) -> CalibrationRecord:
        """Write down a calibration, once; the one that was first, for everybody."""
        key = _key(campaign, index)
        self.table.change(
            {"_id": key, "calibration": None}, {"$set": {"calibration": found.to_document()}}
        )
        record = self.get(campaign, index)
        return found if record is None or record.calibration is None else record.calibration

    def mark_planned(self, campaign: str, index: int, stage: Stage) -> bool:
        """Say that all jobs of a stage are in the store; False when it has moved on."""
        query = {"_id": _key(campaign, index), "stage": stage}
        return self.table.change(query, {"$set": {"planned": True}})

    def plan_again(self, campaign: str, index: int, stage: Stage) -> bool:
        """Say that more jobs of a stage are to be put into the store; whether this call did it."""
        expected = {"stage": stage, "planned": True}
        return self.table.change_if(_key(campaign, index), expected, {"$set": {"planned": False}})

    def record(self, campaign: str, index: int, **facts: Unpack[IterationFacts]) -> bool:
        """Record facts; False when there is no such iteration."""
        return self.table.change({"_id": _key(campaign, index)}, {"$set": _settings(facts)})

    def recount(
        self,
        campaign: str,
        index: int,
        *,
        counts: Counts,
        audit_error: float | None,
        audit: tuple[AuditStratum, ...],
    ) -> bool:
        """Record the counts of labels, and the errors on them; no other count changes."""
        labels = {f"counts.{name}": getattr(counts, name) for name in _OF_LABELS}
        errors = _settings({"audit_error": audit_error, "audit": audit})
        return self.table.change({"_id": _key(campaign, index)}, {"$set": {**labels, **errors}})

    def freeze(
        self, campaign: str, index: int, name: str, values: Mapping[str, float | str]
    ) -> dict[str, float | str]:
        """Write down figures under a name, once; those that were first, for everybody."""
        key = _key(campaign, index)
        fixed = dict(values)
        self.table.change(
            {"_id": key, f"frozen.{name}": {"$exists": False}},
            {"$set": {f"frozen.{name}": fixed}},
        )
        record = self.get(campaign, index)
        return fixed if record is None else record.frozen[name]
