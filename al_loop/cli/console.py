"""What the verbs share: the console, errors, and the database of this folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from al_loop.errors import AlLoopError, DatabaseError

if TYPE_CHECKING:
    from al_loop.store import Connection, LocalServer

# A log file is as wide as the tables need.
out = Console(highlight=False, width=None if sys.stdout.isatty() else 130)
err = Console(stderr=True, highlight=False, soft_wrap=True)

LOCAL_DB = Path("al-loop-db")

LaunchpadOption = Annotated[
    Path | None,
    typer.Option(
        "--launchpad",
        "-l",
        help="FireWorks' my_launchpad.yaml of your database. Default: FireWorks' own "
        "configuration, then ./my_launchpad.yaml, then a local database in ./al-loop-db.",
        show_default=False,
    ),
]


def complain(error: AlLoopError) -> None:
    """Print an error: what happened, where, and the way out."""
    text = Text("error: ", style="bold red")
    text.append(f"{error.where}: " if error.where else "", style="bold")
    text.append(error.what)
    err.print(text)
    if error.remedy:
        err.print(Text(f"  -> {error.remedy}", style="cyan"))


def connect(launchpad: Path | None, *, start: bool) -> Connection:
    """The configured database; with ``start``, a local one is started where none is configured.

    Raises
    ------
    DatabaseError
        No database is configured, or it does not answer.
    """
    from al_loop.store import LocalServer, find_connection

    found = find_connection(launchpad, Path.cwd())
    folder = _local_folder(found)
    if folder is not None or (found is None and start):
        server = LocalServer(folder or LOCAL_DB.absolute())
        if not server.status().running:
            out.print(f"database   starting MongoDB in {server.folder}")
        return server.start()
    if found is None:
        raise DatabaseError(
            "no database is configured here",
            remedy="go to the folder in which you ran `al-loop run`, or start one with "
            "`al-loop db start`, or name yours with --launchpad",
        )
    return found


def restarter(connection: Connection) -> Callable[[], None] | None:
    """What starts a local database again, should it die; None for a site's database."""
    folder = _local_folder(connection)
    if folder is None:
        return None
    from al_loop.store import LocalServer

    server = LocalServer(folder)

    def restart() -> None:
        if server.start() != connection:
            raise DatabaseError(
                "the local database has come back under another address",
                where=server.folder,
                remedy="stop this command (Ctrl-C) and give it again: it continues",
            )

    return restart


def local_server(connection: Connection) -> LocalServer | None:
    """The user's own server that a connection belongs to, if it is one of this place."""
    from al_loop.store import LocalServer

    folder = _local_folder(connection)
    return None if folder is None else LocalServer(folder)


def _local_folder(found: Connection | None) -> Path | None:
    """Folder of the local database that ``found`` belongs to, if it is one."""
    from al_loop.store import Connection

    if found is None:
        return None
    for folder in (Path.cwd(), *Path.cwd().parents):
        local = folder / LOCAL_DB
        if (local / "my_launchpad.yaml").is_file():
            own = Connection.from_launchpad_file(local / "my_launchpad.yaml")
            return local if own == found else None
    return None
