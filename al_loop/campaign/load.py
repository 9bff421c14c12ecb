"""campaign.yaml to CampaignSpec, with errors that name the key and its line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from al_loop.campaign.spec import CampaignSpec
from al_loop.errors import CampaignFileError, EngineMissing

Location = Sequence[int | str]


def load_campaign(path: Path) -> CampaignSpec:
    """Read and validate a campaign file.

    Raises
    ------
    CampaignFileError
        With one line for each wrong key: where it stands, what is wrong, what was meant.
    EngineMissing
        An engine is known but something that it needs is not installed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CampaignFileError(
            f"cannot be read: {error.strerror}",
            where=path,
            remedy="`al-loop init NAME --template silica-quickstart` writes one to start from",
        ) from None
    except UnicodeDecodeError as error:
        raise CampaignFileError(f"is not a text in UTF-8: {error.reason}", where=path) from None
    return parse_campaign(text, where=str(path), base=path.parent)


def parse_campaign(text: str, *, where: str = "campaign", base: Path = Path()) -> CampaignSpec:
    """Validate the text of a campaign file; ``where`` is how errors call it.

    Files that are read with it are relative to ``base``.
    """
    try:
        node = YAML(typ="safe", pure=True).compose(text)
        data = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where}, line {mark.line + 1}" if mark else where
        raise CampaignFileError(
            f"not valid YAML: {error.problem or error.context}", where=place
        ) from None
    except YAMLError as error:
        raise CampaignFileError(f"not valid YAML: {error}", where=where) from None
    if not isinstance(data, dict):
        raise CampaignFileError("a campaign is a mapping of keys to values", where=where)
    try:
        return CampaignSpec.model_validate(_named(data), context={"base": base})
    except ValidationError as error:
        problems = [_explain(node, detail) for detail in error.errors()]
        raise CampaignFileError("\n".join(problems), where=where) from None
    except EngineMissing as error:
        raise EngineMissing(error.what, where=where, remedy=error.remedy) from error


def dump_campaign(spec: CampaignSpec) -> dict[str, Any]:
    """The campaign as plain JSON values, defaults included; ``model_validate`` reads it back."""
    return spec.model_dump(mode="json", by_alias=True)


def _named(value: Any) -> Any:
    """The same values with all keys as text (YAML reads ``300:`` as a number)."""
    if isinstance(value, dict):
        return {str(key): _named(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_named(item) for item in value]
    return value


def _explain(node: Node | None, detail: ErrorDetails) -> str:
    """One line for one of pydantic's errors: line, key, what is wrong."""
    path = list(detail["loc"])
    if path[:1] == ["structures"]:
        del path[2:3]  # the kind of source, which pydantic inserts, is no key of the file
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
