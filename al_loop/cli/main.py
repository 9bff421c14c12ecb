"""Entry point of `al-loop`. Light on purpose: worker processes import it again."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from al_loop.cli.app import run

    run()
