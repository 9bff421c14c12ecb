"""The workers of `al-loop run`: who dies is replaced."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

YOUNG_SECONDS = 5.0


class Hired(Protocol):
    """A worker process."""

    def is_alive(self) -> bool:
        """Whether the process is there."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


class Crew:
    """As many workers as there are jobs at a time."""

    def __init__(self, hire: Callable[[], Hired], size: int) -> None:
        self._hire = hire
        self._workers: list[tuple[Hired, float]] = []
        for _ in range(size):
            self._workers.append((hire(), time.monotonic()))

    def replace_dead(self) -> int:
        """Put new workers in the place of dead ones, and return how many.

        One that died young is replaced a little later: if something is wrong with this machine,
        it will hit the next one too.
        """
        replaced = 0
        for i, (worker, hired) in enumerate(self._workers):
            if not worker.is_alive() and time.monotonic() - hired > YOUNG_SECONDS:
                self._workers[i] = self._hire(), time.monotonic()
                replaced += 1
        return replaced

    def kill(self) -> None:
        """End all of them at once."""
        for worker, _ in self._workers:
            worker.kill()
