"""`al-loop db`: a MongoDB of one's own, in a folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from al_loop.store import LocalServer, Role, ServerStatus

NOT_RUNNING = 3
"""Exit code of `al-loop db status` when the server does not run, as init scripts have it."""

app = typer.Typer(help="Start, stop and look at a MongoDB of your own.", no_args_is_help=True)

users = typer.Typer(help="Users of this database, besides its own.", no_args_is_help=True)
app.add_typer(users, name="user")

NameArgument = Annotated[str, typer.Argument(help="Name of the user.")]
Folder = Annotated[
    Path, typer.Option("--folder", "-f", help="Folder of the database.", show_default=True)
]
DEFAULT = Path("al-loop-db")


@app.command()
def start(folder: Folder = DEFAULT) -> None:
    """Start the server, or say that it runs. It keeps running when you log out."""
    server = LocalServer(folder)
    server.start()
    _show(server.status())


@app.command()
def stop(folder: Folder = DEFAULT) -> None:
    """Stop the server. Nothing is lost; `start` continues with the same data."""
    server = LocalServer(folder)
    typer.echo(f"{'stopped' if server.stop() else 'was not running'}: {server.folder}")


@app.command()
def status(folder: Folder = DEFAULT) -> None:
    """Whether the server runs, where, and how large it is (exit code 3: it does not run)."""
    found = LocalServer(folder).status()
    _show(found)
    if not found.running:
        raise typer.Exit(NOT_RUNNING)


@users.command()
def add(
    name: NameArgument,
    role: Annotated[
        Role,
        typer.Option(help="read: `al-loop status` and `export`; work: everything al_loop does."),
    ] = "read",
    folder: Folder = DEFAULT,
) -> None:
    """Make a user, or give one a new password. The server is away for some seconds."""
    file = LocalServer(folder).add_user(name, role=role)
    typer.echo(f"user     {name} ({role})")
    typer.echo(f"file     {file} (mode 0600: it holds the password)")
    typer.echo(f"use      al-loop status --launchpad {shlex.quote(str(file))}")


@users.command()
def remove(name: NameArgument, folder: Folder = DEFAULT) -> None:
    """Forget a user. The server is away for some seconds."""
    gone = LocalServer(folder).remove_user(name)
    typer.echo(f"{'removed' if gone else 'there is no user'}: {name}")


def _show(found: ServerStatus) -> None:
    process = f" (process {found.pid})" if found.pid else ""
    typer.echo(f"state    {'running' if found.running else 'stopped'}{process}")
    typer.echo(f"folder   {found.folder}")
    if found.address:
        typer.echo(f"address  {found.address}")
    typer.echo(f"size     {found.size / 1e6:.0f} MB on disk")
    if found.running:
        typer.echo("for FireWorks' own commands (lpad, rlaunch):")
        typer.echo(f"  export FW_CONFIG_FILE={shlex.quote(str(found.fireworks_config))}")
