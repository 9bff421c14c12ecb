"""The command `al-loop` before it has verbs."""

from __future__ import annotations

import typer


def new_app() -> typer.Typer:
    """A command without verbs."""
    return typer.Typer(
        name="al-loop",
        help="Neural-network potentials for oxide glasses by active learning.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
