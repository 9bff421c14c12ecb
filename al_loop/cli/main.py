"""Entry point of `al-loop`. Light on purpose: worker processes import it again."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def main() -> None:
    """Run the command line. After Ctrl-C it ends without a stack trace, wherever it was."""
    try:
        from al_loop.cli.app import run

        run()
    except KeyboardInterrupt:  # while modules were imported
        _give_up()
    except SystemError as error:
        if not _interrupted(error):
            raise
        _give_up()


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
