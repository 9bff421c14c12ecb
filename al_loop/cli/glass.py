"""`al-loop glass`: what a glass is like, and whether it is like that of experiment and DFT."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from al_loop.cli.console import out
from al_loop.cli.glass_make import make
from al_loop.cli.glass_numbers import numbers_of
from al_loop.cli.glass_options import Arguments, Dispersion
from al_loop.cli.glass_overlay import overlay
from al_loop.cli.glass_rank import rank
from al_loop.cli.glass_report import MeasuredArgument, OwnOption, ReferenceOption, report
from al_loop.cli.glass_samples import crystal_named, phase_of
from al_loop.cli.glass_study import study
from al_loop.cli.glass_tables import names_table, values_table, verdicts_view
from al_loop.cli.progress import counting

app = typer.Typer(
    help="Make glasses, measure them, and hold them against experiment and DFT.",
    no_args_is_help=True,
)

app.command()(make)

_SWAPPED = "no oxides of the usual charges: is --elements in the order of the atom types?"


@app.command()
def measure(
    trajectories: Annotated[
        list[Path],
        typer.Argument(
            help="Independent samples: LAMMPS dumps, extxyz, ASE, XDATCAR, CIF, ...; or a crystal "
            "by name (alpha-quartz)."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="JSON file, for compare and report.")
    ] = None,
    tables: Annotated[
        Path | None, typer.Option("--tables", help="Folder for CSV: values and each curve.")
    ] = None,
    elements: Annotated[
        str, typer.Option(help="Elements of LAMMPS' atom types, first type first: 'Si O'.")
    ] = "",
    interval: Annotated[float | None, typer.Option(help="ps between frames.")] = None,
    timestep: Annotated[
        float | None, typer.Option(help="fs of an MD step, for LAMMPS dumps instead of --interval.")
    ] = None,
    start: Annotated[int, typer.Option(help="First frame.")] = 0,
    stop: Annotated[int | None, typer.Option(help="Frame before which to end.")] = None,
    every: Annotated[int, typer.Option(help="Take every n-th frame.")] = 1,
    fmt: Annotated[
        str | None, typer.Option("--format", help="ASE's name of the format, if not clear.")
    ] = None,
    groups: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            help="structure, rings, dynamics, vibrations or mechanics. May be repeated; "
            "default: all.",
        ),
    ] = None,
    phase: Annotated[
        str | None,
        typer.Option(
            help="glass, melt, or a crystal's name (alpha-quartz); default: glass, or the crystal "
            "that is measured by name."
        ),
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="K; default: that of the velocities.")
    ] = None,
    pressure: Annotated[
        float, typer.Option(help="GPa; with a calculator cells are at rest under it.")
    ] = 0.0,
    window: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="ps: from when to when the MSD is fitted for D; default: a sixteenth to an eighth "
            "of the run."
        ),
    ] = None,
    unwrapped: Annotated[
        bool | None,
        typer.Option(
            "--unwrapped/--wrapped",
            help="Whether positions are paths through the faces of the cell; default: what the "
            "columns of a LAMMPS dump say (xu).",
        ),
    ] = None,
    cutoff: Annotated[
        list[str] | None, typer.Option(help="Of a bond, in Å: Na-O=3.0. May be repeated.")
    ] = None,
    charge: Annotated[
        list[str] | None,
        typer.Option(help="Of an element that conducts, in e: Na=1. May be repeated."),
    ] = None,
    wave_number: Annotated[float, typer.Option(help="1/Å: of the dynamic structure factor.")] = 1.5,
    rings_every: Annotated[int, typer.Option(help="Rings of every n-th frame.")] = 1,
    calculator: Annotated[
        str | None,
        typer.Option(
            help="ASE calculator, for moduli and modes: bks, or module:name "
            "(deepmd.calculator:DP).",
        ),
    ] = None,
    argument: Arguments = None,
    d3: Dispersion = None,
    modes_up_to: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Atoms: with a calculator the VDOS is that of the modes, up to here; default 400. "
            "N atoms take 6N force calls and 360 N^2 bytes.",
        ),
    ] = None,
    equation_of_state: Annotated[
        bool,
        typer.Option(
            "--equation-of-state", help="With a calculator: energy over volume, V0, E0, K and K'."
        ),
    ] = False,
    volumes: Annotated[
        tuple[float, float],
        typer.Option(help="Of seven for it the smallest and the largest, relative to rest."),
    ] = (0.94, 1.06),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure samples of one glass: density, structure, rings, dynamics, vibrations, moduli."""
    from al_loop.cli.glass_asked import check_outputs, options_of
    from al_loop.cli.glass_calculator import calculator_of
    from al_loop.glass import GROUPS, measure, read_trajectory
    from al_loop.glass.measuring.tables import write_tables
    from al_loop.glass.oxides import oxides_of

    asked: dict[str, Any] = {
        "groups": groups or GROUPS,
        "phase": phase_of(trajectories, phase),
        "temperature": temperature,
        "pressure": pressure,
        "window": window,
        "wave_number": wave_number,
        "charges": numbers_of(charge, "--charge"),
        "structure": {"cutoffs": numbers_of(cutoff, "--cutoff"), "rings_every": rings_every},
        "equation_of_state": equation_of_state,
        "volumes": volumes,
    }
    if modes_up_to is not None:
        asked["modes_up_to"] = modes_up_to
    options = options_of(asked)
    check_outputs(output, tables)
    tool = calculator_of(calculator, argument or [], d3=d3)
    samples = [
        crystal_named(one)
        or read_trajectory(
            one,
            elements=elements.replace(",", " ").split() or None,
            interval=interval,
            timestep=timestep,
            start=start,
            stop=stop,
            every=every,
            format=fmt,
            unwrapped=unwrapped,
        )
        for one in trajectories
    ]
    steps = 0
    if {"structure", "rings"} & set(options.groups):
        steps += sum(map(len, samples))
    if tool is not None and "mechanics" in options.groups:
        steps += len(samples)
    with counting("measuring", steps) as advance:
        found = measure(samples, options, calculator=tool, advance=advance)
    if output is not None:
        found.write(output)
    if tables is not None:
        write_tables(found, tables)
    if as_json:
        typer.echo(found.as_json())
        return
    out.print(values_table(found))
    if elements and not oxides_of(found.conditions.fractions):
        out.print(_SWAPPED, style="yellow")
    for one in (output, tables):
        if one is not None:
            out.print(f"written: {one}", markup=False)


