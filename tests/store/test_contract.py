"""The store keeps its contract, on a real mongod."""

import pytest

from .contract import StoreContract

pytestmark = pytest.mark.engine


class TestStore(StoreContract):
    pass
