"""Options that several glass commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Arguments = Annotated[
    list[str] | None,
    typer.Option(help="Of the calculator: model=graph.pb. May be repeated."),
]
Dispersion = Annotated[
    str | None,
    typer.Option("--d3", help="Add D3(BJ) of this functional to the calculator: pbe."),
]
