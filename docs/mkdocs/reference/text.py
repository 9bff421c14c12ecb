"""Pieces of Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar within a cell (and outside of code) is no border."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(one) for one in row) + " |" for row in lines)


def _cell(text: str) -> str:
    pieces = re.sub(r"[ \n]+", " ", text).strip().split("`")
    return "`".join(one if i % 2 else one.replace("|", "\\|") for i, one in enumerate(pieces))


def prose(docstring: str | None) -> str:
    """A docstring as Markdown: Sphinx' roles and double backticks become code."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", inspect.cleandoc(docstring or ""))
    return text.replace("``", "`")


def heading(level: int, title: str, anchor: str, *, short: str = "") -> str:
    """A heading with a name to link to, and perhaps a shorter text for the table of contents."""
    label = f' data-toc-label="{short}"' if short else ""
    return f"{'#' * level} {title} {{ #{slug(anchor)}{label} }}"


def slug(name: str) -> str:
    """A name as an anchor."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
