"""`al-loop worker`: run jobs on this machine, from a queue's job script or by hand."""

from __future__ import annotations

import math
import os
import re
import time
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from fireworks import FWorker

from al_loop.cli.console import LaunchpadOption, complain, connect, err
from al_loop.errors import UserError
from al_loop.launch.child import ONE_THREAD
from al_loop.launch.guard import NotOurs
from al_loop.launch.node import NodeUnfit
from al_loop.launch.offline import run_offline
from al_loop.launch.pull import Orders, Puller
from al_loop.launch.requests import warning_before
from al_loop.launch.site import read_fworker
from al_loop.launch.tasks import ComputeTask

CANNOT = 3
"""Exit code of a machine that cannot run what it was given; nothing was touched."""


class Mode(str, Enum):
    """How many jobs."""

    rapidfire = "rapidfire"
    singleshot = "singleshot"


def worker(
    mode: Annotated[Mode, typer.Argument(help="One job after the other, or one.")] = Mode.rapidfire,
    launchpad: LaunchpadOption = None,
    fworker: Annotated[
        Path | None,
        typer.Option("--fworker", "-w", help="FireWorks' file of this kind of node (category)."),
    ] = None,
    campaign: Annotated[str | None, typer.Option(help="Only jobs of this campaign.")] = None,
    idle: Annotated[
        float, typer.Option(min=0, help="End when nothing has been ready for so many seconds.")
    ] = 0.0,
    forever: Annotated[bool, typer.Option("--forever", help="Wait for jobs without end.")] = False,
    timeout: Annotated[
        float | None, typer.Option(min=0, help="Begin no job after so many seconds.")
    ] = None,
    walltime: Annotated[
        str | None,
        typer.Option(
            envvar="AL_LOOP_WALLTIME",
            help="HH:MM:SS that the queue gives; the job is asked to stop before. For queues that "
            "send no signal.",
        ),
    ] = None,
    grace: Annotated[
        float,
        typer.Option(
            min=0,
            envvar="AL_LOOP_GRACE",
            help="Seconds that a job has to stop cleanly, after a signal, before it is killed.",
        ),
    ] = 90.0,
    fw_id: Annotated[
        int | None, typer.Option("--fw_id", "--fw-id", "-f", help="Only this firework.")
    ] = None,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Run what lies in this folder; needs no database."),
    ] = False,
) -> None:
    """Run jobs of al_loop on this machine, and nothing else.

    A signal (SIGTERM, SIGINT, SIGUSR1, SIGUSR2) asks the job to stop; it goes on later, elsewhere.
    Exit code 3: this machine cannot run the jobs (an engine is missing, say); none was touched.
    """
    single = mode is Mode.singleshot or offline or fw_id is not None
    orders = Orders(
        campaign=campaign,
        fw_id=fw_id,
        single=single,
        idle=math.inf if forever else idle,
        timeout=math.inf if timeout is None else timeout,
        stop_after=math.inf if walltime is None else _stop_after(walltime),
        grace=grace,
    )
    _use_cores()
    ComputeTask.import_once = not single
    site = FWorker(os.uname().nodename) if fworker is None else read_fworker(fworker)
    try:
        if offline:
            _say(f"offline job: {run_offline(Path.cwd(), orders, report=_say)}")
        else:
            connection = connect(launchpad, start=False)
            count = Puller(connection, site, orders, report=_say).work()
            _say(f"ran {count} job{'s' * (count != 1)}")
    except (NodeUnfit, NotOurs) as error:
        complain(error)
        raise typer.Exit(CANNOT) from None


def _stop_after(walltime: str) -> float:
    """Seconds after which the job is asked to stop, from the walltime ``HH:MM:SS``."""
    found = re.fullmatch(r"(\d+):([0-5]?\d):([0-5]?\d)", walltime.strip())
    if found is None:
        raise UserError(f"{walltime!r} is not a time such as 04:00:00", where="--walltime")
    hours, minutes, seconds = map(int, found.groups())
    total = 3600 * hours + 60 * minutes + seconds
    return float(max(0, total - warning_before(total)))


def _use_cores() -> None:
    """Let a job use the cores that the queue has given; a user's own setting is kept."""
    given = os.environ.get("SLURM_CPUS_PER_TASK") or os.environ.get("NCPUS")
    if given and given.isdigit():
        for name in ONE_THREAD:
            if "INTER" not in name:
                os.environ.setdefault(name, given)


def _say(text: Any) -> None:
    err.print(f"{time.strftime('%H:%M:%S')} {text}", markup=False, soft_wrap=True)
