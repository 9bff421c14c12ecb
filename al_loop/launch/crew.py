"""The workers of `al-loop run`: who dies is replaced."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

YOUNG_SECONDS = 5.0
LONGEST_PAUSE = 60.0


class Hired(Protocol):
    """A worker process."""

    def is_alive(self) -> bool:
        """Whether the process is there."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


@dataclass
class _Place:
    """Where one worker after another works."""

    worker: Hired
    hired: float
    found_dead: float | None = None
    young: int = 0
    """How many have died young, one after another."""

    def is_due(self, now: float) -> bool:
        """Whether it is time to replace the worker, which is dead."""
        if self.found_dead is None:
            self.found_dead = now
            self.young = self.young + 1 if now - self.hired < YOUNG_SECONDS else 0
        if now - self.found_dead < min(self.young * YOUNG_SECONDS, LONGEST_PAUSE):
            return False
        self.found_dead = None
        return True


class Crew:
    """As many workers as there are jobs at a time."""

    def __init__(self, hire: Callable[[], Hired], size: int) -> None:
        self._hire = hire
        self._workers = [_Place(hire(), time.monotonic()) for _ in range(size)]

    def replace_dead(self) -> int:
        """Put new workers in the place of dead ones, and return how many.

        One that died young is replaced a little later, and later each time: if something is wrong
        with this machine, it will hit the next one too.
        """
        replaced = 0
        for place in self._workers:
            if place.worker.is_alive() or not place.is_due(time.monotonic()):
                continue
            place.worker, place.hired = self._hire(), time.monotonic()
            replaced += 1
        return replaced

    def kill(self) -> None:
        """End all of them at once."""
        for place in self._workers:
            place.worker.kill()
