"""`al-loop report` and `al-loop plot`: a campaign told to others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.table import Table

from al_loop.cli.console import LaunchpadOption, connect, out
from al_loop.errors import UserError
from al_loop.loop.context import Context
from al_loop.loop.figures import FigureFormat, save_figure
from al_loop.report.figures import KINDS, Kind, draw, kind_of, write_figures
from al_loop.report.source import Source
from al_loop.report.write import write_report
from al_loop.store import Store

NameArgument = Annotated[str, typer.Argument(help="Campaign.")]


def report(
    name: NameArgument,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File; default: NAME-report.html.")
    ] = None,
    figures: Annotated[
        bool,
        typer.Option("--figures", help="The figures as PDF and PNG, too, in a folder beside it."),
    ] = False,
    launchpad: LaunchpadOption = None,
) -> None:
    """Write a report of a campaign to send: one file, with figures and a methods section."""
    target = output or Path(f"{name}-report.html")
    with Store(connect(launchpad, start=False)) as store:
        source = Source(Context(store, name))
        _check_folder(target)
        write_report(source, target)
        out.print(str(target), soft_wrap=True, markup=False)
        if figures:
            folder = target.with_name(f"{target.stem}-figures")
            for path in write_figures(source, folder, ("pdf", "png")):
                out.print(str(path), soft_wrap=True, markup=False)


def plot(
    name: NameArgument,
    kind: Annotated[str | None, typer.Argument(help="Which figure; default: list them.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File (.pdf, .png, .svg); default: NAME-KIND.pdf."),
    ] = None,
    launchpad: LaunchpadOption = None,
) -> None:
    """Draw one figure of a campaign; without a kind, list the kinds that there are."""
    wanted = None if kind is None else kind_of(kind)
    with Store(connect(launchpad, start=False)) as store:
        source = Source(Context(store, name))
        if wanted is None:
            out.print(_kinds(source))
            return
        target = output or Path(f"{name}-{wanted.name}.pdf")
        fmt = _format(target)
        _check_folder(target)
        figure = draw(source, wanted)
    if figure is None:
        raise UserError(
            f"campaign {name!r} has nothing to draw for {wanted.name!r} yet",
            remedy=f"`al-loop plot {name}` says which figures can be drawn",
        )
    save_figure(figure, target, fmt)
    out.print(str(target), soft_wrap=True, markup=False)


def _kinds(source: Source) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in ("kind", "shows", ""):
        table.add_column(head)
    for one in KINDS.values():
        table.add_row(one.name, one.title, "" if _drawable(source, one) else "nothing yet")
    return table


def _drawable(source: Source, kind: Kind) -> bool:
    return draw(source, kind) is not None


def _format(path: Path) -> FigureFormat:
    for fmt in get_args(FigureFormat):
        if path.suffix.lower() == f".{fmt}":
            found: FigureFormat = fmt
            return found
    raise UserError(
        f"{path.suffix or 'a file without an ending'} is not a format of figures",
        where=path,
        remedy=f"end the name with one of .{', .'.join(get_args(FigureFormat))}",
    )


def _check_folder(path: Path) -> None:
    """Before anything is computed: whether a file can be written there."""
    if path.is_dir():
        raise UserError("is a folder", where=path, remedy="name a file in it")
    if not path.absolute().parent.is_dir():
        raise UserError(
            "there is no such folder", where=path.parent, remedy="make it, or name another"
        )
