"""Training sets: exactly which labels trained a model, stored once per set."""

from __future__ import annotations

from collections.abc import Iterable

from bson.binary import Binary
from pydantic import Field
from pymongo import IndexModel

from al_loop.hashing import digest
from al_loop.store.files import Files
from al_loop.store.record import Record
from al_loop.store.table import Client, Document, Table

_HASH_BYTES = 32
_INLINE = 4 << 20
"""Bytes of hashes in the document itself (131,072 frames); more go to a file."""


class TrainingSet(Record):
    """Labels that trained a model. Key: digest of the method and of the sorted frames."""

    method: str
    frames: tuple[str, ...] = Field(repr=False)
    """Hashes, sorted."""

    @property
    def id(self) -> str:
        """Key of the set."""
        return digest([self.method, list(self.frames)])


class TrainingSets:
    """Collection ``training_sets``."""

    def __init__(self, client: Client, files: Files) -> None:
        self.table = Table(client, "training_sets", indexes=[IndexModel("file", sparse=True)])
        self.files = files

    def put(self, method: str, hashes: Iterable[str]) -> str:
        """Store a set of frames labelled by ``method`` and return its key."""
        made = TrainingSet(method=method, frames=tuple(sorted(set(hashes))))
        packed = b"".join(bytes.fromhex(frame) for frame in made.frames)
        document: Document = {"_id": made.id, "method": method, "count": len(made.frames)}
        if len(packed) <= _INLINE:
            document["frames"] = Binary(packed)
        else:
            document["file"] = self.files.put_bytes(packed, name=f"training-set-{made.id[:12]}")
        self.table.insert_absent([document])
        return made.id

    def get(self, key: str) -> TrainingSet | None:
        """The set under this key."""
        document = self.table.get(key)
        if document is None:
            return None
        inline = "frames" in document
        packed = bytes(document["frames"]) if inline else self.files.get_bytes(document["file"])
        steps = range(0, len(packed), _HASH_BYTES)
        frames = tuple(packed[i : i + _HASH_BYTES].hex() for i in steps)
        return TrainingSet(method=document["method"], frames=frames)
