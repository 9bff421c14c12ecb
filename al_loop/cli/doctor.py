"""`al-loop doctor`: what is wrong, whose fault it is, and the way out, in one screen."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from al_loop.cli.console import LaunchpadOption, local_server, out
from al_loop.errors import DatabaseError
from al_loop.launch.doctor import Figures, Finding, Report, examine, examine_without_database
from al_loop.launch.mending import Mended
from al_loop.store import Connection, find_connection

SHOWN = 3
"""Places that are named for each kind of fault."""

WHOSE = {
    "frame": "a structure's",
    "campaign": "the campaign's",
    "node": "a machine's",
    "site": "the site's",
    "al_loop": "the program's",
}


def doctor(
    name: Annotated[str | None, typer.Argument(help="Campaign; default: all.")] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what needs no person.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    launchpad: LaunchpadOption = None,
) -> None:
    """Explain what is wrong and the way out; exit code 1 when something is wrong that is left."""
    report = _report(name, fix=fix, launchpad=launchpad)
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        _show(report)
    raise typer.Exit(0 if report.healthy else 1)


def _report(name: str | None, *, fix: bool, launchpad: Path | None) -> Report:
    started: list[Mended] = []
    try:
        connection = find_connection(launchpad, Path.cwd())
        if connection is None:
            raise DatabaseError(
                "no database is configured here",
                remedy="go to the folder in which you ran `al-loop run`, or name it: --launchpad",
            )
        if fix and (again := _start_own(connection)) is not None:
            connection, where = again
            started.append(Mended("database-away", "", where, "your own database did not run"))
        report = examine(connection, name, fix=fix)
    except DatabaseError as error:
        return examine_without_database(error, Path.cwd())
    return Report(report.findings, [*started, *report.mended], report.figures)


def _start_own(connection: Connection) -> tuple[Connection, str] | None:
    """Start the local database that a connection belongs to; None if that is not needed."""
    server = local_server(connection)
    if server is None or server.status().running:
        return None
    return server.start(), str(server.folder)


def _show(report: Report) -> None:
    if report.mended:
        out.print(Text("mended:", style="bold green"))
        for code, some in groupby(sorted(report.mended, key=lambda m: m.code), lambda m: m.code):
            _places(code, [f"{one.where}: {one.words}" for one in some], style="green")
    if report.findings:
        out.print(Text("wrong:" if not report.mended else "left:", style="bold red"))
    for key, found in groupby(sorted(report.findings, key=_kind), _kind):
        _explain(key, list(found))
    if report.healthy:
        out.print(Text("nothing is wrong", style="bold green"))
    if report.figures is not None:
        _figures(report.figures)


def _kind(finding: Finding) -> tuple[str, str]:
    return finding.code, finding.remedy or finding.fault.remedy


def _explain(key: tuple[str, str], found: list[Finding]) -> None:
    code, remedy = key
    known = found[0].fault
    head = Text(f"  {code}: ", style="red")
    head.append(f"{known.what} ({WHOSE[known.whose]} fault)", style="default")
    out.print(head)
    _list([f"{one.where}: {one.words}" for one in found])
    out.print(Text(f"    -> {remedy}", style="cyan"))


def _places(code: str, places: list[str], *, style: str) -> None:
    out.print(Text(f"  {code}", style=style))
    _list(places)


def _list(places: list[str]) -> None:
    for place in places[:SHOWN]:
        out.print(Text(f"    {place}"))
    if len(places) > SHOWN:
        out.print(Text(f"    and {len(places) - SHOWN} more"))


def _figures(figures: Figures) -> None:
    out.print(
        f"database   answers in {figures.database_ms:.1f} ms; "
        f"its clock differs from this machine's by {abs(figures.clock_seconds):.1f} s"
    )
    for one in figures.campaigns:
        free = "its folder is not here" if one.free is None else f"{one.free / 1e9:.1f} GB free"
        out.print(
            f"{one.name:10s} {one.state}; {one.running} jobs run on {one.workers} workers, "
            f"{one.waiting} wait; {free}"
        )
