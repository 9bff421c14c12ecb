"""`al-loop glass report`: a page of HTML, and figures for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from al_loop.cli.console import out
from al_loop.errors import UserError

MeasuredArgument = Annotated[
    Path, typer.Argument(help="What `al-loop glass measure -o FILE` has written.")
]
ReferenceOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--reference",
        "-r",
        help="Yours: values (.yaml), a curve (.csv), another measurement (.json). May be repeated.",
    ),
]
OwnOption = Annotated[
    bool, typer.Option("--only-mine", help="Leave out the references that come with al_loop.")
]


def report(
    measured: MeasuredArgument,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="HTML file to write.")
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(help="Folder for each figure as PDF and PNG, for a paper."),
    ] = None,
    reference: ReferenceOption = None,
    only_mine: OwnOption = False,
) -> None:
    """Write one page of HTML (verdicts, figures, all values), or the figures as files, or both."""
    from al_loop.glass import Measurement
    from al_loop.glass.compare import load_references
    from al_loop.glass.compare.figures import write_figures
    from al_loop.glass.compare.report import write_report

    if output is None and figures is None:
        raise UserError("what is to be written?", remedy="give --output, --figures or both")
    found = Measurement.read(measured)
    references = load_references(reference or [], shipped=not only_mine)
    if output is not None:
        write_report(found, references, output)
        out.print(f"written: {output}", markup=False)
    if figures is not None:
        count = len(write_figures(found, references, figures))
        out.print(f"written: {count} files in {figures}", markup=False)
