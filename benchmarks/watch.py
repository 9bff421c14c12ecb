"""What a call costs, with what mongod did for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What a call took: seconds on the wall, and of CPU (ours and mongod's)."""

    wall: float
    cpu: float


class Watch:
    """Measures calls."""

    def __init__(self, mongod: int) -> None:
        self._tasks = Path(f"/proc/{mongod}/task")

    def measure(self, action: Callable[[], object]) -> Cost:
        """Do something and say what it took."""
        before, cpu, start = self._server(), time.process_time(), time.perf_counter()
        action()
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        return Cost(wall, cpu + max(0.0, self._server() - before))

    def _server(self) -> float:
        """CPU seconds of mongod so far."""
        total = 0
        for task in self._tasks.iterdir():
            with suppress(OSError):  # a thread that has just ended
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9
