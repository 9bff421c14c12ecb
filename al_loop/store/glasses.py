"""Glasses that a campaign has made of its potential, and what was measured of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field
from pymongo import IndexModel

from al_loop.store.record import Record, Text
from al_loop.store.table import Client, Document, Table


class GlassState(Record):
    """A state between melt and glass, from which walkers may go on."""

    frame: str
    phase: Literal["melt", "path", "glass"]
    temperature: float
    """Of the thermostat, K."""
    deviation: float | None
    """Of the committee's forces there, the largest of an atom, eV/Å; None where one model alone
    has made the glass."""


class GlassRecord(Record):
    """A glass. Key: campaign, iteration, system and sample."""

    campaign: str
    iteration: int
    system: str
    """Name of the composition in the campaign file."""
    sample: int
    model: str
    """Key (``ModelRecord.id``) of the potential that made it."""
    seed: int
    stop: str
    """``completed``, or why the run was given up."""
    detail: Text = ""
    states: tuple[GlassState, ...] = Field((), repr=False)
    """On the way from melt to glass, in order of time."""
    frames: int = 0
    """Frames of the glass, to be measured."""
    interval: float | None = None
    """Time between them, ps."""
    trajectory: str | None = None
    """Id in ``Store.files`` of the file with these frames (an ASE trajectory)."""

    @property
    def id(self) -> str:
        """Key of this glass."""
        return f"{self.campaign}/{self.iteration}/{self.system}/{self.sample}"


class MeasuredValue(Record):
    """A mean over the samples with its standard error; ``n`` values went into it."""

    name: str
    value: float
    error: float | None
    n: int
    unit: str


class GlassMeasurement(Record):
    """What the samples of a system measured. Key: campaign, iteration, system, and of how many."""

    campaign: str
    iteration: int
    system: str
    samples: tuple[int, ...]
    """Numbers of the samples that were measured."""
    values: tuple[MeasuredValue, ...] = Field(repr=False)
    overlaps: tuple[str, ...] = ()
    """Sentences on atoms that are too close."""
    file: str
    """Id in ``Store.files`` of the whole measurement, curves included (JSON)."""

    @property
    def id(self) -> str:
        """Key of this measurement."""
        return f"{self.campaign}/{self.iteration}/{self.system}/measured-{len(self.samples)}"


class GateRecord(Record):
    """What became of a gate; ``asked`` is what the campaign file says."""

    system: str
    observable: str
    asked: str
    state: Literal["passed", "failed", "undecided"]
    words: Text
    """A line to print: the figures, and what they were held against."""
    value: float | None = None
    error: float | None = None
    unit: str = ""
    samples: int = 0
    because: str = ""
    """Why it is undecided: one glass, error bars, no reference, not measured."""


class Glasses:
    """Collection ``glasses``: samples, and what was measured of them."""

    def __init__(self, client: Client) -> None:
        order = IndexModel([("campaign", 1), ("iteration", 1), ("system", 1)])
        users = IndexModel("files", sparse=True)
        self.table = Table(client, "glasses", indexes=[order, users])

    def put(self, record: GlassRecord) -> None:
        """Store a glass; one that is there stays as it is."""
        self._put("glass", record.id, record, [record.trajectory] if record.trajectory else [])

    def put_measured(self, record: GlassMeasurement) -> None:
        """Store what was measured; what is there stays as it is."""
        self._put("measured", record.id, record, [record.file])

    def of_iteration(self, campaign: str, iteration: int) -> list[GlassRecord]:
        """Glasses of an iteration, by system and sample."""
        found = self._find("glass", campaign, iteration, ["system", "sample"])
        return [GlassRecord.model_validate(document) for document in found]

    def has_any(self, campaign: str) -> bool:
        """Whether a campaign has made a glass."""
        return bool(self.table.find({"campaign": campaign}, fields={"_id": 1}, limit=1))

    def iterations(self, campaign: str) -> list[int]:
        """Iterations that have made a glass, in order."""
        pipeline = [{"$match": {"campaign": campaign}}, {"$group": {"_id": "$iteration"}}]
        return sorted(int(d["_id"]) for d in self.table.aggregate([*pipeline]))

    def measured(self, campaign: str, iteration: int) -> dict[str, GlassMeasurement]:
        """By system: the measurement with the most samples."""
        found = self._find("measured", campaign, iteration, ["system", "count"])
        return {one["system"]: GlassMeasurement.model_validate(one) for one in found}

    def _put(self, kind: str, key: str, record: Record, files: Iterable[str]) -> None:
        body = {"kind": kind, **record.to_document(), "files": sorted(files)}
        if isinstance(record, GlassMeasurement):
            body["count"] = len(record.samples)
        self.table.insert_absent([{"_id": key, **body}])

    def _find(self, kind: str, campaign: str, iteration: int, order: list[str]) -> list[Document]:
        query = {"campaign": campaign, "iteration": iteration, "kind": kind}
        return self.table.find(query, sort=[(name, 1) for name in order])
