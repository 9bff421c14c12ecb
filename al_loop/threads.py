"""One thread for libraries with OpenMP, whatever the environment says."""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any


def one_thread(library: str) -> AbstractContextManager[Any]:
    """While it lasts, OpenMP has one thread: the order of summation, so the last bit, is the same.

    ``library`` is the Python module whose OpenMP is meant; it is imported here, to be found.
    """
    return _controller(library).limit(limits=1, user_api="openmp")  # type: ignore[no-any-return]


@lru_cache
def _controller(library: str) -> Any:
    importlib.import_module(library)
    return importlib.import_module("threadpoolctl").ThreadpoolController()
