"""Events: what happened, when and where. Only ever added to."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from datetime import datetime

from bson.objectid import ObjectId
from pydantic import Field
from pymongo import IndexModel

from al_loop.hashing import canonical_json
from al_loop.store.record import Record, Text, When, now
from al_loop.store.table import Client, Document, Table

EventValue = str | int | float | bool | None


def _here() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"


class Event(Record):
    """Something that happened. ``where`` is host/process id.

    Without a ``when`` it is stored under the time of the server's clock: those of nodes differ.
    """

    campaign: str
    when: When = Field(default_factory=now)
    kind: str
    text: Text
    where: str = Field(default_factory=_here)
    data: dict[str, EventValue] = Field(default_factory=dict)


def _from_document(document: Document) -> Event:
    return Event.model_validate({**document, "data": json.loads(document["data"])})


def _json_safe(data: Mapping[str, EventValue]) -> dict[str, EventValue]:
    """JSON has no NaN: an event must not fail because of one."""
    odd = (float("inf"), float("-inf"))
    return {k: str(v) if v != v or v in odd else v for k, v in data.items()}


class Events:
    """Collection ``events``."""

    def __init__(self, client: Client) -> None:
        index = IndexModel([("campaign", 1), ("when", -1), ("_id", -1)])
        self.table = Table(client, "events", indexes=[index])

    def add(self, event: Event) -> None:
        """Append an event."""
        body = {**event.to_document(), "data": canonical_json(_json_safe(event.data))}
        # The key is made here, so that a write which is repeated happens once.
        document = {"_id": ObjectId(), **body}
        if "when" in event.model_fields_set:
            self.table.insert_absent([document])
        else:
            self.table.insert_dated(document, "when")

    def since(self, campaign: str, when: datetime) -> list[Event]:
        """Events from ``when`` on, oldest first."""
        order = [("when", 1), ("_id", 1)]
        found = self.table.find({"campaign": campaign, "when": {"$gte": when}}, sort=order)
        return [_from_document(document) for document in found]

    def of_kind(self, campaign: str, kind: str) -> list[Event]:
        """All events of a kind, oldest first."""
        order = [("when", 1), ("_id", 1)]
        found = self.table.find({"campaign": campaign, "kind": kind}, sort=order)
        return [_from_document(document) for document in found]

    def latest(self, campaign: str, n: int) -> list[Event]:
        """The last ``n`` events of a campaign, oldest first."""
        order = [("when", -1), ("_id", -1)]
        found = self.table.find({"campaign": campaign}, sort=order, limit=max(n, 1))
        return [_from_document(d) for d in reversed(found)]
