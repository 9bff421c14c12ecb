"""The seam to pymongo: a client that survives a fork, and a collection with few verbs.

Every verb is done again when the connection breaks, until the connection's patience is at its
end. That is safe because every write is idempotent. The driver's errors become DatabaseError here.
"""

from __future__ import annotations

import os
import ssl
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timezone
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import pymongo
from bson.codec_options import CodecOptions
from pymongo import IndexModel, MongoClient, errors
from pymongo.collection import Collection
from pymongo.database import Database

from al_loop.store.connection import Connection
from al_loop.store.faults import translate
from al_loop.store.outages import persist

Document = dict[str, Any]
Query = Mapping[str, Any]
T = TypeVar("T")

_DUPLICATE_KEY = 11000
_KEYS_PER_QUERY = 5_000
_DOCUMENTS_PER_WRITE = 500


class Client:
    """A MongoClient made when it is first needed, and made anew in a forked process."""

    def __init__(self, connection: Connection, *, patience: float = 5.0) -> None:
        """``patience``: seconds that the first contact may take.

        A person who mistyped an address wants to know at once; a worker in the middle of a
        campaign should have the connection's own patience.
        """
        self.connection = connection
        self.patience = patience
        self._lock = threading.Lock()
        self._client: MongoClient[Document] | None = None
        self._pid = 0
        self._on_connect: list[Callable[[Database[Document]], None]] = []

    def on_connect(self, hook: Callable[[Database[Document]], None]) -> None:
        """Call ``hook`` with the database after each first contact."""
        self._on_connect.append(hook)

    @property
    def database(self) -> Database[Document]:
        """The database; DatabaseError when the first contact fails."""
        if self._client is None or self._pid != os.getpid():
            with self._lock:
                if self._client is None or self._pid != os.getpid():
                    self._client = self._connect()
                    self._pid = os.getpid()
        return self._client[self.connection.name]

    def _connect(self) -> MongoClient[Document]:
        c = self.connection
        client: MongoClient[Document] | None = None
        try:
            if c.uri_mode:
                client = MongoClient(c.host, **c.driver_kwargs)
            else:
                client = MongoClient(
                    c.host,
                    c.port,
                    username=c.username,
                    password=c.password.get_secret_value() if c.password else None,
                    authSource=c.authsource or c.name,
                    **c.driver_kwargs,
                )
            persist(partial(self._greet, client[c.name]), seconds=self.patience)
        except (errors.PyMongoError, ssl.SSLError, OSError, TypeError, ValueError) as error:
            if client is not None:
                client.close()
            raise translate(error, c) from None
        return client

    def _greet(self, database: Database[Document]) -> None:
        with pymongo.timeout(self.patience):
            # A ping needs no rights; this does.
            database["campaigns"].find_one({}, {"_id": 1})
        for hook in self._on_connect:
            hook(database)

    def ping(self) -> None:
        """DatabaseError unless the server answers within ``patience``."""
        with pymongo.timeout(self.patience):
            self.guarded(lambda database: database.command("ping"), seconds=0.0)

    def guarded(
        self, action: Callable[[Database[Document]], T], *, seconds: float | None = None
    ) -> T:
        """Do something with the database; the driver's errors become DatabaseError.

        An outage is waited out, by default for as long as the connection has patience: ``action``
        must be harmless when it is done twice.
        """
        limit = self.connection.patience if seconds is None else seconds
        try:
            return persist(lambda: action(self.database), seconds=limit)
        except errors.PyMongoError as error:
            raise translate(error, self.connection) from None

    def close(self) -> None:
        """Close the connections; the next use opens them again."""
        with self._lock:
            if self._client is not None and self._pid == os.getpid():
                self._client.close()
            self._client = None


