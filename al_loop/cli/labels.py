"""`al-loop labels`: look at labels that are not believed, and say what is to become of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from al_loop.cli.console import LaunchpadOption, connect, out
from al_loop.errors import UserError
from al_loop.loop import review as reviewing
from al_loop.loop.context import Context
from al_loop.loop.review import LabelStatus
from al_loop.store import Store

app = typer.Typer(
    help="Look at labels that are not believed, and say what is to become of them.",
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(help="Campaign.")]
FramesArgument = Annotated[
    list[str] | None, typer.Argument(help="Frames, by the first characters of their hashes.")
]


@app.command()
def review(
    name: NameArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    launchpad: LaunchpadOption = None,
) -> None:
    """List the labels that are in quarantine or have failed, and why."""
    with Store(connect(launchpad, start=False)) as store:
        found = reviewing.review(Context(store, name))
    if as_json:
        typer.echo(json.dumps([one.model_dump() for one in found], indent=2))
        return
    if not found:
        out.print(f"campaign   {name}: every label is believed, and none has failed")
        return
    out.print(_table(found))
    for reason, remedy in {one.reason: one.remedy for one in found}.items():
        out.print(f"{reason}: {remedy}", markup=False)


def _table(found: Sequence[LabelStatus]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("frame", "state", "iteration", "from", "why", "seen"):
        table.add_column(
            title, overflow="fold", justify="right" if title == "iteration" else "left"
        )
    for one in found:
        table.add_row(
            one.frame[:12], one.state, str(one.iteration), one.source, one.reason, one.seen
        )
    return table


@app.command()
def release(
    name: NameArgument,
    frames: FramesArgument = None,
    reason: Annotated[
        str | None, typer.Option(help="All that are in quarantine for this reason.")
    ] = None,
    launchpad: LaunchpadOption = None,
) -> None:
    """Believe labels that are in quarantine: the next training has them."""
    _insist(frames, reason)
    with Store(connect(launchpad, start=False)) as store:
        released = reviewing.release(Context(store, name), frames or (), reason=reason)
    out.print(f"released   {len(released)} labels; the next training of {name} has them")


@app.command()
def quarantine(
    name: NameArgument,
    frames: FramesArgument = None,
    why: Annotated[str, typer.Option(help="What is wrong with them.")] = "no reason given",
    launchpad: LaunchpadOption = None,
) -> None:
    """Keep labels out of training from the next one on; they stay in the database."""
    _insist(frames, None)
    with Store(connect(launchpad, start=False)) as store:
        taken = reviewing.quarantine(Context(store, name), frames or (), why=why)
    out.print(f"quarantine {len(taken)} labels; the next training of {name} is without them")


@app.command()
def rerun(
    name: NameArgument,
    frames: FramesArgument = None,
    reason: Annotated[
        str | None, typer.Option(help="All that have failed or are in quarantine for this reason.")
    ] = None,
    launchpad: LaunchpadOption = None,
) -> None:
    """Compute labels again in the next label stage. Costs as much as the first time."""
    _insist(frames, reason)
    with Store(connect(launchpad, start=False)) as store:
        asked = reviewing.rerun(Context(store, name), frames or (), reason=reason)
    out.print(
        f"again      {len(asked)} labels are computed again in the next label stage of {name}"
    )


def _insist(frames: Sequence[str] | None, reason: str | None) -> None:
    if not frames and reason is None:
        raise UserError(
            "no frame is named", remedy="name frames as `al-loop labels review NAME` shows them"
        )
