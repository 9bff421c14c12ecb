"""Walks: what became of each walker, and the deviations along its trajectory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymongo import IndexModel

from al_loop.store.arrays import pack, unpack
from al_loop.store.files import Files
from al_loop.store.record import clip
from al_loop.store.table import Client, Document, Table
from al_loop.units import Array

_INLINE = 4 << 20
"""Bytes of arrays in the document itself (130,000 samples); more go to files."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WalkRecord:
    """A trajectory, reduced. Key: campaign, iteration and walker.

    Arrays have shape (samples,): ``step`` integer, ``max_force_deviation`` eV/Å,
    ``target_temperature`` (of the thermostat) and ``sample_temperature`` K,
    ``sample_pressure`` GPa. ``cut`` samples at the end were unphysical and are not among them.
    """

    campaign: str
    iteration: int
    walker: str
    structure: str
    ensemble: str
    temperature: float
    """Of the thermostat at the end of the planned path, K."""
    pressure: float
    """Of the barostat there, GPa."""
    stop: str
    detail: str
    cut: int
    step: NDArray[np.int64] = field(repr=False)
    max_force_deviation: Array = field(repr=False)
    target_temperature: Array = field(repr=False)
    sample_temperature: Array = field(repr=False)
    sample_pressure: Array = field(repr=False)
    last: str | None = None
    """The last sample that had not failed, from which a later walker may go on: a frame."""


_NAMES = tuple(f.name for f in fields(WalkRecord))
_ARRAYS = (
    "step",
    "max_force_deviation",
    "target_temperature",
    "sample_temperature",
    "sample_pressure",
)


class Walks:
    """Collection ``walks``."""

    def __init__(self, client: Client, files: Files) -> None:
        order = IndexModel([("campaign", 1), ("iteration", 1), ("walker", 1)])
        users = IndexModel("files", sparse=True)
        self.table = Table(client, "walks", indexes=[order, users])
        self.files = files

    def put(self, record: WalkRecord) -> None:
        """Store a walk; one that is there stays as it is."""
        self.put_many([record])

    def put_many(self, records: Iterable[WalkRecord]) -> None:
        """Store walks; those that are there stay as they are."""
        self.table.insert_absent(self._to_document(record) for record in records)

    def of_iteration(
        self, campaign: str, iteration: int, *, with_arrays: bool = True
    ) -> list[WalkRecord]:
        """Walks of an iteration, by walker. Without arrays these are empty, and it is light."""
        query = {"campaign": campaign, "iteration": iteration}
        left_out = None if with_arrays else dict.fromkeys(_ARRAYS, 0)
        found = self.table.find(query, fields=left_out, sort=[("walker", 1)])
        return [self._from_document(document) for document in found]

    def get(self, campaign: str, iteration: int, walker: str) -> WalkRecord | None:
        """One walk, with its arrays."""
        document = self.table.get(f"{campaign}/{iteration}/{walker}")
        return None if document is None else self._from_document(document)

    def deviations(self, campaign: str, iteration: int) -> list[Array]:
        """Maximum force deviations (samples,), eV/Å, of each walker of an iteration; no more."""
        query = {"campaign": campaign, "iteration": iteration}
        fields = {"_id": 0, "max_force_deviation": 1}
        found = self.table.find(query, fields=fields, sort=[("walker", 1)])
        return [self._unpacked(document["max_force_deviation"]) for document in found]

    def last_frames(self, campaign: str, structure: str, *, before: int) -> list[str]:
        """Where the latest walkers of a structure before an iteration have ended, by walker."""
        query = {
            "campaign": campaign,
            "iteration": {"$gte": 0, "$lt": before},
            "structure": structure,
            "last": {"$type": "string"},
        }
        latest = self.table.find(
            query, fields={"iteration": 1}, sort=[("campaign", -1), ("iteration", -1)], limit=1
        )
        if not latest:
            return []
        query["iteration"] = latest[0]["iteration"]
        found = self.table.find(query, fields={"last": 1}, sort=[("walker", 1)])
        return [document["last"] for document in found]

    def _to_document(self, record: WalkRecord) -> Document:
        document: Document = {name: getattr(record, name) for name in _NAMES}
        document["temperature"] = float(record.temperature)
        document["pressure"] = float(record.pressure)
        document["iteration"], document["cut"] = int(record.iteration), int(record.cut)
        document["detail"] = clip(record.detail)
        arrays = {"step": np.asarray(record.step, dtype=np.int64)}
        for name in _ARRAYS[1:]:
            arrays[name] = np.asarray(document[name], dtype=np.float64)
        large = sum(array.nbytes for array in arrays.values()) > _INLINE
        spilled: list[str] = []
        for name, array in arrays.items():
            packed = pack(array)
            if large:
                spilled.append(self.files.put_bytes(packed.pop("data"), name=f"walk-{name}"))
                packed["file"] = spilled[-1]
            document[name] = packed
        if spilled:
            document["files"] = sorted(set(spilled))
        return {"_id": f"{record.campaign}/{record.iteration}/{record.walker}", **document}

    def _from_document(self, document: Document) -> WalkRecord:
        values: dict[str, Any] = {name: document.get(name) for name in _NAMES}
        values["step"] = np.empty(0, dtype=np.int64)
        for name in _ARRAYS[1:]:
            values[name] = np.empty(0)
        for name in _ARRAYS:
            if packed := document.get(name):
                values[name] = self._unpacked(packed)
        return WalkRecord(**values)

    def _unpacked(self, packed: Document) -> Any:
        if "file" in packed:
            packed["data"] = self.files.get_bytes(packed["file"])
        return unpack(packed)
