"""What is asked of `al-loop glass measure`, checked before anything is measured."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from al_loop.errors import UserError
from al_loop.glass import MeasureOptions

_OPTIONS = {"groups": "only", "charges": "charge", "cutoffs": "cutoff"}


def options_of(asked: Mapping[str, Any]) -> MeasureOptions:
    """The options; UserError that names the option of the command line which is wrong."""
    try:
        return MeasureOptions.model_validate(asked)
    except ValidationError as error:
        first = error.errors()[0]
        key, *names = [str(one) for one in first["loc"] if one != "structure"]
        name = next((one for one in names if not one.isdigit()), "")
        option = _OPTIONS.get(key, key).replace("_", "-")
        what = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{name + ': ' if name else ''}{what}", where=f"--{option}") from None


def check_outputs(output: Path | None, tables: Path | None) -> None:
    """Whether the files can be written; UserError where not, since measuring may take long."""
    for option, path in (("--output", output), ("--tables", tables)):
        if path is None:
            continue
        folder = path if option == "--tables" and path.exists() else path.absolute().parent
        remedy = "choose another place: measuring may take long"
        if not folder.is_dir():
            what = "is no folder" if folder.exists() else "there is no folder"
            raise UserError(f"{folder}: {what}", where=option, remedy=f"make it first, or {remedy}")
        if option == "--output" and path.is_dir():
            raise UserError(f"{path} is a folder", where=option, remedy="give a file in it")
        if not os.access(folder, os.W_OK):
            raise UserError(f"{folder} cannot be written to", where=option, remedy=remedy)
