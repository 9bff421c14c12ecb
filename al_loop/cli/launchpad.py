"""`al-loop launchpad`: a site's files for FireWorks and its queue."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.text import Text

from al_loop.cli.console import out
from al_loop.errors import UserError
from al_loop.launch.site import Site
from al_loop.launch.site_check import Finding, check_site
from al_loop.launch.site_files import Answers, SchedulerName, write_site

app = typer.Typer(help="Write and check a site's files for its queue.", no_args_is_help=True)


class Scheduler(str, Enum):
    """Queueing systems that al_loop knows."""

    slurm = "slurm"
    pbs = "pbs"


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="New folder for the site's files.")],
    scheduler: Annotated[Scheduler | None, typer.Option(help="The queueing system.")] = None,
    gpu_queue: Annotated[
        str | None, typer.Option(help="Partition or queue with GPUs; empty: there is none.")
    ] = None,
    cpu_queue: Annotated[
        str | None, typer.Option(help="Partition or queue without GPUs; empty: there is none.")
    ] = None,
    account: Annotated[str | None, typer.Option(help="Account that pays; empty: none.")] = None,
    setup: Annotated[
        list[str] | None,
        typer.Option(help="Line of the job script before the worker starts; may be repeated."),
    ] = None,
    database: Annotated[
        Path | None,
        typer.Option(help="my_launchpad.yaml of the database; default: one to be filled in."),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="The nodes cannot reach the database.")
    ] = False,
) -> None:
    """Write the site's files from a few answers; what no option says is asked for."""
    chosen = scheduler.value if scheduler else _ask("queueing system (slurm, pbs)", "slurm")
    if chosen not in ("slurm", "pbs"):
        raise UserError(f"{chosen!r} is not known", remedy="slurm or pbs")
    queues = {
        "gpu": _ask("partition or queue with GPUs (empty: none)", "")
        if gpu_queue is None
        else gpu_queue,
        "cpu": _ask("partition or queue without GPUs (empty: none)", "")
        if cpu_queue is None
        else cpu_queue,
    }
    answers = Answers(
        scheduler=cast(SchedulerName, chosen),
        queues={kind: queue for kind, queue in queues.items() if queue},
        account=_ask("account (empty: none)", "") if account is None else account,
        setup=tuple(setup or ()),
        database=database,
        offline=offline,
    )
    written = write_site(folder, answers)
    folder = folder.absolute()
    for path in written:
        out.print(f"wrote {path}")
    if database is None:
        out.print(f"next:  fill in {folder / 'my_launchpad.yaml'}: where your database is")
    out.print(f"next:  look at {folder / 'qadapters'}: cores, memory, walltime, modules")
    out.print(f"       export FW_CONFIG_FILE={folder / 'FW_config.yaml'}")
    out.print(f"       al-loop launchpad check {folder}")
    out.print(f"       al-loop submit CAMPAIGN.yaml; al-loop submitter {folder}")


@app.command()
def check(folder: Annotated[Path, typer.Argument(help="Folder of the site's files.")]) -> None:
    """Check the files, the queue's commands, the worker and the database. Submits nothing."""
    show(check_site(Site(folder.absolute())))
    out.print(f"{folder} is in order")


def show(findings: list[Finding]) -> None:
    """Print what was found; UserError when something is wrong."""
    for one in findings:
        mark, style = ("ok  ", "green") if one.good else ("NO  ", "bold red")
        out.print(Text(mark, style=style).append(one.what, style="default"))
        if one.remedy:
            out.print(Text(f"    -> {one.remedy}", style="cyan"))
    if wrong := sum(not one.good for one in findings):
        raise UserError(f"{wrong} of {len(findings)} things are not in order, as shown above")


def _ask(question: str, default: str) -> str:
    """An answer from the terminal; the default where there is none."""
    if not sys.stdin.isatty():
        return default
    return str(typer.prompt(question, default=default, show_default=bool(default))).strip()
