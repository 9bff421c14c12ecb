"""Training sets: exactly which labels trained a model.

Each set is its parent's and what was added since, so that a campaign stores every frame once,
however many iterations it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from bson.binary import Binary
from pydantic import Field
from pymongo import IndexModel

from al_loop.errors import DatabaseError
from al_loop.hashing import digest
from al_loop.store.files import Files
from al_loop.store.record import Record
from al_loop.store.table import Client, Document, Table

_HASH_BYTES = 32
_INLINE = 4 << 20
"""Bytes of hashes in the document itself (131,072 frames); more go to a file."""


class TrainingSet(Record):
    """Labels that trained a model. Key: digest of all of it but ``count``."""

    method: str
    parent: str | None = None
    """Key of the set to which frames were added; None for the first one."""
    added: tuple[str, ...] = Field(repr=False)
    """Hashes that the parent does not have, sorted."""
    waiting: tuple[str, ...] = Field((), repr=False)
    """Hashes, sorted, of frames without a label yet: to be looked at again for the next set."""
    count: int = 0
    """Number of frames, those of the parents included."""

    @property
    def id(self) -> str:
        """Key of the set."""
        return digest([self.method, self.parent, list(self.added), list(self.waiting)])


class TrainingSets:
    """Collection ``training_sets``."""

    def __init__(self, client: Client, files: Files) -> None:
        indexes = [IndexModel("file", sparse=True), IndexModel("parent", sparse=True)]
        self.table = Table(client, "training_sets", indexes=indexes)
        self.files = files

    def put(
        self,
        method: str,
        added: Iterable[str],
        *,
        parent: str | None = None,
        waiting: Iterable[str] = (),
    ) -> str:
        """Store a set of frames labelled by ``method`` and return its key.

        It has the frames of ``parent`` and those ``added``, which the parent must not have.
        """
        made = TrainingSet(
            method=method,
            parent=parent,
            added=tuple(sorted(set(added))),
            waiting=tuple(sorted(set(waiting))),
        )
        document: Document = {
            "_id": made.id,
            "method": method,
            "added": len(made.added),
            "count": len(made.added) + (self._light(parent)["count"] if parent else 0),
            # absent, not null, for the first set: the index is sparse
            **({"parent": parent} if parent else {}),
        }
        packed = b"".join(bytes.fromhex(frame) for frame in (*made.added, *made.waiting))
        if len(packed) <= _INLINE:
            document["frames"] = Binary(packed)
        else:
            document["file"] = self.files.put_bytes(packed, name=f"training-set-{made.id[:12]}")
        self.table.insert_absent([document])
        return made.id

    def get(self, key: str) -> TrainingSet | None:
        """The set under this key, without the frames of its parents."""
        document = self.table.get(key)
        if document is None:
            return None
        inline = "frames" in document
        packed = bytes(document["frames"]) if inline else self.files.get_bytes(document["file"])
        steps = range(0, len(packed), _HASH_BYTES)
        hashes = tuple(packed[i : i + _HASH_BYTES].hex() for i in steps)
        return TrainingSet(
            method=document["method"],
            parent=document.get("parent"),
            added=hashes[: document["added"]],
            waiting=hashes[document["added"] :],
            count=document["count"],
        )

    def holding(self, frame: str, among: Iterable[str]) -> set[str]:
        """Which of these sets have a frame, those of their parents included."""
        keys = wanted = set(among)
        parents: dict[str, str | None] = {}
        own: set[str] = set()
        while wanted:
            for document in self.table.find_keys(wanted):
                parents[document["_id"]] = document.get("parent")
                if self._adds(document, frame):
                    own.add(document["_id"])
            wanted = {key for key in parents.values() if key} - parents.keys()
        return {key for key in keys if self._line(key, parents) & own}

    @staticmethod
    def _line(key: str, parents: Mapping[str, str | None]) -> set[str]:
        line: set[str] = set()
        at: str | None = key
        while at is not None and at not in line:
            line.add(at)
            at = parents.get(at)
        return line

    def _adds(self, document: Document, frame: str) -> bool:
        inline = "frames" in document
        packed = bytes(document["frames"]) if inline else self.files.get_bytes(document["file"])
        hashes = np.frombuffer(packed, dtype=f"S{_HASH_BYTES}")[: document["added"]]
        return bool((hashes == np.frombuffer(bytes.fromhex(frame), dtype=hashes.dtype)).any())

    def lineage(self, key: str) -> list[str]:
        """Keys of a set and of all its parents, the first one first; reads no hashes.

        Raises
        ------
        DatabaseError
            One of them is not in the database.
        """
        keys: list[str] = []
        following: str | None = key
        while following is not None:
            keys.append(following)
            following = self._light(following).get("parent")
        return keys[::-1]

    def count(self, key: str) -> int:
        """Number of frames of a set; DatabaseError when there is none under this key."""
        return int(self._light(key)["count"])

    def counts(self, keys: Iterable[str]) -> dict[str, int]:
        """Number of frames of each set that is known."""
        found = self.table.find_keys(keys, fields={"count": 1})
        return {d["_id"]: int(d["count"]) for d in found}

    def frames(self, key: str) -> set[str]:
        """Hashes of all frames of a set."""
        return {frame for one in self.lineage(key) for frame in self._link(one).added}

    def _link(self, key: str) -> TrainingSet:
        found = self.get(key)
        if found is None:
            raise DatabaseError(f"training set {key[:12]} is not in the database")
        return found

    def _light(self, key: str) -> Document:
        fields = {"parent": 1, "count": 1}
        found = self.table.find({"_id": key}, fields=fields, limit=1)
        if not found:
            raise DatabaseError(f"training set {key[:12]} is not in the database")
        return found[0]
