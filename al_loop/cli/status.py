"""`al-loop status`: where campaigns stand."""

from __future__ import annotations

from typing import Annotated

import typer

from al_loop.cli.console import LaunchpadOption, connect, out
from al_loop.cli.tables import campaign_view
from al_loop.errors import UserError
from al_loop.loop.status import status_of
from al_loop.store import Store


def status(
    name: Annotated[str | None, typer.Argument(help="Campaign; default: all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    launchpad: LaunchpadOption = None,
) -> None:
    """Show the state of campaigns: stages, counts, errors, times, decisions."""
    with Store(connect(launchpad, start=False)) as store:
        found = status_of(store, name)
    if name is not None and not found.campaigns:
        raise UserError(
            f"there is no campaign called {name!r} in this database",
            remedy="`al-loop status` lists the campaigns",
        )
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    if not found.campaigns:
        out.print("no campaigns yet; `al-loop run FILE` starts one")
    for campaign in found.campaigns:
        out.print(campaign_view(campaign))
