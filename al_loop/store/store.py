"""The store: every collection of a database behind one door."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from pymongo.database import Database

from al_loop.store.campaigns import Campaigns
from al_loop.store.connection import Connection
from al_loop.store.events import Events
from al_loop.store.files import Files
from al_loop.store.frames import Frames
from al_loop.store.glasses import Glasses
from al_loop.store.iterations import Iterations
from al_loop.store.jobs import Jobs
from al_loop.store.labels import Labels
from al_loop.store.methods import Methods
from al_loop.store.models import Models
from al_loop.store.quenches import Quenches
from al_loop.store.relabels import Relabels
from al_loop.store.roles import only_reading
from al_loop.store.selections import Selections
from al_loop.store.sightings import Sightings
from al_loop.store.table import Client, Document, Table
from al_loop.store.training_sets import TrainingSets
from al_loop.store.walks import Walks

_META = "al_loop_meta"
_INDEX_VERSION = 9
"""To be raised when an index is added: the next process to connect then makes it."""


class Store:
    """MongoDB as al_loop sees it. Connects on first use; may be used after a fork.

    All writes may be done again, and by many processes at once. Every method raises
    DatabaseError when the database cannot be reached or refuses.
    """

    def __init__(self, connection: Connection, *, patience: float = 5.0) -> None:
        """``patience``: seconds to wait for the first answer of the server."""
        self.connection = connection
        self._client = client = Client(connection, patience=patience)
        self.campaigns = Campaigns(client)
        self.frames = Frames(client)
        self.selections = Selections(client)
        self.methods = Methods(client)
        self.labels = Labels(client)
        self.relabels = Relabels(client)
        self.files = Files(client)
        self.models = Models(client)
        self.training_sets = TrainingSets(client, self.files)
        self.iterations = Iterations(client)
        self.jobs = Jobs(client)
        self.walks = Walks(client, self.files)
        self.quenches = Quenches(client)
        self.glasses = Glasses(client)
        self.events = Events(client)
        self.sightings = Sightings(client)
        client.on_connect(self._ensure_indexes)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def database(self) -> Database[Document]:
        """The database itself, for FireWorks, which shares it."""
        return self._client.database

    def ping(self) -> None:
        """Return if the server answers and lets us in; DatabaseError otherwise."""
        self._client.ping()

    def close(self) -> None:
        """Close the connections. The next use opens them again."""
        self._client.close()

    def _tables(self) -> list[Table]:
        keepers = (
            self.campaigns,
            self.frames,
            self.selections,
            self.methods,
            self.labels,
            self.relabels,
            self.models,
            self.training_sets,
            self.iterations,
            self.jobs,
            self.walks,
            self.quenches,
            self.glasses,
            self.events,
            self.sightings,
        )
        return [*(keeper.table for keeper in keepers), self.files.files, self.files.chunks]

    def _ensure_indexes(self, database: Database[Document]) -> None:
        """Make the indexes once per database: one read on every later connect.

        Only speed hangs on them (what must be unique is so by ``_id``), so it does no harm
        when somebody drops one, or when a user who may only read finds none.
        """
        done = database[_META].find_one({"_id": "indexes"})
        if done is None or done["version"] < _INDEX_VERSION:
            with only_reading():
                self._make_indexes(database)

    def _make_indexes(self, database: Database[Document]) -> None:
        for table in self._tables():
            if table.indexes:
                database[table.name].create_indexes(list(table.indexes))
        version = {"$max": {"version": _INDEX_VERSION}}
        database[_META].update_one({"_id": "indexes"}, version, upsert=True)

    def missing_indexes(self) -> list[str]:
        """Indexes that somebody dropped, or that a restored dump came without."""
        missing: list[str] = []
        for table in self._tables():
            wanted = {str(index.document["name"]) for index in table.indexes}
            missing += [f"{table.name}.{name}" for name in sorted(wanted - table.index_names())]
        return missing

    def is_ahead(self) -> bool:
        """Whether a newer al_loop has written to this database."""
        marker = self._client.guarded(lambda database: database[_META].find_one({"_id": "indexes"}))
        return marker is not None and marker["version"] > _INDEX_VERSION

    def make_indexes(self) -> None:
        """Make the indexes that are missing."""
        self._client.guarded(self._make_indexes)

    def clock(self) -> datetime:
        """Time of the server's clock, UTC."""
        answer = self._client.guarded(lambda database: database.command("hello"))
        moment: datetime = answer["localTime"]
        return moment.replace(tzinfo=timezone.utc)

    def delete_campaign(self, name: str) -> None:
        """Forget a campaign that does not run: all of it except frames, labels and melt-quenches.

        Files and training sets that another campaign uses stay.
        """
        mine: dict[str, Any] = {"campaign": name}
        models = self.models.table.find(mine, fields={"files": 1, "training_set": 1})
        walks = self.walks.table.find({**mine, "files": {"$exists": True}}, fields={"files": 1})
        files = {entry["id"] for model in models for entry in model["files"]}
        glasses = self.glasses.table.find(mine, fields={"files": 1})
        files |= {key for one in [*walks, *glasses] for key in one["files"]}
        planned = self.iterations.table.find(mine, fields={"frozen.training_set": 1})
        sets = {model["training_set"] for model in models}
        sets |= {
            f["training_set"]["key"]
            for p in planned
            if "training_set" in (f := p.get("frozen", {}))
        }
        # Its parts first and itself last: a deletion that is cut short can be done again.
        for keeper in (self.selections, self.jobs, self.events, self.iterations):
            keeper.table.delete(mine)
        self._drop_unused(mine, files=files, sets=sets)
        self.campaigns.table.delete({"_id": name})

    def _drop_unused(self, mine: dict[str, Any], *, files: set[str], sets: set[str]) -> None:
        others = {"campaign": {"$ne": mine["campaign"]}}
        files |= self._drop_sets(sets, others)
        for key in files:
            used = self.models.table.count({"files.id": key, **others})
            used += self.walks.table.count({"files": key, **others})
            used += self.glasses.table.count({"files": key, **others})
            used += self.training_sets.table.count({"file": key})
            if not used:
                self.files.delete([key])
        self.models.table.delete(mine)
        self.walks.table.delete(mine)
        self.glasses.table.delete(mine)

    def _drop_sets(self, sets: set[str], others: dict[str, Any]) -> set[str]:
        """Delete training sets that nobody uses, and then their parents; files they leave."""
        files: set[str] = set()
        keys = sorted(sets)
        while keys:
            key = keys.pop()
            used = self.training_sets.table.count({"parent": key})
            used += self.models.table.count({"training_set": key, **others})
            used += self.iterations.table.count({"frozen.training_set.key": key, **others})
            entry = None if used else self.training_sets.table.get(key)
            if entry is not None:
                files |= {entry["file"]} if "file" in entry else set()
                self.training_sets.table.delete({"_id": key})
                keys += [entry["parent"]] if "parent" in entry else []
        return files
