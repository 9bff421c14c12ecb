"""`al-loop`: its verbs, and what becomes of errors."""

from __future__ import annotations

import sys

import typer

from al_loop.cli import (
    check,
    control,
    db,
    doctor,
    export,
    glass,
    import_,
    init,
    labels,
    launchpad,
    rehearse,
    report,
    status,
    submitter,
    web,
    worker,
)
from al_loop.cli import run as running
from al_loop.cli.console import complain
from al_loop.errors import AlLoopError

app = typer.Typer(
    name="al-loop",
    help="Neural-network potentials for oxide glasses by active learning.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(init.init)
app.command()(check.check)
app.command()(running.run)
app.command()(rehearse.rehearse)
app.command()(running.submit)
app.command()(status.status)
app.command()(report.report)
app.command()(report.plot)
app.command()(doctor.doctor)
app.command()(worker.worker)
app.command()(submitter.submitter)
app.command()(control.pause)
app.command()(control.stop)
app.command()(control.resume)
app.command()(control.retry)
app.command()(control.amend)
app.command("import")(import_.import_)
app.add_typer(labels.app, name="labels")
app.add_typer(export.app, name="export")
app.add_typer(glass.app, name="glass")
app.add_typer(db.app, name="db")
app.add_typer(launchpad.app, name="launchpad")
app.add_typer(web.app, name="web")


def run() -> None:
    """Errors of ours become a message and exit code 2, never a stack trace."""
    try:
        app()
    except AlLoopError as error:
        complain(error)
        sys.exit(2)
