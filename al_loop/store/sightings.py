"""Sightings: what somebody has looked at, and for how long it has looked the same.

A heartbeat is written with the clock of the node that writes it, and that clock may be an
hour off. Whether it has stopped is seen here by the server's clock alone: from the moment at
which this very value was first seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pymongo
from pymongo import IndexModel, errors
from pymongo.collection import Collection

from al_loop.store.roles import only_reading
from al_loop.store.table import Client, Document, Table

_FORGET_SECONDS = 7 * 24 * 3600
_DUPLICATE_KEY = 11000


class Sightings:
    """Collection ``sightings``. Forgets by itself what nobody has looked at for a week."""

    def __init__(self, client: Client) -> None:
        old = IndexModel([("last", 1)], expireAfterSeconds=_FORGET_SECONDS)
        self.table = Table(client, "sightings", indexes=[old])

    def look(self, looks: Mapping[str, str]) -> dict[str, float]:
        """Seconds, by the server's clock, for which each thing has looked as it does now.

        Parameters
        ----------
        looks
            Thing -> how it looks (its heartbeat, say). Two round trips, however many they are.
        """
        if not looks:
            return {}
        self.table._run(lambda c: _write_looks(c, looks))
        age = {"$subtract": ["$$NOW", "$first"]}
        found = self.table.find_keys(looks, fields={"value": 1, "age": age})
        ages = {d["_id"]: d["age"] / 1000 for d in found if d["value"] == looks[d["_id"]]}
        return {key: ages.get(key, 0.0) for key in looks}

    def claim(self, key: str, value: str, *, seconds: float = 60.0) -> bool:
        """The right to do something about a thing that looks like this; True for one caller.

        It lapses after ``seconds``: who had it may have died.
        """
        lapsed = {"$lt": ["$claimed", {"$subtract": ["$$NOW", int(seconds * 1000)]}]}
        free = {"$or": [{"claimed": None}, {"$expr": lapsed}]}
        return self.table.change(
            {"_id": key, "value": value, **free}, [{"$set": {"claimed": "$$NOW"}}]
        )


def _write_looks(collection: Collection[Document], looks: Mapping[str, str]) -> None:
    operations = [pymongo.UpdateOne({"_id": k}, _look(v), upsert=True) for k, v in looks.items()]
    try:
        with only_reading():  # who may only read sees what others have seen
            collection.bulk_write(operations, ordered=False)
    except errors.BulkWriteError as error:  # another process saw it first at the same moment
        if any(e["code"] != _DUPLICATE_KEY for e in error.details["writeErrors"]):
            raise


def _look(value: str) -> list[dict[str, Any]]:
    same = {"$eq": ["$value", {"$literal": value}]}
    return [
        {
            "$set": {
                "first": {"$cond": [same, "$first", "$$NOW"]},
                "claimed": {"$cond": [same, "$claimed", None]},
                "value": {"$literal": value},
                "last": "$$NOW",
            }
        }
    ]
