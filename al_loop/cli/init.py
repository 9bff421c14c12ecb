"""`al-loop init`: a campaign file to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from al_loop.cli.console import out
from al_loop.errors import UserError
from al_loop.jobfolder import write_atomically
from al_loop.resources import resource_folder


def _templates() -> list[str]:
    return sorted(path.stem for path in resource_folder("configs").glob("*.yaml"))


def init(
    name: Annotated[str, typer.Argument(help="Name of the new campaign.")],
    template: Annotated[
        str, typer.Option(help="Campaign to start from; `list` shows them.")
    ] = "silica-quickstart",
) -> None:
    """Write NAME.yaml, a campaign file to edit, and the curves that it reads."""
    if template == "list":
        out.print("\n".join(_templates()))
        return
    source = resource_folder("configs") / f"{template}.yaml"
    if template not in _templates():
        raise UserError(
            f"there is no template called {template!r}",
            remedy=f"there are: {', '.join(_templates())}",
        )
    target = Path(f"{name}.yaml")
    if target.exists():
        raise UserError("this file exists already", where=target, remedy="choose another name")
    lines = source.read_text().splitlines(keepends=True)
    text = "".join(f"name: {name}\n" if line.startswith("name:") else line for line in lines)
    curves = [path for path in source.parent.glob("*.csv") if path.name in text]
    try:
        for curve in curves:
            if not (copy := Path(curve.name)).exists():
                write_atomically(copy, curve.read_bytes())
        write_atomically(target, text)
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", where=target) from None
    out.print(f"wrote {target}\nnext:  al-loop check {target}\n       al-loop run {target}")
