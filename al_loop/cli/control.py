"""`al-loop pause`, `stop`, `resume`, `retry` and `amend`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from al_loop.campaign import load_campaign
from al_loop.cli.console import LaunchpadOption, connect, out
from al_loop.launch import control

NameArgument = Annotated[str, typer.Argument(help="Name of a campaign.")]


def pause(name: NameArgument, launchpad: LaunchpadOption = None) -> None:
    """Put nothing new up; jobs that run end and are kept. `al-loop resume` goes on."""
    control.pause(connect(launchpad, start=False), name)
    out.print(f"campaign   {name} is paused; jobs that run end and are taken in")
    out.print(f"next:      al-loop resume {name}")


def stop(name: NameArgument, launchpad: LaunchpadOption = None) -> None:
    """Stop a campaign; jobs that run save what they have and stop. `al-loop resume` goes on."""
    control.stop(connect(launchpad, start=False), name)
    out.print(f"campaign   {name} is stopped; jobs that run save what they have and stop")
    out.print(f"next:      al-loop resume {name}, or al-loop export model {name} -o FOLDER")


def resume(name: NameArgument, launchpad: LaunchpadOption = None) -> None:
    """Continue a campaign, whatever happened to it. Jobs that were given up are tried again."""
    record = control.resume(connect(launchpad, start=False), name)
    if record.state != "running":
        out.print(f"campaign   {name} is {record.state}: {record.reason}")
        out.print(f"next:      al-loop status {name}; `al-loop amend FILE` to go on further")
        return
    out.print(f"campaign   {name} goes on; its jobs wait for workers")
    out.print("next:      al-loop run FILE (this machine), al-loop worker, or al-loop submitter")


def retry(
    name: NameArgument,
    job: Annotated[str, typer.Argument(help="Its key, as `al-loop status` shows it.")],
    launchpad: LaunchpadOption = None,
) -> None:
    """Try one job again that was given up. `al-loop resume` tries them all."""
    found = control.retry(connect(launchpad, start=False), name, job)
    out.print(f"job        {found.id} is due again and waits for a worker", markup=False)


def amend(
    file: Annotated[Path, typer.Argument(help="The campaign file, changed.")],
    launchpad: LaunchpadOption = None,
) -> None:
    """Change trust levels, budget, resources, ... of a campaign in mid-course."""
    spec = load_campaign(file)
    changes = control.amend(connect(launchpad, start=False), spec)
    if not changes:
        out.print(f"campaign   {spec.name} asks for just that already; nothing has changed")
    for change in changes:
        out.print(f"amended    {change}", highlight=False, markup=False)
    if changes:
        out.print(f"next:      al-loop status {spec.name} (al-loop resume, if it had ended)")
