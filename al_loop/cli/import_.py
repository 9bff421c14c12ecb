"""`al-loop import`: labels from elsewhere into a campaign."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from al_loop.campaign import load_campaign
from al_loop.cli.console import LaunchpadOption, connect, out
from al_loop.cli.takeover import DPGEN, take_over
from al_loop.errors import UserError
from al_loop.exchange import read_data_set
from al_loop.jobfolder import write_atomically
from al_loop.launch.submit import register
from al_loop.loop.context import Context
from al_loop.loop.importing import OWN, ImportReport, import_labels, take_back
from al_loop.store import Store


def import_(
    campaign: Annotated[
        str, typer.Option(help="Campaign: its name, or its file if it has not begun.")
    ],
    path: Annotated[
        Path | None,
        typer.Argument(
            help="File or folder, or the word dpgen. Without: labels that the database has already."
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="With the word dpgen: a folder in which `dpgen run` has worked; it becomes the "
            "campaign that --campaign names.",
        ),
    ] = None,
    fmt: Annotated[
        str | None,
        typer.Option("--format", help="dpdata's or ASE's name of the format; default: guessed."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help=f"What the labels are by: a name of label.declared, or `{OWN}`, by which you "
            "vouch that they are by the campaign's own labeller."
        ),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write what was refused, as JSON.")] = None,
    launchpad: LaunchpadOption = None,
) -> None:
    """Bring labels in; they join the next training. Exit code 1: some were refused."""
    if folder is not None:
        if path != Path(DPGEN):
            raise UserError(
                f"two paths are given, {path} and {folder}",
                remedy="import one after the other; `al-loop import dpgen DIR` takes a run over",
            )
        taken = take_over(folder, campaign, launchpad)
        _tell(taken)
        out.print(f"next:      al-loop check {campaign}.yaml, then al-loop run {campaign}.yaml")
        if taken.refused:
            raise typer.Exit(1)
        return
    if path is not None and method is None:
        raise UserError(
            "by which method are these labels?",
            where="--method",
            remedy=f"a name that the campaign has in label.declared, or `{OWN}` (docs/import.md)",
        )
    file = Path(campaign) if campaign.endswith((".yaml", ".yml")) else None
    spec = load_campaign(file) if file else None
    with Store(connect(launchpad, start=spec is not None)) as store:
        if spec is not None and file is not None:
            register(store, spec, base=file.parent)
        ctx = Context(store, spec.name if spec else campaign)
        if path is None or method is None:
            out.print(f"taken      {take_back(ctx)} labels of the database into {ctx.name}")
            return
        found = import_labels(ctx, read_data_set(path, fmt), method=method)
    _tell(found)
    if report is not None:
        write_atomically(report, found.model_dump_json(indent=1) + "\n")
    if found.refused:
        raise typer.Exit(1)


def _tell(found: ImportReport) -> None:
    out.print(
        f"imported   {found.new} labels new, {found.already_there} were there already, "
        f"{len(found.refused)} refused"
    )
    if found.quarantined:
        out.print(f"quarantine {found.quarantined} of them: al-loop labels review {found.campaign}")
    for reason, count in Counter(one.reason for one in found.refused).most_common(10):
        first = next(one.where for one in found.refused if one.reason == reason)
        out.print(f"refused    {count}: {reason} ({first})", markup=False)
