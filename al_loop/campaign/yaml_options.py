"""Options in a YAML file, with errors that name the key and its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from al_loop.errors import CampaignFileError, UserError

Location = Sequence[int | str]
Model = TypeVar("Model", bound=BaseModel)


def parse_options(
    model: type[Model],
    text: str,
    *,
    where: str,
    what: str,
    tags: Mapping[str, int],
    error: type[UserError] = CampaignFileError,
    base: Path = Path(),
) -> Model:
    """Validate the text of a file; ``where`` is how errors call it, ``what`` it is.
    ``tags``: top key -> where in a place below it pydantic inserts the kind of a part, which is no
    key of the file. Files that are read with it are relative to ``base``.

    Raises
    ------
    UserError
        As ``error``, with one line for each wrong key: where it stands, what is wrong, what was
        meant.
    """
    try:
        node = YAML(typ="safe", pure=True).compose(text)
        data = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        place = f"{where}, line {mark.line + 1}" if mark else where
        raise error(f"not valid YAML: {wrong.problem or wrong.context}", where=place) from None
    except YAMLError as wrong:
        raise error(f"not valid YAML: {wrong}", where=where) from None
    if not isinstance(data, dict):
        raise error(f"{what} is a mapping of keys to values", where=where)
    try:
        return model.model_validate(_named(data), context={"base": base})
    except ValidationError as wrong:
        problems = [_explain(node, detail, tags) for detail in wrong.errors()]
        raise error("\n".join(problems), where=where) from None


def _named(value: Any) -> Any:
    """The same values with all keys as text (YAML reads ``300:`` as a number)."""
    if isinstance(value, dict):
        return {str(key): _named(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_named(item) for item in value]
    return value


def _explain(node: Node | None, detail: ErrorDetails, tags: Mapping[str, int]) -> str:
    """One line for one of pydantic's errors: line, key, what is wrong."""
    path = list(detail["loc"])
    if path and (at := tags.get(str(path[0]))) is not None:
        del path[at : at + 1]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    line = _line(node, path)
    given = detail["input"]
    found = f" (it is {given!r})" if isinstance(given, str | int | float) else ""
    if detail["type"] in ("unknown_key", "needed_key"):
        found = ""
    return f"line {line}: {key}: {detail['msg']}{found}" if key else f"{detail['msg']}{found}"


def _line(node: Node | None, path: Location) -> int:
    """Line (from 1) of the deepest part of ``path`` that stands in the file."""
    line = 1
    for part in path:
        if isinstance(node, MappingNode):
            found = [(key, value) for key, value in node.value if str(part) == key.value]
            if not found:
                break
            key, node = found[-1]
            line = key.start_mark.line + 1
        elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
