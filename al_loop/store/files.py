"""Files: models and other large things, in GridFS' layout, named by their content."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from bson.binary import Binary
from pymongo import IndexModel

from al_loop.errors import DatabaseError
from al_loop.hashing import file_digest
from al_loop.store.record import now
from al_loop.store.table import Client, Document, Table

_CHUNK = 1 << 20
"""Bytes in a chunk. For ever: the pieces of a file that a killed process left are used again."""
_CHUNKS_PER_WRITE = 8


class Files:
    """GridFS bucket ``al_files`` (collections ``al_files.files`` and ``al_files.chunks``).

    The id of a file is the SHA-256 of its content, and that of a chunk follows from it, so
    storing a file twice, or at the same time from two processes, or after a kill halfway,
    stores it once. Any GridFS client (``mongofiles --prefix al_files``) can read it.
    """

    def __init__(self, client: Client) -> None:
        self.files = Table(client, "al_files.files")
        order = IndexModel([("files_id", 1), ("n", 1)], unique=True)
        self.chunks = Table(client, "al_files.chunks", indexes=[order])

    def put(self, path: Path) -> str:
        """Store a file and return its id."""
        key = file_digest(path)
        with path.open("rb") as stream:
            return self._put(key, iter(lambda: stream.read(_CHUNK), b""), name=path.name)

    def put_bytes(self, content: bytes, *, name: str) -> str:
        """Store bytes as a file and return its id."""
        pieces = (content[i : i + _CHUNK] for i in range(0, len(content), _CHUNK))
        return self._put(hashlib.sha256(content).hexdigest(), pieces, name=name)

    def _put(self, key: str, pieces: Iterator[bytes], *, name: str) -> str:
        if self.files.get(key) is not None:
            return key
        length, batch = 0, list[Document]()
        state = hashlib.sha256()
        for n, piece in enumerate(pieces):
            state.update(piece)
            length += len(piece)
            batch.append({"_id": f"{key}:{n}", "files_id": key, "n": n, "data": Binary(piece)})
            if len(batch) == _CHUNKS_PER_WRITE:
                self.chunks.insert_absent(batch)
                batch = []
        self.chunks.insert_absent(batch)
        if state.hexdigest() != key:
            # The chunks that were written are wrong for this id: nobody may use them.
            self.chunks.delete({"files_id": key})
            raise DatabaseError("the file changed while it was stored", where=name)
        # Last: a file is there when all of it is.
        body = {"length": length, "chunkSize": _CHUNK, "uploadDate": now(), "filename": name}
        self.files.insert_absent([{"_id": key, **body}])
        return key

    def get_bytes(self, key: str) -> bytes:
        """Content of a file; DatabaseError when it is not there or is damaged."""
        return b"".join(self._pieces(key))

    def fetch(self, key: str, path: Path) -> None:
        """Write a file to ``path`` in one step; nothing is done when it is there already."""
        if path.is_file() and file_digest(path) == key:
            return
        scratch = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            with scratch.open("wb") as stream:
                for piece in self._pieces(key):
                    stream.write(piece)
                stream.flush()
                os.fsync(stream.fileno())
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)

    def _pieces(self, key: str) -> Iterator[bytes]:
        entry = self.files.get(key)
        if entry is None:
            raise DatabaseError(f"file {key[:12]} is not in the database")
        state = hashlib.sha256()
        for n in range(-(-entry["length"] // entry["chunkSize"])):
            chunk = self.chunks.get(f"{key}:{n}")
            if chunk is None:
                raise DatabaseError(f"file {key[:12]} in the database has lost chunk {n}")
            state.update(chunk["data"])
            yield bytes(chunk["data"])
        if state.hexdigest() != key:
            raise DatabaseError(f"file {key[:12]} in the database is damaged")

    def known(self, keys: Iterable[str]) -> set[str]:
        """Which of these files are stored."""
        return {d["_id"] for d in self.files.find_keys(keys, fields={"_id": 1})}

    def delete(self, keys: Iterable[str]) -> None:
        """Delete files. The entry goes first, so that a file is never there in part."""
        for key in keys:
            self.files.delete({"_id": key})
            self.chunks.delete({"files_id": key})
