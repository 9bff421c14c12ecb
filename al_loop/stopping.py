"""Ask a job to stop: its walltime ends, somebody types Ctrl-C or `al-loop stop`.

A job runs in a process of its own, so the request is the process's: SIGTERM, or a file named
``stop`` in the job folder (which reaches a node that no signal reaches). The engine looks at
:func:`requested` at every point from which it can go on later (a sample, a checkpoint, a label),
saves what it has, and raises :class:`al_loop.errors.JobStopped`.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from al_loop.errors import JobStopped

STOP_FILE = "stop"
_LOOK_SECONDS = 1.0


class _Request:
    """The one request of this process."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.folder: Path | None = None
        self.next_look = 0.0

    def is_there(self) -> bool:
        if self.event.is_set():
            return True
        now = time.monotonic()
        if self.folder is not None and now >= self.next_look:
            self.next_look = now + _LOOK_SECONDS
            if (self.folder / STOP_FILE).is_file():
                self.event.set()
        return self.event.is_set()


_request = _Request()


@contextlib.contextmanager
def listening(folder: Path) -> Iterator[None]:
    """While the job of a folder runs: hear SIGTERM (in the main thread) and the ``stop`` file.

    A request that came in before is forgotten: this is another job, or the same one again.
    """
    _request.event.clear()
    _request.folder, _request.next_look = folder, 0.0
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _on_signal) if main else None
    try:
        yield
    finally:
        _request.folder = None
        _request.event.clear()
        if main:
            signal.signal(signal.SIGTERM, before)


def request() -> None:
    """Ask this process's job to stop."""
    _request.event.set()


def requested() -> bool:
    """Whether this process's job has been asked to stop. Cheap: may be called at every step."""
    return _request.is_there()


def expected(seconds: float) -> bool:
    """Whether a request is there, or comes within some seconds.

    A queue signals all processes of a job at once: an engine's own process may be gone before
    the one that drives it has heard of it.
    """
    end = time.monotonic() + seconds
    while not requested() and time.monotonic() < end:
        _request.event.wait(0.1)
    return requested()


def stop_if_requested(where: Path) -> None:
    """Raise JobStopped when the job has been asked to stop; all that is done must be on disk."""
    if requested():
        raise JobStopped("stopped on request; it goes on where it was", where=where)


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    _request.event.set()
