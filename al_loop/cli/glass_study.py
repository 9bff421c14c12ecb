"""`al-loop glass study`: what the glasses of a protocol tell together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from al_loop.cli.console import out
from al_loop.cli.glass_numbers import numbers_of
from al_loop.cli.progress import counting
from al_loop.errors import UserError

_Pair = tuple[float, float] | None


def study(
    folder: Annotated[Path, typer.Argument(help="What `al-loop glass make -o FOLDER` has made.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Folder for NAME.json of each variant, for compare and report."
        ),
    ] = None,
    tables: Annotated[
        Path | None, typer.Option("--tables", help="Folder for CSV: values, states, curves.")
    ] = None,
    temperature: Annotated[
        float, typer.Option(help="K: the hold nearest to it is the state that is told of.")
    ] = 300.0,
    phase: Annotated[
        str | None,
        typer.Option(help="glass, melt, a crystal's name; default: the start's, or glass."),
    ] = None,
    glass: Annotated[
        _Pair, typer.Option("--glass-range", help="K, from and to: the glass, for the kink.")
    ] = None,
    melt: Annotated[
        _Pair, typer.Option("--melt-range", help="K, from and to: the melt, for the kink.")
    ] = None,
    expansion: Annotated[
        _Pair, typer.Option("--expansion-range", help="K, from and to, of a heating or quench.")
    ] = None,
    charge: Annotated[
        list[str] | None,
        typer.Option(help="Of an element that conducts, in e: Na=1. May be repeated."),
    ] = None,
    window: Annotated[
        _Pair,
        typer.Option(
            help="ps: from when to when the MSD of a hold is fitted for D; default: the "
            "protocol's, or a sixteenth to an eighth of the hold."
        ),
    ] = None,
    skip: Annotated[
        float, typer.Option(min=0.0, help="ps at the start of each hold that D leaves out.")
    ] = 0.0,
    diffusion: Annotated[
        bool, typer.Option("--diffusion/--no-diffusion", help="Read the frames of all holds.")
    ] = True,
    structure: Annotated[
        bool,
        typer.Option(
            "--structure/--no-structure", help="Structure at --temperature, and over pressure."
        ),
    ] = True,
    rings: Annotated[
        bool, typer.Option("--rings/--no-rings", help="Rings at --temperature, too.")
    ] = False,
    cutoff: Annotated[
        list[str] | None, typer.Option(help="Of a bond, in Å: Na-O=3.0. May be repeated.")
    ] = None,
    trend: Annotated[
        list[str] | None,
        typer.Option(
            help="Value of which to tell the trend over rate and size, too: qn_4, 'o?'. May be "
            "repeated."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Tell of made glasses: density and fictive temperature by rate and size, moduli, expansion.

    Of each variant (rate, size, composition) what its steps give: quench and heat, compress,
    strain, hold at several temperatures. Means are over its samples.
    """
    from al_loop.cli.glass_tables import study_view
    from al_loop.glass.study import StudyOptions, study_folder, variants_in
    from al_loop.glass.study.tables import as_json as document
    from al_loop.glass.study.tables import file_name, write_study

    asked: dict[str, Any] = {
        "temperature": temperature,
        "phase": phase,
        "glass": glass,
        "melt": melt,
        "expansion": expansion,
        "charges": numbers_of(charge, "--charge"),
        "diffusion": diffusion,
        "window": window,
        "skip": skip,
        "structure": structure,
        "rings": rings,
        "cutoffs": numbers_of(cutoff, "--cutoff"),
        "trends": trend or [],
    }
    try:
        options = StudyOptions.model_validate(asked)
    except ValidationError as error:
        first = error.errors()[0]
        place = f"--{first['loc'][0]}" if first["loc"] else None  # none: of several options
        place = {"--cutoffs": "--cutoff", "--trends": "--trend"}.get(place or "", place)
        raise UserError(first["msg"].removeprefix("Value error, "), where=place) from None
    with counting("reading", len(variants_in(folder))) as advance:
        found = study_folder(folder, options, advance=advance)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        for one in found.variants:
            one.measurement.write(output / f"{file_name(one)}.json")
    if tables is not None:
        write_study(found, tables)
    if as_json:
        typer.echo(document(found))
        return
    out.print(study_view(found))
    for path in (output, tables):
        if path is not None:
            out.print(f"written: {path}", markup=False)
