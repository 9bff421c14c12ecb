"""FireWorks' LaunchPad on al_loop's own database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from fireworks import LaunchPad
from pymongo.errors import PyMongoError

from al_loop.launch.loading import only_our_objects
from al_loop.store import Connection
from al_loop.store.faults import translate
from al_loop.store.outages import persist
from al_loop.store.roles import only_reading

JOB_ID = "spec.al_loop.id"
CAMPAIGN = "spec.al_loop.campaign"


class DiscreetLaunchPad(LaunchPad):  # type: ignore[misc]  # FireWorks is not typed
    """A LaunchPad that does not show its password; FireWorks' own does, in its ``repr``."""

    def __repr__(self) -> str:
        return f"<LaunchPad {connection_of(self).address}>"


AnyLaunchPad = TypeVar("AnyLaunchPad", bound=LaunchPad)


@contextmanager
def open_launchpad(connection: Connection) -> Iterator[DiscreetLaunchPad]:
    """LaunchPad of a database, quiet; a new database gets FireWorks' counters and indexes.

    The driver's errors, also of what is done with it, become DatabaseError.
    """
    with opened(connection, DiscreetLaunchPad) as launchpad:
        try:
            yield launchpad
        except PyMongoError as error:
            raise translate(error, connection) from None


@contextmanager
def opened(connection: Connection, kind: type[AnyLaunchPad]) -> Iterator[AnyLaunchPad]:
    """LaunchPad of this kind; the driver's errors become DatabaseError until it is ready."""
    try:
        launchpad = kind(**{**connection.launchpad_dict(), "strm_lvl": "CRITICAL"})
    except (PyMongoError, OSError, TypeError, ValueError) as error:
        # Its text may quote a piece of the password.
        raise translate(error, connection) from None
    try:
        try:
            with only_reading():
                persist(lambda: prepare(launchpad), seconds=connection.patience)
        except PyMongoError as error:
            raise translate(error, connection) from None
        with only_our_objects():
            yield launchpad
    finally:
        launchpad.connection.close()


def connection_of(launchpad: LaunchPad) -> Connection:
    """The connection that a launchpad uses, so that a Firetask needs no secret of its own."""
    return Connection.model_validate(
        {
            "host": launchpad.host,
            "port": launchpad.port,
            "name": launchpad.name,
            "username": launchpad.username,
            "password": launchpad.password,
            "authsource": launchpad.authsource,
            "uri_mode": launchpad.uri_mode,
            "mongoclient_kwargs": launchpad.mongoclient_kwargs,
        }
    )


def newest_workflows(
    launchpad: LaunchPad, campaign: str, *, most: int = 10
) -> list[dict[str, Any]]:
    """``nodes``, ``name`` and ``state`` of a campaign's latest workflows, the newest first."""
    fields = {"_id": 0, "nodes": {"$slice": 1}, "name": 1, "state": 1}
    found = launchpad.workflows.find({"metadata.campaign": campaign}, fields)
    return list(found.sort("_id", -1).limit(most))


def prepare(launchpad: LaunchPad) -> None:
    """Make a database ready for FireWorks, without touching what is there.

    ``LaunchPad.reset`` would do it too, and delete everything.
    """
    new = launchpad.fw_id_assigner.update_one(
        {}, {"$setOnInsert": {"next_fw_id": 1, "next_launch_id": 1}}, upsert=True
    )
    if new.upserted_id is not None:
        launchpad.tuneup()  # in the foreground it would compact an empty database, for seconds
    launchpad.workflows.create_index(
        "metadata.key", unique=True, partialFilterExpression={"metadata.key": {"$type": "string"}}
    )
    launchpad.workflows.create_index([("metadata.campaign", 1), ("_id", -1)], sparse=True)
    launchpad.workflows.create_index("locked", partialFilterExpression={"locked": True})
    # Sparse, not partial: a partial index on strings does not serve `$in`.
    launchpad.fireworks.create_index(JOB_ID, sparse=True, name="al_loop_job")
    launchpad.fireworks.create_index([(CAMPAIGN, 1), ("state", 1)], name="al_loop_campaign")
