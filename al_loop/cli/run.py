"""`al-loop run` and `al-loop submit`."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from al_loop.campaign import CampaignSpec, load_campaign
from al_loop.cli.console import LaunchpadOption, connect, out, restarter
from al_loop.cli.live import View
from al_loop.cli.tables import campaign_view
from al_loop.errors import UserError
from al_loop.launch import run as launch_run
from al_loop.loop.check import check_campaign
from al_loop.loop.context import Context
from al_loop.loop.export import export_dataset
from al_loop.loop.potential import export_model
from al_loop.loop.status import campaign_status
from al_loop.report.figures import write_figures
from al_loop.report.source import Source
from al_loop.store import CampaignRecord, Connection, Store

FileArgument = Annotated[Path, typer.Argument(help="Campaign file.")]


def run(
    file: FileArgument,
    cores: Annotated[
        int | None,
        typer.Option(min=1, help="Jobs at a time; default: the campaign's, or all cores."),
    ] = None,
    launchpad: LaunchpadOption = None,
) -> None:
    """Run a campaign to its end on this machine. Interrupted, the same command continues it."""
    run_spec(load_campaign(file), file, cores=cores, launchpad=launchpad)


def run_spec(spec: CampaignSpec, file: Path, *, cores: int | None, launchpad: Path | None) -> None:
    """Run a campaign that came of a file."""
    connection = _ready(spec, file, launchpad)
    signal.signal(signal.SIGTERM, _interrupt)
    workers = cores or spec.resources.cores or len(os.sched_getaffinity(0))
    out.print(f"campaign   {spec.name}: {workers} jobs at a time")
    out.print("           (Ctrl-C stops, the same command continues)")
    try:
        with View(out, spec.name) as view:
            record = launch_run.run(
                connection,
                spec,
                base=file.parent,
                cores=workers,
                watch=view,
                say=view.say,
                restart=restarter(connection),
            )
    except KeyboardInterrupt:
        out.print("\nstopped; nothing is lost. The same command continues.")
        raise typer.Exit(130) from None
    with Store(connection) as store:
        view.catch_up(store)
        _finish(store, record)


def submit(file: FileArgument, launchpad: LaunchpadOption = None) -> None:
    """Put a campaign up for workers, here or in a queue (al-loop worker, al-loop submitter)."""
    spec = load_campaign(file)
    connection = _ready(spec, file, launchpad)
    record = launch_run.submit(connection, spec, base=file.parent)
    out.print(f"campaign   {spec.name} is {record.state}; its files go to {record.folder}")
    out.print("next:      al-loop submitter SITE-FOLDER    (a queue: docs/hpc.md)")
    out.print("           al-loop worker --forever         (this machine; as many as you like)")
    out.print(f"           al-loop status {spec.name}")


def _ready(spec: CampaignSpec, file: Path, launchpad: Path | None) -> Connection:
    """The database, once the campaign has been found to be in order."""
    found = check_campaign(spec, base=file.parent)
    for stage, version in found.engines.items():
        out.print(f"{stage:10s} {version}")
    return connect(launchpad, start=True)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """SIGTERM ends a run as Ctrl-C does."""
    raise KeyboardInterrupt


def _finish(store: Store, record: CampaignRecord) -> None:
    """Tables, results, and what to type next."""
    out.print(campaign_view(campaign_status(store, record)))
    if record.state == "failed":
        raise UserError(
            "the campaign cannot go on by itself",
            where=record.name,
            remedy="the reason and the way out stand above",
        )
    ctx = Context(store, record.name)
    results = Path(record.folder) / "results"
    model, *others = export_model(ctx, results / "potential")
    counts = export_dataset(ctx, results / "dataset", fmt="deepmd/npy")
    figures = write_figures(Source(ctx), results / "figures", ("png",))
    split = ", ".join(f"{n} {name}" for name, n in counts.items())
    here = Path.cwd()
    out.print(f"\npotential  {_short(model, here)}")
    out.print(f"data set   {_short(results / 'dataset', here)} ({split})")
    out.print(f"figures    {_short(results / 'figures', here)}: {len(figures)}, of all kinds")
    steps = [
        f"al-loop status {record.name}",
        f"al-loop report {record.name} -o report.html",
        f"al-loop export dataset {record.name} --format extxyz -o FOLDER",
        "al-loop db status     (a local database keeps running; `al-loop db stop` ends it)",
    ]
    if any(path.name == "in.lammps" for path in others):
        folder = _short(model.parent, here)
        steps.insert(0, f"cd {folder} && lmp -in in.lammps     (2,000 steps of NVT at 1500 K)")
    out.print(f"next:      {steps[0]}")
    for step in steps[1:]:
        out.print(f"           {step}")


def _short(path: Path, here: Path) -> str:
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
