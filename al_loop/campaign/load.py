"""campaign.yaml to CampaignSpec, with errors that name the key and its line."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from al_loop.campaign.engines import EngineKind, engine_class
from al_loop.campaign.spec import CampaignSpec
from al_loop.errors import CampaignFileError, EngineMissing

_TAGS = {"crystal", "formula", "file"}


def load_campaign(path: Path) -> CampaignSpec:
    """Read and validate a campaign file.

    Raises
    ------
    CampaignFileError
        With one line for each wrong key: where it stands, what is wrong, what was meant.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise CampaignFileError(
            f"cannot be read: {error.strerror}",
            where=path,
            remedy="`al-loop init NAME --template silica-quickstart` writes one to start from",
        ) from None
    return parse_campaign(text, where=str(path))


def parse_campaign(text: str, *, where: str = "campaign") -> CampaignSpec:
    """Validate the text of a campaign file; ``where`` is how errors call it."""
    try:
        data = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise CampaignFileError(
            f"not valid YAML: {error.problem}", where=f"{where}, line {line}"
        ) from None
    if not isinstance(data, dict):
        raise CampaignFileError("a campaign is a mapping of keys to values", where=where)
    try:
        return CampaignSpec.model_validate(_plain(data))
    except ValidationError as error:
        problems = [_explain(data, detail) for detail in error.errors()]
        raise CampaignFileError("\n".join(problems), where=where) from None
    except EngineMissing as error:
        raise CampaignFileError(error.what, where=where, remedy=error.remedy) from None


def dump_campaign(spec: CampaignSpec) -> dict[str, Any]:
    """The campaign as plain JSON values, defaults included; ``model_validate`` reads it back."""
    return spec.model_dump(mode="json", by_alias=True)


def _plain(value: Any) -> Any:
    """Round-trip YAML values as plain dicts, lists and scalars."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _explain(data: CommentedMap, detail: ErrorDetails) -> str:
    """One line for one of pydantic's errors: key, line, what is wrong."""
    path = [part for part in detail["loc"] if part not in _TAGS or part == detail["loc"][-1]]
    if path and path[-1] in _TAGS and not _has(data, path):
        path = path[:-1] if detail["type"] != "missing" else path
    key = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
    line = _line(data, path)
    prefix = f"line {line}: " if line else ""
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        names = _known_keys(data, path[:-1])
        close = difflib.get_close_matches(str(path[-1]), names, n=1)
        message = "unknown key" + (
            f"; did you mean {close[0]!r}?" if close else f"; known here: {', '.join(names)}"
        )
    elif detail["type"] == "missing":
        message = "this key is needed"
    elif isinstance(detail["input"], (str, int, float)):
        message = f"{message} (it is {detail['input']!r})"
    return f"{prefix}{key}: {message}" if key else f"{prefix}{message}"


def _has(data: Any, path: list[int | str]) -> bool:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _line(data: Any, path: list[int | str]) -> int | None:
    """Line (from 1) of the deepest part of ``path`` that stands in the file."""
    line: int | None = None
    for part in path:
        if isinstance(data, CommentedMap) and part in data:
            line = data.lc.key(part)[0] + 1
        elif isinstance(data, CommentedSeq) and isinstance(part, int) and part < len(data):
            line = data.lc.item(part)[0] + 1
        else:
            break
        data = data[part]
    return line


def _known_keys(data: Any, path: list[int | str]) -> list[str]:
    """Keys that may stand where ``path`` leads, from the models themselves."""
    model: type[BaseModel] | None = CampaignSpec
    here: Any = data
    for part in path:
        here = here[part] if _has(here, [part]) else None
        if part == "options" and isinstance(model, type):
            model = _options_model(data, path)
            continue
        model = _model_of_part(model, part, here)
        if model is None:
            return []
    fields = model.model_fields if model else {}
    return [field.alias or name for name, field in fields.items()]


def _options_model(data: Any, path: list[int | str]) -> type[BaseModel] | None:
    stage = str(path[0])
    if stage not in ("train", "explore", "label"):
        return None
    kind: EngineKind = stage  # type: ignore[assignment]  # narrowed by the test above
    default = CampaignSpec.model_fields[stage].annotation
    assert default is not None
    name = data[stage].get("engine") or default.model_fields["engine"].default
    return engine_class(kind, name).Options


def _model_of_part(
    model: type[BaseModel] | None, part: int | str, here: Any
) -> type[BaseModel] | None:
    """Model that describes the value under ``part`` of a mapping described by ``model``."""
    from al_loop.campaign import spec

    if model is None:
        return None
    if isinstance(part, int):
        return model
    if model is CampaignSpec and part == "structures":
        return model
    for name, field in model.model_fields.items():
        if part in (name, field.alias):
            models = [m for m in _models_in(field.annotation)]
            return models[0] if models else None
    kinds = {"crystal": spec.CrystalSource, "formula": spec.PackedSource, "file": spec.FileSource}
    found = [m for key, m in kinds.items() if isinstance(here, dict) and key in here]
    return found[0] if found else None


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found: list[type[BaseModel]] = []
    for argument in getattr(annotation, "__args__", ()):
        found.extend(_models_in(argument))
    return found
