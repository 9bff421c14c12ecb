"""`al-loop export`: take a potential or a data set out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from al_loop.cli.console import LaunchpadOption, connect, out
from al_loop.errors import UserError
from al_loop.loop.context import Context
from al_loop.loop.export import DATASET_FORMATS, export_dataset
from al_loop.loop.potential import export_model
from al_loop.store import Store

app = typer.Typer(help="Take a potential or a data set out of the database.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Campaign.")]
FolderOption = Annotated[Path, typer.Option("-o", "--output", help="Folder to write to.")]


@app.command()
def model(name: NameArgument, output: FolderOption, launchpad: LaunchpadOption = None) -> None:
    """Write the latest potential, what it is, and an input with which LAMMPS runs it."""
    with Store(connect(launchpad, start=False)) as store:
        for path in export_model(Context(store, name), output):
            out.print(str(path))


@app.command()
def dataset(
    name: NameArgument,
    output: FolderOption,
    fmt: Annotated[
        str, typer.Option("--format", help=f"One of {', '.join(DATASET_FORMATS)}.")
    ] = "deepmd/npy",
    launchpad: LaunchpadOption = None,
) -> None:
    """Write all labels, split into train, valid and test as the campaign splits them."""
    if fmt not in DATASET_FORMATS:
        raise UserError(
            f"{fmt!r} is not a format of data sets",
            where="--format",
            remedy=f"one of {', '.join(DATASET_FORMATS)}",
        )
    with Store(connect(launchpad, start=False)) as store:
        counts = export_dataset(Context(store, name), output, fmt=fmt)
    out.print(f"{output}: " + ", ".join(f"{n} {split}" for split, n in counts.items()))
