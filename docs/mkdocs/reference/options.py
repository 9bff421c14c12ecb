"""Page "Campaign file": every key, from the pydantic models."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from al_loop.campaign import CampaignSpec, EngineOptions
from reference.kinds import default, describe, nested
from reference.text import heading, prose, slug, table

_HEAD = """# Campaign file

Every key that a campaign file may have, as this version of the code knows it. A key that is not
here is an error that says which one was probably meant. Numbers have fixed units: they stand in the
descriptions. A key is **needed** where it has no default. `NAME` stands for a name that you choose,
`[]` for each entry of a list.
"""


def page() -> str:
    """The page."""
    return "\n\n".join([_HEAD, *sections(CampaignSpec, "")])


def sections(
    model: type[BaseModel],
    path: str,
    *,
    tag: str = "",
    level: int = 2,
    seen: set[str] | None = None,
) -> Iterator[str]:
    """A model's keys, then those of the models within it, depth first, each once."""
    seen = set() if seen is None else seen
    if (anchor := _anchor(path, tag)) in seen:
        return
    seen.add(anchor)
    title = f"`{path}`" if path else "The file"
    title += f", with `{tag}`" if tag else ""
    yield heading(level, title, anchor, short=_short(path, tag))
    yield prose(model.__doc__)
    yield table(("key", "value", "default", "meaning"), _rows(model, path))
    for name, field in model.model_fields.items():
        here = f"{path}.{field.alias or name}".lstrip(".")
        for one in nested(field.annotation):
            if one.model is not EngineOptions:
                where = here + one.suffix
                yield from sections(one.model, where, tag=one.tag, level=level, seen=seen)


def _rows(model: type[BaseModel], path: str) -> Iterator[tuple[str, str, str, str]]:
    for name, field in model.model_fields.items():
        key = field.alias or name
        inner = list(nested(field.annotation))
        kind = describe(field.annotation, tuple(field.metadata))
        if inner and inner[0].model is EngineOptions:
            kind = "[the engine's](engines.md)"
        elif inner:
            here = f"{path}.{key}".lstrip(".")
            kind = " or ".join(
                f"[{one.tag or here + one.suffix}](#{_anchor(here + one.suffix, one.tag)})"
                for one in inner
            )
        text = prose(field.description)
        if not text and inner:
            text = prose(inner[0].model.__doc__).split("\n\n")[0] if len(inner) == 1 else ""
        yield f"`{key}`", kind, default(field), text


def _short(path: str, tag: str) -> str:
    """What the narrow table of contents has room for."""
    parts = path.split(".")
    name = path if len(parts) < 3 else f"… {'.'.join(parts[2:])}"
    return f"{name}: {tag}" if tag else name or "The file"


def _anchor(path: str, tag: str) -> str:
    return slug(f"key {path} with {tag}" if tag else f"key {path}")
