"""Page "Python": the public names, by mkdocstrings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module

_HEAD = """# Python

The public names. They are imported when they are first used. Every error is an `AlLoopError`,
with `what`, `where` and `remedy`.
"""
_ROOMS = (
    ("al_loop", "Campaigns", "What a script needs: a campaign, its database, its results."),
    ("al_loop.glass", "What a glass is like", "See [the page about it](../glass.md)."),
    ("al_loop.glass.structure", "Structure", ""),
    ("al_loop.glass.dynamics", "Dynamics", ""),
    ("al_loop.label", "For labellers of your own", "See [the example](../engines.md)."),
)
_ONLY = {"al_loop.label": ("Labeller", "Label", "check_frame", "check_distances")}


def page() -> str:
    """The page."""
    return "\n\n".join([_HEAD, *(part for room in _ROOMS for part in _room(*room))])


def _room(module: str, title: str, words: str) -> Iterator[str]:
    yield f"## {title}\n\n`{module}`. {words}"
    room = import_module(module)
    for found in (getattr(room, name) for name in _ONLY.get(module, room.__all__)):
        if inspect.isclass(found) or inspect.isroutine(found):  # and no names of types
            # where it is defined: a function may be called like the module that it is in
            yield f"::: {found.__module__}.{found.__qualname__}"