class Table:
    """One collection. Times come back in UTC."""

    def __init__(self, client: Client, name: str, *, indexes: Sequence[IndexModel] = ()) -> None:
        self.client = client
        self.name = name
        self.indexes = indexes

    def _run(self, action: Callable[[Collection[Document]], T]) -> T:
        options: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=timezone.utc)
        return self.client.guarded(
            lambda database: action(database.get_collection(self.name, codec_options=options))
        )

    def index_names(self) -> set[str]:
        """Names of the indexes that the collection has."""
        return set(self._run(lambda c: c.index_information()))

    def find(
        self,
        query: Query,
        *,
        fields: Query | None = None,
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
    ) -> list[Document]:
        """All documents that match, in the order of ``sort``."""
        return self._run(
            lambda c: list(c.find(query, fields, sort=list(sort) or None, limit=limit))
        )

    def find_keys(
        self, keys: Iterable[str], *, query: Query | None = None, fields: Query | None = None
    ) -> list[Document]:
        """Documents with these keys, in no order; many keys are asked for in parts."""
        found: list[Document] = []
        for part in _parts(dict.fromkeys(keys), _KEYS_PER_QUERY):
            found += self.find({"_id": {"$in": part}, **(query or {})}, fields=fields)
        return found

    def get(self, key: str) -> Document | None:
        """The document with this key, or None."""
        return self._run(lambda c: c.find_one({"_id": key}))

    def insert_absent(self, documents: Iterable[Document]) -> None:
        """Store the documents whose keys are not there yet; leave the others as they are."""
        for part in _parts(documents, _DOCUMENTS_PER_WRITE):
            self._run(lambda c, part=part: _insert_ignoring_duplicates(c, part))  # type: ignore[misc]

    def insert_dated(self, document: Document, field: str) -> None:
        """Store a document whose ``field`` is to be the time of the server's clock."""
        body = {key: value for key, value in document.items() if key not in ("_id", field)}
        change = {"$setOnInsert": body, "$currentDate": {field: True}}
        self._run(lambda c: c.update_one({"_id": document["_id"]}, change, upsert=True))

    def insert_new(self, document: Document) -> bool:
        """Store the document if its key is not there yet; whether this call did it.

        True for exactly one caller, also when the answer to the first attempt is lost.
        """
        mark = uuid.uuid4().hex
        marked = {**document, "written_by": mark}
        # Whoever goes on at once with what is new may have changed the mark already.
        return self._run(lambda c: _inserted(c, marked)) or self._was_written(document["_id"], mark)

    def change_if(self, key: str, expected: Query, change: Mapping[str, Query]) -> bool:
        """Change the document if it is as expected; whether this call did it.

        ``change`` must make ``expected`` false, then it is True for exactly one caller, also
        when the answer to the first attempt is lost.
        """
        mark = uuid.uuid4().hex
        marked = {**change, "$set": {**change.get("$set", {}), "written_by": mark}}
        changed = self._run(lambda c: c.update_one({"_id": key, **expected}, marked).matched_count)
        return changed == 1 or self._was_written(key, mark)

    def _was_written(self, key: str, mark: str) -> bool:
        query = {"_id": key, "written_by": mark}
        return self._run(lambda c: c.find_one(query, {"_id": 1})) is not None

    def change(self, query: Query, change: Mapping[str, Any] | list[Mapping[str, Any]]) -> bool:
        """Change one document that matches; whether there was one."""
        return self._run(lambda c: c.update_one(query, change).matched_count) == 1

    def replace_where(self, documents: Iterable[Document], query: Query) -> None:
        """Replace those documents that are there and match ``query``."""
        for part in _parts(documents, _DOCUMENTS_PER_WRITE):
            operations = [pymongo.ReplaceOne({"_id": d["_id"], **query}, d) for d in part]
            self._run(lambda c, o=operations: c.bulk_write(o, ordered=False))  # type: ignore[misc]

    def count(self, query: Query) -> int:
        """Number of documents that match."""
        return self._run(lambda c: c.count_documents(query))

    def aggregate(self, pipeline: list[Mapping[str, Any]]) -> list[Document]:
        """Result of an aggregation."""
        return self._run(lambda c: list(c.aggregate(pipeline)))

    def delete(self, query: Query) -> None:
        """Delete all documents that match."""
        self._run(lambda c: c.delete_many(query))


def _inserted(collection: Collection[Document], document: Document) -> bool:
    """Store a document; False where its key is there."""
    try:
        collection.insert_one(document)
    except errors.DuplicateKeyError:
        return False
    return True


def _insert_ignoring_duplicates(
    collection: Collection[Document], documents: list[Document]
) -> None:
    try:
        collection.insert_many(documents, ordered=False)
    except errors.BulkWriteError as error:
        others = [e for e in error.details["writeErrors"] if e["code"] != _DUPLICATE_KEY]
        if others or error.details.get("writeConcernErrors"):
            raise


def _parts(items: Iterable[T], size: int) -> Iterable[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
