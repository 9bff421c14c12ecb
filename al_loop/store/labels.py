"""Labels: energy, forces and virial of a frame by one method. Never lost, never done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Literal

from pymongo import IndexModel

from al_loop.errors import DatasetError
from al_loop.store.arrays import pack_floats, unpack
from al_loop.store.record import clip
from al_loop.store.table import Client, Document, Table
from al_loop.units import Array

LabelState = Literal["ok", "failed", "quarantined"]


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelRecord:
    """What a method says of a frame. Key: frame hash and method.

    ``energy`` eV, ``forces`` (atoms, 3) eV/Å in the order of the stored frame, ``virial``
    (3, 3) eV or None where the method has none. A failed one has no numbers but a ``reason``
    (a short stable code), a ``detail`` and a ``remedy`` for a person. A quarantined one has a
    reason, a ``doubt`` (what was seen) and, unless the engine refused to give any, numbers;
    ``released``: a person has looked at it and believes it. ``corrections`` were made on the way
    to it. Cost: ``seconds`` of wall time on ``cores``.
    """

    frame: str
    method: str
    state: LabelState
    energy: float | None = None
    forces: Array | None = field(default=None, repr=False)
    virial: Array | None = field(default=None, repr=False)
    reason: str = ""
    detail: str = ""
    remedy: str = ""
    doubt: str = ""
    corrections: tuple[str, ...] = ()
    released: bool = False
    engine: str
    seconds: float
    cores: int
    host: str
    when: datetime

    def __post_init__(self) -> None:
        if self.state == "ok" and (self.energy is None or self.forces is None):
            raise DatasetError(f"label of frame {self.frame[:12]}: ok, but without numbers")


@dataclass(frozen=True)
class LabelTally:
    """Labels of some frames: how many, and their cost in s x cores."""

    ok: int
    failed: int
    quarantined: int
    corrected: int
    """Those whose engine needed a correction on the way."""
    core_seconds: float


@dataclass(frozen=True)
class LabelNumbers:
    """Of a label: its energy (eV) and what is known without reading its arrays."""

    engine: str
    state: LabelState
    reason: str
    released: bool
    energy: float
    has_virial: bool


_NAMES = tuple(f.name for f in fields(LabelRecord))


def _key(frame: str, method: str) -> str:
    return f"{frame}/{method}"


def to_document(label: LabelRecord) -> Document:
    """The document of a label."""
    document: Document = {name: getattr(label, name) for name in _NAMES}
    document["energy"] = None if label.energy is None else float(label.energy)
    document["seconds"], document["cores"] = float(label.seconds), int(label.cores)
    for name in ("detail", "remedy", "doubt"):
        document[name] = clip(document[name])
    document["corrections"] = [clip(one) for one in label.corrections]
    document["atoms"] = None if label.forces is None else len(label.forces)
    for name in ("forces", "virial"):
        if document[name] is not None:
            document[name] = pack_floats(document[name], what=name)
    return {"_id": _key(label.frame, label.method), **document}


def from_document(document: Document) -> LabelRecord:
    """A label from its document."""
    values = {name: document[name] for name in _NAMES if name in document}
    values["corrections"] = tuple(values.get("corrections", ()))
    for name in ("forces", "virial"):
        if values[name] is not None:
            values[name] = unpack(values[name])
    return LabelRecord(**values)


class Labels:
    """Collection ``labels``."""

    def __init__(self, client: Client) -> None:
        state = IndexModel([("method", 1), ("state", 1), ("when", -1), ("_id", 1)])
        failed = IndexModel(
            [("state", 1), ("method", 1), ("reason", 1), ("frame", 1)],
            partialFilterExpression={"state": "failed"},
        )
        doubted = IndexModel(
            [("state", 1), ("method", 1), ("frame", 1), ("reason", 1)],
            partialFilterExpression={"state": "quarantined"},
        )
        again = IndexModel([("again", 1), ("method", 1)], sparse=True)
        self.table = Table(client, "labels", indexes=[state, failed, doubted, again])

    def put_many(self, labels: Iterable[LabelRecord]) -> None:
        """Store labels. The first one stays; what has numbers replaces a failed one.

        A quarantined label stays quarantined.
        """
        documents = [to_document(label) for label in labels]
        self.table.insert_absent(documents)
        # After the insert: a failed one that another process put in meanwhile gives way too.
        better = [d for d in documents if d["state"] != "failed"]
        self.table.replace_where(better, {"state": "failed"})

    def get_many(self, frames: Iterable[str], method: str) -> dict[str, LabelRecord]:
        """Labels by ``method``, of whatever state, that are known; in the order asked for."""
        wanted = list(dict.fromkeys(frames))
        documents = self.table.find_keys(_key(frame, method) for frame in wanted)
        found = {d["frame"]: from_document(d) for d in documents}
        return {frame: found[frame] for frame in wanted if frame in found}

    def of_frame(self, frame: str) -> list[LabelRecord]:
        """All labels of a frame, by whatever method."""
        keys = {"_id": {"$gte": f"{frame}/", "$lt": f"{frame}0"}}  # "0" follows "/"
        return [from_document(d) for d in self.table.find(keys, sort=[("_id", 1)])]

    def known(self, frames: Iterable[str], method: str) -> set[str]:
        """Which of ``frames`` have a label by ``method``, of whatever state."""
        return set(self.states(frames, method))

    def states(self, frames: Iterable[str], method: str) -> dict[str, LabelState]:
        """State of the labels by ``method`` that are known."""
        keys = (_key(frame, method) for frame in frames)
        found = self.table.find_keys(keys, fields={"frame": 1, "state": 1})
        return {d["frame"]: d["state"] for d in found}

    def counts(self, frames: Iterable[str], method: str) -> dict[LabelState, int]:
        """Number of labels of ``frames`` by ``method``, per state."""
        counts: dict[LabelState, int] = {"ok": 0, "failed": 0, "quarantined": 0}
        for state in self.states(frames, method).values():
            counts[state] += 1
        return counts

    def tally(self, frames: Iterable[str], method: str) -> LabelTally:
        """How many labels of ``frames`` there are by ``method``, and what they cost."""
        keys = (_key(frame, method) for frame in frames)
        fields = {"_id": 0, "state": 1, "seconds": 1, "cores": 1, "corrections": 1}
        found = self.table.find_keys(keys, fields=fields)
        states = Counter(d["state"] for d in found)
        return LabelTally(
            ok=states["ok"],
            failed=states["failed"],
            quarantined=states["quarantined"],
            corrected=sum(bool(d.get("corrections")) for d in found),
            core_seconds=sum(float(d["seconds"]) * int(d["cores"]) for d in found),
        )

    def numbers(self, frames: Iterable[str], method: str) -> dict[str, LabelNumbers]:
        """What labels with numbers say besides forces: read without their arrays."""
        keys = (_key(frame, method) for frame in frames)
        fields = {
            "_id": 0,
            **dict.fromkeys(("frame", "engine", "state", "reason", "energy"), 1),
            "released": {"$eq": ["$released", True]},
            "has_virial": {"$gt": ["$virial", None]},
        }
        found = self.table.find_keys(keys, query={"energy": {"$ne": None}}, fields=fields)
        return {d.pop("frame"): LabelNumbers(**d) for d in found}

    def failed(self, method: str | None = None) -> dict[str, str]:
        """Frame -> reason of all failed labels (by one method), of any campaign. They are few."""
        return self._reasons("failed", method)

    def quarantined(self, method: str | None = None) -> dict[str, str]:
        """Frame -> reason of all quarantined labels, as :meth:`failed`."""
        return self._reasons("quarantined", method)

    def _reasons(self, state: LabelState, method: str | None) -> dict[str, str]:
        query = {"state": state, **({"method": method} if method else {})}
        fields = {"_id": 0, "frame": 1, "reason": 1}
        return {d["frame"]: d["reason"] for d in self.table.find(query, fields=fields)}

    def costs(self, method: str, latest: int = 300) -> list[tuple[int, float]]:
        """Atoms and wall time (s) of the latest good labels by ``method``, of any campaign.

        Imported ones have cost nothing here and say nothing.
        """
        found = self.table.find(
            {"method": method, "state": "ok", "seconds": {"$gt": 0}},
            fields={"_id": 0, "atoms": 1, "seconds": 1},
            sort=[("when", -1), ("_id", 1)],
            limit=latest,
        )
        return [(int(d["atoms"]), float(d["seconds"])) for d in found if d.get("atoms")]

    def frames(self, method: str) -> list[str]:
        """Frames with a good label by ``method``, of any campaign; sorted."""
        query = {"method": method, "state": "ok"}
        return sorted(d["frame"] for d in self.table.find(query, fields={"_id": 0, "frame": 1}))

    def count(self, method: str, state: LabelState = "ok") -> int:
        """Number of labels by ``method``, of any campaign."""
        return self.table.count({"method": method, "state": state})

    def quarantine(self, frame: str, method: str, *, reason: str, doubt: str = "") -> bool:
        """Keep a good label out of training; whether this call did it."""
        fields = {"reason": reason, "doubt": clip(doubt), "released": False}
        change = {"$set": {**fields, "state": "quarantined"}}
        return self.table.change_if(_key(frame, method), {"state": "ok"}, change)

    def release(self, frame: str, method: str) -> bool:
        """Believe a quarantined label from now on; False when there is none with numbers."""
        query = {"_id": _key(frame, method), "state": "quarantined", "energy": {"$ne": None}}
        fields = {"state": "ok", "released": True, "reason": "", "remedy": ""}
        return self.table.change(query, {"$set": fields})

    def ask_again(self, frame: str, method: str, campaign: str) -> bool:
        """Have a failed or quarantined label computed again by a campaign; False if there is none.

        Until the new one is there, it stays what it is.
        """
        query = {"_id": _key(frame, method), "state": {"$in": ["failed", "quarantined"]}}
        return self.table.change(query, {"$set": {"again": campaign}})

    def asked_again(self, campaign: str, method: str) -> set[str]:
        """Frames whose labels a campaign is to compute again."""
        query = {"again": campaign, "method": method}
        return {d["frame"] for d in self.table.find(query, fields={"_id": 0, "frame": 1})}

    def settle_again(self, label: LabelRecord, campaign: str) -> None:
        """Put a label that was computed again in the place of the one before.

        One that failed leaves the numbers that are there. Doing it twice changes nothing.
        """
        query = {"_id": _key(label.frame, label.method), "again": campaign}
        if label.state == "failed":
            doubt = f"computed again, it failed: {label.detail}"
            change = {"$set": {"doubt": clip(doubt)}, "$unset": {"again": ""}}
            self.table.change(query, change)
        else:
            self.table.replace_where([to_document(label)], {"again": campaign})
