"""`al-loop`: the command."""

from __future__ import annotations

import sys

import typer
from click.exceptions import ClickException

from al_loop.cli import check, db, export, init, run, status
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
app.command()(run.run)
app.command()(run.submit)
app.command()(status.status)
app.add_typer(export.app, name="export")
app.add_typer(db.app, name="db")


def main() -> None:
    """Entry point: errors of ours become a message and exit code 2, never a stack trace."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except AlLoopError as error:
        complain(error)
        sys.exit(2)
    except ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
