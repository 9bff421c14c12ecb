"""What may stand for a key, in words: from the annotations of the pydantic models."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as limits
from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo

_WORDS = {str: "text", int: "whole number", float: "number", Path: "path", bool: "true or false"}
_CHECKED = {
    "_element": "element",
    "_formula": "formula",
    "_pairs": "pairs of elements with distances, `{Si-O: 1.3}`",
    "_walltime": "time, HH:MM:SS",
}
_SIGNS = (
    (limits.Gt, "gt", ">"),
    (limits.Ge, "ge", "≥"),
    (limits.Lt, "lt", "<"),
    (limits.Le, "le", "≤"),
)


@dataclass(frozen=True)
class Nested:
    """A model within a model: what is appended to its key, and which kind of a union it is."""

    suffix: str
    tag: str
    model: type[BaseModel]


def describe(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    """What may be given, for a person."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return describe(inner, (*metadata, *more))
    for one in metadata:
        function = getattr(one, "func", None)
        if function is not None and function.__name__ in _CHECKED:
            return _CHECKED[function.__name__]
    return _plain(annotation) + _bounds(metadata)


def _plain(annotation: Any) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{_yaml(one)}`" for one in args)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(describe(a) for a in args if a is not types.NoneType))
    if origin is tuple:
        if args[-1] is Ellipsis:
            return f"list of: {describe(args[0])}"
        return f"list of {len(args)}: {describe(args[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"for each {describe(args[0])}: {describe(args[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    return _WORDS.get(annotation, "any value")


def _bounds(metadata: tuple[Any, ...]) -> str:
    found = [
        f"{sign}\u00a0{getattr(one, name):g}"
        for kind, name, sign in _SIGNS
        for one in _flat(metadata)
        if isinstance(one, kind)
    ]
    return " " + ", ".join(found) if found else ""


def _flat(metadata: tuple[Any, ...]) -> Iterator[Any]:
    for one in metadata:
        yield from one.metadata if isinstance(one, FieldInfo) else (one,)


def nested(annotation: Any, suffix: str = "", tag: str = "") -> Iterator[Nested]:
    """The models that an annotation mentions."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        tags = [one.tag for one in args[1:] if isinstance(one, Tag)]
        yield from nested(args[0], suffix, tags[0] if tags else tag)
    elif origin is tuple:
        yield from nested(args[0], f"{suffix}[]")
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield from nested(args[1], f"{suffix}.NAME")
    elif origin in (Union, types.UnionType):
        for one in args:
            yield from nested(one, suffix, tag)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield Nested(suffix, tag, annotation)


def default(field: FieldInfo) -> str:
    """A field's default as it would be written in YAML."""
    if field.is_required():
        return "**needed**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return "its section's"
    return "none" if value is None or value in ((), {}, "") else f"`{_yaml(value)}`"


def _yaml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(_yaml(one) for one in value)}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
