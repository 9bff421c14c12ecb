"""`al-loop submitter`: keep the queue filled, from the login node."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from al_loop.cli.console import LaunchpadOption, out
from al_loop.launch.site import Site
from al_loop.launch.submitter import Submitter
from al_loop.store import Connection

REFUSED = 1
"""Exit code of `--once` when the queue has refused a job."""


def submitter(
    folder: Annotated[Path, typer.Argument(help="Folder of the site's files.")],
    launchpad: LaunchpadOption = None,
    max_jobs: Annotated[
        int, typer.Option(min=1, help="Jobs of each kind of node in the queue at a time.")
    ] = 50,
    once: Annotated[bool, typer.Option("--once", help="Once, and end (for cron).")] = False,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two looks.")] = 30.0,
    mend_every: Annotated[
        float, typer.Option(min=1, help="Seconds between two mending passes.")
    ] = 180.0,
) -> None:
    """Hand jobs to the queue, each with its own resources, and mend what breaks on the way.

    What the queue refuses is shown, written into the campaign's events, and tried again later.
    The database is the one of the folder's my_launchpad.yaml, or --launchpad.
    """
    site = Site(folder.absolute())
    connection = Connection.from_launchpad_file(launchpad or site.launchpad_file)
    work = Submitter(connection, site, max_jobs=max_jobs, report=_say)
    if once:
        count = work.once()
        _say(f"submitted {count} job{'s' * (count != 1)}")
        raise typer.Exit(REFUSED if work.refused else 0)

    def stop(_number: int, _frame: FrameType | None) -> None:
        work.asked_to_stop = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    kinds = ", ".join(kind.name for kind in site.kinds)
    _say(f"kinds of node: {kinds}; at most {max_jobs} jobs of each; Ctrl-C ends")
    work.forever(every=every, mend_every=mend_every)
    _say("ended; what is in the queue goes on")


def _say(text: str) -> None:
    out.print(f"{time.strftime('%H:%M:%S')} {text}", markup=False, soft_wrap=True)
