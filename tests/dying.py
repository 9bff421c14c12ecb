"""A worker that dies at a chosen moment, by SIGKILL, as a node does that loses its power.

python -m tests.dying LAUNCHPAD CAMPAIGN MOMENT
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fireworks import FWorker, LaunchPad
from fireworks.core.launchpad import WFLock

from al_loop.launch.pull import Orders, Puller
from al_loop.launch.tasks import AdvanceTask
from al_loop.store import Connection
from al_loop.store.frames import Frames
from al_loop.store.iterations import Iterations
from al_loop.store.jobs import Jobs
from al_loop.store.models import Models
from al_loop.store.selections import Selections

When = tuple[type, str, str]
"""A class, one of its methods, and whether death comes before or after it."""

MOMENTS: dict[str, When] = {
    "between reservation and launch": (LaunchPad, "get_new_launch_id", "before"),
    "between launch and job": (LaunchPad, "change_launch_dir", "before"),
    "with a workflow locked": (WFLock, "__enter__", "after"),
    "with a result that nobody has taken in": (AdvanceTask, "run_task", "before"),
    "with labels stored and their job still due": (Jobs, "mark_done", "before"),
    "with models stored in part": (Models, "put", "after"),
    "with jobs stored and their stage not planned": (Iterations, "mark_planned", "before"),
    "with frames stored and not selected": (Frames, "put_many", "after"),
    "with frames selected and the stage not ended": (Selections, "put_many", "after"),
    "with a stage ended and the next not begun": (Iterations, "move", "after"),
    "with an iteration ended and the next not opened": (Iterations, "open", "before"),
    "with a workflow put up in part": (LaunchPad, "bulk_add_wfs", "half-way"),
    "with a firework ended and FireWorks not told": (LaunchPad, "complete_launch", "before"),
}


def die() -> None:
    """At once, without a word."""
    os.kill(os.getpid(), signal.SIGKILL)


def _deadly(method: Callable[..., Any], when: str) -> Callable[..., Any]:
    def before(*args: Any, **kwargs: Any) -> None:
        die()

    def after(*args: Any, **kwargs: Any) -> None:
        method(*args, **kwargs)
        die()

    def half_way(launchpad: LaunchPad, workflows: Any) -> None:
        launchpad.fireworks.insert_many = before
        method(launchpad, workflows)

    return {"before": before, "after": after, "half-way": half_way}[when]


def main(launchpad: str, campaign: str, moment: str) -> None:
    """Work until the moment comes."""
    owner, name, when = MOMENTS[moment]
    setattr(owner, name, _deadly(getattr(owner, name), when))
    orders = Orders(campaign, idle=60.0, longest_poll=0.1, vetted=True)
    connection = Connection.from_launchpad_file(Path(launchpad))
    Puller(connection, FWorker("this machine"), orders, report=_say).work()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
