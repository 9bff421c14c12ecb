"""`al-loop glass overlay`: one curve of several measurements in one figure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from al_loop.cli.console import out


def overlay(
    measured: Annotated[
        list[Path], typer.Argument(help="What `al-loop glass measure -o FILE` has written.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Figure to write: .pdf, .png or .svg.")
    ],
    curve: Annotated[
        str, typer.Option(help="Its name; `al-loop glass names` lists them.")
    ] = "energy_volume",
) -> None:
    """Draw one curve of several measurements over one another, by default energy over volume."""
    from al_loop.glass import Measurement
    from al_loop.glass.compare.overlay import write_overlay

    write_overlay(curve, {str(one): Measurement.read(one) for one in measured}, output)
    out.print(f"written: {output}", markup=False)
