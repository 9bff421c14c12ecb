"""Entry point of `al-loop`. Light on purpose: worker processes import it again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from al_loop.errors import AlLoopError

if TYPE_CHECKING:
    import typer

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def main() -> None:
    """Run the command line.

    Errors of ours become a message and exit code 2, and Ctrl-C ends it, without a stack trace.
    """
    try:
        _app()()
    except AlLoopError as error:
        from al_loop.cli.console import complain

        complain(error)
        sys.exit(2)
    except KeyboardInterrupt:  # while modules were imported
        _give_up()
    except SystemError as error:
        if not _interrupted(error):
            raise
        _give_up()


def _app() -> typer.Typer:
    """All verbs; where the first word is ``glass``, those of glasses alone.

    They need neither FireWorks nor MongoDB, which take seconds to import.
    """
    if sys.argv[1:2] != ["glass"]:
        from al_loop.cli.app import app

        return app
    from al_loop.cli.glass import app as glasses
    from al_loop.cli.root import new_app

    alone = new_app()
    alone.add_typer(glasses, name="glass")
    return alone


def _interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: compiled code makes a SystemError of it."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _give_up() -> None:
    print("Aborted.", file=sys.stderr)
    sys.exit(INTERRUPTED)
