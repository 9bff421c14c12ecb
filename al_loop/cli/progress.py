"""A bar on the terminal for what takes its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from al_loop.cli.console import err


@contextmanager
def counting(what: str, steps: int) -> Iterator[Callable[[], None]]:
    """A bar of so many steps; what is yielded is called after each. Nothing where no one looks."""
    bar = Progress(
        TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=err, transient=True, disable=not err.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(what, total=steps)
        yield lambda: bar.advance(task)
