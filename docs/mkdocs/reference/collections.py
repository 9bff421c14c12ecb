"""Page "Database collections": the records of `al_loop.store`, their fields and indexes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import griffe

from al_loop.store import Connection, Store
from reference.text import heading, prose, table

_HEAD = """# Database collections

What MongoDB holds of campaigns. [Architecture](../ARCHITECTURE.md) says how they belong together.
Arrays are binary, with their type and shape; times are UTC. FireWorks' own collections stand beside
these in the same database and may be lost: they hold nothing that these do not.

[`status --json`](../status.md) is stable; these documents are not: read them, but write nothing
here by hand.
"""


def page() -> str:
    """The page."""
    package = griffe.load("al_loop.store")
    keepers = vars(Store(Connection())).values()
    kept = [one for one in keepers if hasattr(one, "table")]
    parts = [part for one in kept for part in _collection(one, package)]
    return "\n\n".join([_HEAD, *parts, *_files(package)])


def _collection(keeper: Any, package: Any) -> Iterator[str]:
    name = keeper.table.name
    module = package[type(keeper).__module__.removeprefix("al_loop.store.")]
    yield heading(2, f"`{name}`", name)
    yield prose(type(keeper).__doc__).removeprefix(f"Collection `{name}`.").strip()
    for record in module.classes.values():
        if record.name != type(keeper).__name__ and _is_stored(record):
            yield from _record(record)
    if indexes := [_fields(index.document["key"]) for index in keeper.table.indexes]:
        yield f"Indexes: {'; '.join(indexes)}."


def _fields(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _is_stored(record: Any) -> bool:
    bases = [str(base) for base in record.bases]
    return "Record" in bases or "Key:" in (record.docstring.value if record.docstring else "")


def _record(record: Any) -> Iterator[str]:
    yield f"**{record.name}.** {prose(record.docstring.value if record.docstring else '')}"
    rows = [
        (f"`{name}`", f"`{one.annotation}`", prose(one.docstring.value if one.docstring else ""))
        for name, one in record.attributes.items()
        if one.annotation is not None
    ]
    yield table(("field", "type", "meaning"), rows)


def _files(package: Any) -> Iterator[str]:
    yield heading(2, "`al_files`", "al_files")
    yield prose(package["files"].classes["Files"].docstring.value)
