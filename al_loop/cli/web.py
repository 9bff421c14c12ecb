"""`al-loop web`: campaigns in a browser."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from al_loop.cli.console import LaunchpadOption, connect, out
from al_loop.web.serve import Address, serve
from al_loop.web.users import Users, WebRole

app = typer.Typer(help="Campaigns in a browser.")
people = typer.Typer(help="Who may look, and who may act.", no_args_is_help=True)
app.add_typer(people, name="user")

USERS = Path("al-loop-web.json")
UsersOption = Annotated[
    Path, typer.Option("--users", help="File of users (mode 0600).", show_default=True)
]
NameArgument = Annotated[str, typer.Argument(help="Name to sign in with.")]


@app.callback(invoke_without_command=True)
def web(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8080,
    certificate: Annotated[Path | None, typer.Option(help="For https: PEM file.")] = None,
    key: Annotated[Path | None, typer.Option(help="For https: PEM file of its key.")] = None,
    users: UsersOption = USERS,
    launchpad: LaunchpadOption = None,
) -> None:
    """Show campaigns and FireWorks' own pages in a browser, to those who sign in."""
    if context.invoked_subcommand is not None:
        return
    address = Address(host, port, certificate, key)
    address.check()
    connection = connect(launchpad, start=False)
    known = Users(users.absolute())
    if not known.names():
        _say(getpass.getuser(), known.add(getpass.getuser(), role="work"), known)
    out.print(f"pages      {address.url} (Ctrl-C ends)", soft_wrap=True)
    serve(connection, known, address)


@people.command()
def add(
    name: NameArgument,
    role: Annotated[
        WebRole, typer.Option(help="read: looks; work: pauses, resumes and amends, too.")
    ] = "read",
    users: UsersOption = USERS,
) -> None:
    """Make a user, or give one a new password."""
    known = Users(users.absolute())
    _say(name, known.add(name, role=role), known)


@people.command()
def remove(name: NameArgument, users: UsersOption = USERS) -> None:
    """Forget a user, who is signed out at once."""
    gone = Users(users.absolute()).remove(name)
    out.print(f"{'removed' if gone else 'there is no user'}: {name}", markup=False)


def _say(name: str, password: str, users: Users) -> None:
    out.print(f"user       {name}", markup=False)
    out.print(f"password   {password}  (shown this once)", markup=False)
    out.print(f"file       {users.file}", markup=False, soft_wrap=True)
