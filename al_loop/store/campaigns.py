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

CampaignState = Literal["running", "converged", "stopped", "failed"]


class CampaignRecord(Record):
    """A campaign. Key: its name."""

    name: str
    spec: dict[str, Any]
    """The campaign file as JSON."""
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
    body = {**record.to_document(), "spec": canonical_json(record.spec)}
    return {"_id": record.name, **body}


def _from_document(document: Document) -> CampaignRecord:
    return CampaignRecord.model_validate({**document, "spec": json.loads(document["spec"])})


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

    def replace_spec(
        self, name: str, spec: Mapping[str, Any], *, schema_version: int | None = None
    ) -> None:
        """Replace what was asked for (a larger budget, say)."""
        fields: Document = {"spec": canonical_json(spec)}
        if schema_version is not None:
            fields["schema_version"] = schema_version
        self._change(name, fields)

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
