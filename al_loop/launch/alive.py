"""Who runs a job, and whether it lives: names of workers, and their heartbeats."""

from __future__ import annotations

import socket

from fireworks.core import rocket

from al_loop.loop.advance import process_is_dead

WORKER_PREFIX = "al-loop "

BEAT_SECONDS = 60
"""Our workers say this often that they live (FireWorks' own: once an hour)."""

SILENT_SECONDS = 600.0
"""One of our workers that has said nothing for this long is dead."""


def worker_name(process: str) -> str:
    """FireWorks' name of a worker of ours, from which its process can be found."""
    return f"{WORKER_PREFIX}{process}"


def is_ours(worker: str) -> bool:
    """Whether a worker is an al_loop process, named after it."""
    return worker.startswith(WORKER_PREFIX)


def is_here(worker: str) -> bool:
    """Whether a worker of ours runs, or ran, on this host."""
    return worker.removeprefix(WORKER_PREFIX).partition(":")[0] == socket.gethostname()


def is_dead(worker: str) -> bool:
    """Whether a worker of ours ran on this host and its process is gone."""
    return is_ours(worker) and process_is_dead(worker.removeprefix(WORKER_PREFIX))


def beat_often() -> None:
    """Have this process's heartbeat come every minute at least; to be called by each worker."""
    rocket.PING_TIME_SECS = min(rocket.PING_TIME_SECS, BEAT_SECONDS)
