"""Page "Options of the engines": those of every registered engine."""

from __future__ import annotations

from collections.abc import Iterator

from al_loop.campaign import engine_class, engine_names
from al_loop.campaign.engines import GROUPS
from reference.options import sections
from reference.text import slug

_HEAD = """# Options of the engines

`train.engine`, `explore.engine` and `label.engine` name an engine; `options` beside it are that
engine's own. Engines of your own packages join by an [entry point](../engines.md).
"""
_STAGES = {"train": "Trainers", "explore": "Explorers", "label": "Labellers"}


def page() -> str:
    """The page."""
    return "\n\n".join([_HEAD, *_engines()])


def _engines() -> Iterator[str]:
    for kind in GROUPS:
        yield f"## {_STAGES[kind]}"
        for name in engine_names(kind):
            found = list(sections(engine_class(kind, name).Options, f"{kind}.options", level=4))
            yield f"### `{name}` {{ #{slug(f'{kind} {name}')} }}"
            yield "\n\n".join(_named(one, f"{kind} {name}") for one in found[1:])


def _named(section: str, engine: str) -> str:
    """Two engines may have the same section: its anchor has the engine's name."""
    prefix = slug("key " + engine.split()[0] + ".options")
    return section.replace(f"#{prefix}", f"#{slug('key ' + engine)}")
