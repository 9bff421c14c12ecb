"""A worker of this machine, in a process of its own: it runs the jobs of one campaign."""

from __future__ import annotations

import math
import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from fireworks import FWorker

from al_loop.launch.child import die_with_parent, redirected, start_fork_server
from al_loop.launch.pull import Orders, Puller
from al_loop.store import Connection

POLL_SECONDS = 0.1


class Worker:
    """A worker process with a fork server of its own, gone with the process that started it.

    ``preload`` are the modules that its jobs need: the fork server imports them at once.
    """

    def __init__(
        self, connection: Connection, campaign: str, *, preload: Sequence[str], log: Path
    ) -> None:
        self.process = multiprocessing.get_context("spawn").Process(
            target=_work, args=(connection, campaign, tuple(preload), str(log))
        )
        self.process.start()

    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self.process.is_alive()

    def stop(self) -> None:
        """Ask it to stop cleanly: its job saves what it has and is put back."""
        self.process.terminate()

    def kill(self) -> None:
        """End it at once, whatever it does; its job goes with it and can be done again."""
        self.process.kill()
        self.process.join()


def _work(connection: Connection, campaign: str, preload: tuple[str, ...], log: str) -> None:
    """Body of the worker process."""
    os.setsid()
    die_with_parent()
    orders = Orders(campaign, idle=math.inf, longest_poll=POLL_SECONDS, vetted=True)
    start_fork_server(preload, log=Path(log))
    with redirected(Path(log)):
        puller = Puller(connection, FWorker("this machine"), orders, report=_say)
        puller.work()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
