"""Melt-quenches: which frames each has given, whichever campaign asked for it first."""

from __future__ import annotations

from collections.abc import Iterable

from al_loop.campaign.quench import Phase
from al_loop.store.record import Record, Text
from al_loop.store.table import Client, Table


class QuenchedFrame(Record):
    """A frame of a melt-quench."""

    frame: str
    phase: Phase
    temperature: float
    """Of the thermostat, K."""


class QuenchRecord(Record):
    """A melt-quench that has ended. Key: digest of what was asked for and of its seed."""

    source: str
    """Digest of what was asked for: samples of one source share it."""
    seed: int
    stop: str
    """``completed``, or why LAMMPS gave up."""
    detail: Text
    frames: tuple[QuenchedFrame, ...]


class Quenches:
    """Collection ``quenches``."""

    def __init__(self, client: Client) -> None:
        self.table = Table(client, "quenches")

    def put(self, key: str, record: QuenchRecord) -> None:
        """Store a melt-quench; one that is there stays as it is."""
        self.table.insert_absent([{"_id": key, **record.to_document()}])

    def get_many(self, keys: Iterable[str]) -> dict[str, QuenchRecord]:
        """Melt-quenches that are known, in the order asked for."""
        wanted = list(dict.fromkeys(keys))
        found = {d["_id"]: QuenchRecord.model_validate(d) for d in self.table.find_keys(wanted)}
        return {key: found[key] for key in wanted if key in found}
