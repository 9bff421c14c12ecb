"""Who may do what in a database: users with the least rights that their work needs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import pymongo
from pymongo import MongoClient, errors
from pymongo.database import Database

from al_loop.errors import DatabaseError
from al_loop.store.connection import Connection

Role = Literal["work", "read"]

ROLES: dict[Role, str] = {"work": "readWrite", "read": "read"}
"""What a user is for -> MongoDB's own role, on the one database.

``work`` is all that al_loop, FireWorks and ``lpad`` need; ``read`` is enough for ``al-loop status``
and ``al-loop export``.
"""

_NOT_ALLOWED = 13
_PATIENCE = 20.0


@contextlib.contextmanager
def only_reading() -> Iterator[None]:
    """Within, a write that this user may not do is left out: for what is done for speed only."""
    try:
        yield
    except errors.OperationFailure as error:
        if error.code != _NOT_ALLOWED:
            raise


def put_user(uri: str, connection: Connection, *, role: Role) -> None:
    """Make the user of a connection, or give it this password and role.

    ``uri``: the server, opened by somebody who may make users.
    """
    password = connection.password.get_secret_value() if connection.password else ""
    roles = [{"role": ROLES[role], "db": connection.name}]
    with _administered(uri, connection) as database:
        known = database.command("usersInfo", connection.username)["users"]
        verb = "updateUser" if known else "createUser"
        database.command(verb, connection.username, pwd=password, roles=roles)


def drop_user(uri: str, connection: Connection) -> None:
    """Forget the user of a connection; nothing is done when there is none."""
    with _administered(uri, connection) as database:
        if database.command("usersInfo", connection.username)["users"]:
            database.command("dropUser", connection.username)


@contextlib.contextmanager
def _administered(uri: str, connection: Connection) -> Iterator[Database[dict[str, Any]]]:
    client: MongoClient[dict[str, Any]] = MongoClient(uri, directConnection=True, journal=True)
    try:
        with pymongo.timeout(_PATIENCE):
            yield client[connection.name]
    except errors.PyMongoError as error:
        text = connection.redact(str(error))
        raise DatabaseError(f"the database's user cannot be made: {text}") from None
    finally:
        client.close()
