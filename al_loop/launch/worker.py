"""A local worker: pulls the fireworks of one campaign and runs them, one at a time."""

from __future__ import annotations

import os
import time
from pathlib import Path

from fireworks import FWorker
from fireworks.core.rocket_launcher import launch_rocket

from al_loop.launch.child import CONTEXT, die_with_parent, redirected
from al_loop.launch.launchpad import CAMPAIGN, open_launchpad
from al_loop.launch.reconcile import worker_name
from al_loop.loop.advance import process_name
from al_loop.store import Connection

POLL_SECONDS = 0.1


class Worker:
    """A worker process, started from the fork server and gone with the process that started it."""

    def __init__(self, connection: Connection, campaign: str, *, log: Path) -> None:
        self.process = CONTEXT.Process(target=_work, args=(connection, campaign, str(log)))
        self.process.start()

    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self.process.is_alive()

    def kill(self) -> None:
        """End it at once, whatever it does; its job goes with it and can be done again."""
        self.process.kill()
        self.process.join()


def _work(connection: Connection, campaign: str, log: str) -> None:
    """Body of the worker process."""
    os.setsid()
    die_with_parent()
    os.chdir(Path(log).parent)  # FireWorks takes the current folder for a launch's first
    with redirected(Path(log)):
        launchpad = open_launchpad(connection)
        fworker = FWorker(worker_name(process_name()), query={CAMPAIGN: campaign})
        while True:
            if not (
                launchpad.run_exists(fworker)
                and launch_rocket(launchpad, fworker, strm_lvl="CRITICAL")
            ):
                time.sleep(POLL_SECONDS)
