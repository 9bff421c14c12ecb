"""Fixtures that several rooms share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from al_loop.store import Connection
from tests.mongo import ScratchServer, connection, mongod, store

__all__ = ["connection", "mongod", "store"]


@pytest.fixture(scope="session")
def new_database(mongod: ScratchServer) -> Callable[[], Connection]:
    """Makes databases that nobody has used."""
    return mongod.fresh
