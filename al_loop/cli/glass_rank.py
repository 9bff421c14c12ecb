"""`al-loop glass rank`: glasses of several potentials or rates by their energies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from al_loop.cli.console import out
from al_loop.cli.glass_options import Arguments, Dispersion
from al_loop.cli.progress import counting
from al_loop.errors import JobFolderError, UserError

if TYPE_CHECKING:
    from al_loop.glass import Trajectory


class Relax(str, Enum):
    """What is moved to rest."""

    atoms = "atoms"
    cell = "cell"


def rank(
    groups: Annotated[
        list[str],
        typer.Argument(
            help="NAME=FILES of each potential or rate: a file, a pattern in quotes "
            "('bks=bks/*.extxyz'), or a folder of `al-loop glass make`. A name may be repeated."
        ),
    ],
    calculator: Annotated[
        str | None,
        typer.Option(
            help="ASE calculator of the energies: bks, or module:name (deepmd.calculator:DP). "
            "Default: energies that the files have, from DFT for example."
        ),
    ] = None,
    argument: Arguments = None,
    d3: Dispersion = None,
    relax: Annotated[
        Relax | None,
        typer.Option(help="Energies at rest: of the atoms, or with the cell. Default: as it is."),
    ] = None,
    force: Annotated[float, typer.Option(min=1e-6, help="What is left at rest, eV/Å.")] = 1e-3,
    last: Annotated[
        bool,
        typer.Option("--last", help="The last frame of each file; default: all, each a glass."),
    ] = False,
    elements: Annotated[
        str, typer.Option(help="Elements of LAMMPS' atom types, first type first: 'Si O'.")
    ] = "",
    fmt: Annotated[
        str | None, typer.Option("--format", help="ASE's name of the format, if not clear.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Rank glasses of one composition by energy per atom: means, errors, and how sure the order is.

    As a test of potentials: label the final glasses of each by DFT, and compare.
    """
    from al_loop.cli.glass_calculator import calculator_of
    from al_loop.cli.glass_tables import ranking_view
    from al_loop.glass.compare import rank

    named: dict[str, list[Trajectory]] = {}
    for one in groups:
        name, pattern = _named(one)
        found = _read(pattern, last=last, elements=elements.split(), fmt=fmt)
        named.setdefault(name, []).extend(found)
    tool = calculator_of(calculator, argument or [], d3=d3)
    count = sum(len(run) for runs in named.values() for run in runs)
    with counting("ranking", count) as advance:
        ranking = rank(
            named,
            tool,
            rest="as they are" if relax is None else relax.value,
            force=force,
            advance=advance,
        )
    if as_json:
        typer.echo(json.dumps(ranking.plain(), indent=2, ensure_ascii=False))
    else:
        out.print(ranking_view(ranking))


def _named(text: str) -> tuple[str, str]:
    """``NAME=PATTERN``; a path alone is its own name."""
    name, equals, pattern = text.partition("=")
    return (name, pattern) if equals and "/" not in name else (text, text)


def _read(
    pattern: str, *, last: bool, elements: Sequence[str], fmt: str | None
) -> list[Trajectory]:
    """Glasses of files and of folders in which glasses were made: of those, how they ended."""
    from al_loop.glass import Trajectory, read_trajectory
    from al_loop.glass.make import made_in

    found = []
    for path in _paths(pattern):
        if path.is_dir():
            made = {name: one for name, one in made_in(path).items() if one.stop == "completed"}
            if not made:
                raise JobFolderError("no glass that has begun there is complete", where=path)
            found += [
                Trajectory((one.final,), source=str(path / name)) for name, one in made.items()
            ]
            continue
        if not path.is_file():
            raise UserError(
                "there is no such file, nor one of this pattern",
                where=path,
                remedy="give NAME=FILE, NAME='folder/*.extxyz' in quotes, or NAME=FOLDER",
            )
        run = read_trajectory(path, elements=elements or None, format=fmt)
        if last:
            energies = None if run.energies is None else run.energies[-1:]
            run = Trajectory(run.frames[-1:], source=run.source, energies=energies)
        found.append(run)
    return found


def _paths(pattern: str) -> list[Path]:
    path = Path(pattern)
    if path.exists():
        return [path]
    inside = str(path.relative_to(path.anchor))
    return sorted(Path(path.anchor).glob(inside)) or [path]