@app.command()
def compare(
    measured: MeasuredArgument,
    reference: ReferenceOption = None,
    only_mine: OwnOption = False,
    gate: Annotated[
        list[str] | None,
        typer.Option(
            help="As in a campaign: 'density: 2 %', 'si4: >= 98 %'. May be repeated; exit code 1 "
            "where one is not passed."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Hold a measurement against references: inside their spread, or how far off."""
    from al_loop.glass import Measurement
    from al_loop.glass.compare import caution, compare, judge, load_references, parse_gates

    found = Measurement.read(measured)
    references = load_references(reference or [], shipped=not only_mine)
    pairs = [one.partition(":") for one in gate or []]
    gates = parse_gates({name.strip(): text.strip() for name, _, text in pairs})
    verdicts = compare(found, references)
    results = judge(gates, found, references)
    if as_json:
        document = {
            "verdicts": [one.plain() for one in verdicts],
            "caution": caution(found, verdicts),
            "gates": [
                {"name": one.gate.name, "asked": one.gate.text, "state": one.state, "off": one.off,
                 "words": one.words}
                for one in results
            ],
        }  # fmt: skip
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        out.print(verdicts_view(found, verdicts, results, references.nearest(found.conditions)))
    if any(one.state != "passed" for one in results):
        raise typer.Exit(1)


app.command()(report)
app.command()(study)
app.command()(rank)
app.command()(overlay)


@app.command()
def names() -> None:
    """List the names of everything that is measured, with their units."""
    from al_loop.glass.measuring import OBSERVABLES

    out.print(names_table(OBSERVABLES))
