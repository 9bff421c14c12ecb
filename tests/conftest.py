"""Fixtures that several rooms share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings

from al_loop.store import Connection
from tests.mongo import ScratchServer, connection, mongod, store
from tests.slurm.fixture import slurm

__all__ = ["connection", "mongod", "slurm", "store"]

# Machines are shared: a slow example is no failure.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def new_database(mongod: ScratchServer) -> Callable[[], Connection]:
    """Makes databases that nobody has used."""
    return mongod.fresh
