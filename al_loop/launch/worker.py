"""A local worker: pulls the fireworks of one campaign and runs them, one at a time."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from pathlib import Path

from fireworks import FWorker
from fireworks.core.rocket_launcher import launch_rocket

from al_loop.launch.child import die_with_parent, redirected, start_fork_server
from al_loop.launch.launchpad import CAMPAIGN, open_launchpad
from al_loop.launch.reconcile import worker_name
from al_loop.loop.advance import process_name
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

    def kill(self) -> None:
        """End it at once, whatever it does; its job goes with it and can be done again."""
        self.process.kill()
        self.process.join()


def _work(connection: Connection, campaign: str, preload: tuple[str, ...], log: str) -> None:
    """Body of the worker process."""
    os.setsid()
    die_with_parent()
    os.chdir(Path(log).parent)  # FireWorks takes the current folder for a launch's first
    start_fork_server(preload, log=Path(log))
    with redirected(Path(log)), open_launchpad(connection) as launchpad:
        fworker = FWorker(worker_name(process_name()), query={CAMPAIGN: campaign})
        while True:
            if not (
                launchpad.run_exists(fworker)
                and launch_rocket(launchpad, fworker, strm_lvl="CRITICAL")
            ):
                time.sleep(POLL_SECONDS)
