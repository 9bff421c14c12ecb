"""Campaigns: what was asked for, and how it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from al_loop.errors import DatabaseError
from al_loop.hashing import canonical_json
from al_loop.store.record import Record, Text, When, now
from al_loop.store.table import Client, Document, Table

CampaignState = Literal["running", "paused", "converged", "stopped", "failed"]
"""paused: nothing new is put up until it is resumed; stopped: a budget is spent, or by a person."""


class CampaignRecord(Record):
    """A campaign. Key: its name."""

    name: str
    spec: dict[str, Any]
    """The campaign file as JSON."""
    pending: dict[str, Any] | None = None
    """The same from the next iteration on, where it has been amended."""
    schema_version: int
    folder: str
    base: str = ""
    """Folder where relative paths of the campaign file start."""
    state: CampaignState = "running"
    reason: Text = ""
    created: When = Field(default_factory=now)
    ended: When | None = None


def _to_document(record: CampaignRecord) -> Document:
    # As text: names of structures may hold dots, and a seed may exceed 64 bits.
    pending = None if record.pending is None else canonical_json(record.pending)
    body = {**record.to_document(), "spec": canonical_json(record.spec), "pending": pending}
    return {"_id": record.name, **body}


def _from_document(document: Document) -> CampaignRecord:
    texts = {key: json.loads(document[key]) for key in ("spec", "pending") if document.get(key)}
    return CampaignRecord.model_validate({**document, **texts})


class Campaigns:
    """Collection ``campaigns``."""

    def __init__(self, client: Client) -> None:
        self.table = Table(client, "campaigns")

    def create(self, record: CampaignRecord) -> bool:
        """Store a new campaign; False when there is one of this name (it is left alone)."""
        return self.table.insert_new(_to_document(record))

    def get(self, name: str) -> CampaignRecord | None:
        """The campaign of this name."""
        document = self.table.get(name)
        return None if document is None else _from_document(document)

    def all(self) -> list[CampaignRecord]:
        """All campaigns, oldest first."""
        found = self.table.find({}, sort=[("created", 1), ("_id", 1)])
        return [_from_document(document) for document in found]

    def state(self, name: str) -> CampaignState | None:
        """How a campaign stands; None when there is none of this name."""
        found = self.table.find({"_id": name}, fields={"state": 1}, limit=1)
        return found[0]["state"] if found else None

    def set_state(
        self, name: str, state: CampaignState, reason: str, *, when: datetime | None = None
    ) -> None:
        """Say how a campaign stands. The end is the time at which it first took this state."""
        fields = {"state": state, "reason": reason}
        if state == "running":
            self._change(name, {**fields, "ended": None})
            return
        ended = when or now()
        if not self.table.change({"_id": name, "state": state}, {"$set": fields}):
            self._change(name, {**fields, "ended": ended})

    def amend(
        self, name: str, spec: Mapping[str, Any], *, pending: Mapping[str, Any] | None
    ) -> None:
        """Replace what was asked for: ``spec`` from now on, ``pending`` from the next iteration."""
        later = None if pending is None else canonical_json(pending)
        self._change(name, {"spec": canonical_json(spec), "pending": later})

    def adopt_pending(self, name: str) -> bool:
        """An iteration is about to begin: what was put off holds from now on; whether any was."""
        return self.table.change(
            {"_id": name, "pending": {"$type": "string"}},
            [{"$set": {"spec": "$pending", "pending": None}}],
        )

    def _change(self, name: str, fields: Document) -> None:
        if not self.table.change({"_id": name}, {"$set": fields}):
            raise DatabaseError(f"there is no campaign {name!r}", remedy="see `al-loop status`")

    def lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take or prolong the right to do a campaign's staging; False while another has it.

        Advisory: it spares double work, and nothing depends on it for being right. Time is
        the server's, so clocks of nodes may differ. An owner that died loses it in ``seconds``.
        """
        free = {
            "$or": [
                {"lease": None},
                {"lease.owner": owner},
                {"$expr": {"$lt": ["$lease.until", "$$NOW"]}},
            ]
        }
        until = {"$add": ["$$NOW", int(seconds * 1000)]}
        taken = {"$set": {"lease": {"owner": {"$literal": owner}, "until": until}}}
        return self.table.change({"_id": name, **free}, [taken])

    def lease_owner(self, name: str) -> str | None:
        """Who has the lease, or had it last."""
        found = self.table.find({"_id": name}, fields={"lease": 1}, limit=1)
        lease = found[0].get("lease") if found else None
        return lease["owner"] if lease else None

    def release(self, name: str, owner: str) -> bool:
        """Give the lease back; False when it is not (or no longer) the owner's."""
        return self.table.change({"_id": name, "lease.owner": owner}, {"$set": {"lease": None}})
