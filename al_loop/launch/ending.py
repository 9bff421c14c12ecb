"""How a worker ends: a signal or the walltime asks its job to stop, then the job is killed."""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from al_loop.launch.child import kill_jobs, stop_jobs

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)
"""What queues send before they kill, and what a person sends."""

LAST_SECONDS = 5.0
"""After the jobs were killed: to write down what became of them."""


class Ending:
    """While a worker works (``with Ending(...)``): whoever asks it to stop gets a clean end.

    Times in seconds: ``stop_after`` from now on the job is asked to stop, and has ``grace`` for it.
    """

    def __init__(
        self, *, grace: float, stop_after: float = math.inf, report: Callable[[str], None]
    ) -> None:
        self.asked = False
        self.busy = False
        """A job runs: set by the worker."""
        self._grace = grace
        self._stop_after = stop_after
        self._report = report
        self._finished = threading.Event()
        self._before: dict[signal.Signals, Any] = {}
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Ending:
        self._before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        if math.isfinite(self._stop_after):
            self._timer = threading.Timer(self._stop_after, self.ask)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._finished.set()
        if self._timer is not None:
            self._timer.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def ask(self) -> None:
        """Ask the job to stop, once. Returns at once: a signal's handler must not wait."""
        if not self.asked:
            self.asked = True
            threading.Thread(target=self._wind_down, daemon=True, name="wind-down").start()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.ask()

    def _wind_down(self) -> None:
        """See to it that this process ends in time, and that its jobs go with it."""
        self._report("asked to stop")
        stop_jobs()
        if self._finished.wait(self._grace if self.busy else LAST_SECONDS):
            return
        kill_jobs()
        if self._finished.wait(LAST_SECONDS):
            return
        self._report("ends without an answer of the database: the next mending pass cleans up")
        os._exit(1 if self.busy else 0)
