"""What has been worked out, for as long as what it came from is as it was."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by key, each with the stamp of what it was made from; the latest ``most`` stay."""

    def __init__(self, most: int = 200) -> None:
        self._lock = threading.Lock()
        self._most = most
        self._known: dict[Hashable, tuple[object, Value]] = {}

    def get(self, key: Hashable, stamp: object, make: Callable[[], Value]) -> Value:
        """The value under a key, made anew where its stamp is another one.

        Two threads that ask at once may both make it.
        """
        with self._lock:
            known = self._known.pop(key, None)
            if known is not None and known[0] == stamp:
                self._known[key] = known
                return known[1]
        made = make()
        with self._lock:
            self._known[key] = (stamp, made)
            for oldest in list(self._known)[: -self._most]:
                del self._known[oldest]
        return made
