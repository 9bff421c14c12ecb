"""Methods: what the labels of one kind were computed with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from al_loop.hashing import canonical_json, digest
from al_loop.store.record import Record
from al_loop.store.table import Client, Table


class Method(Record):
    """An electronic-structure method. Key: digest of its fingerprint."""

    engine: str
    fingerprint: dict[str, str | int | float | bool]
    references: dict[str, Any] | None = None
    """Energies of the elements, by the labels that were there last
    (``al_loop.label.reference.ReferenceEnergies``)."""

    @property
    def id(self) -> str:
        """Key of the method, under which its labels are stored."""
        return digest(self.fingerprint)


class Methods:
    """Collection ``methods``."""

    def __init__(self, client: Client) -> None:
        self.table = Table(client, "methods")

    def put(self, method: Method) -> str:
        """Store a method and return its key."""
        text = canonical_json(method.fingerprint)
        document = {"_id": method.id, "engine": method.engine, "fingerprint": text}
        self.table.insert_absent([document])
        return method.id

    def get(self, key: str) -> Method | None:
        """The method under this key."""
        document = self.table.get(key)
        if document is None:
            return None
        return Method(
            engine=document["engine"],
            fingerprint=json.loads(document["fingerprint"]),
            references=document.get("references"),
        )

    def put_references(self, key: str, references: Mapping[str, Any]) -> None:
        """Store the energies of the elements with a method, in place of earlier ones."""
        self.table.change({"_id": key}, {"$set": {"references": dict(references)}})
