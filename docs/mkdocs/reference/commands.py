"""Page "Commands": every verb of `al-loop`, as typer has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from al_loop.cli.app import app
from reference.text import heading, table

_HEAD = """# Commands

`al-loop VERB --help` says the same. Errors end with exit code 2, a message and a way out.
"""


def page() -> str:
    """The page."""
    top = typer.main.get_command(app)
    return "\n\n".join([_HEAD, *_commands(top, "al-loop", None)])


def _commands(command: Any, name: str, parent: Any) -> Iterator[str]:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    if parent is not None:
        yield heading(2, f"`{name}`", name)
        yield command.help or ""
        yield f"```\n{' '.join([name, *command.collect_usage_pieces(context)])}\n```"
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    rows = [(f"`{one}`", _escaped(text)) for one, text in filter(None, records) if one != "--help"]
    if rows and parent is not None:
        yield table(("argument or option", "meaning"), rows)
    for verb in getattr(command, "commands", {}).values():
        yield from _commands(verb, f"{name} {verb.name}", context)


def _escaped(text: str) -> str:
    return text.replace("[", "\\[").replace("<", "&lt;").replace("*", "\\*")
