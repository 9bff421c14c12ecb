"""What mkdocs cannot do by itself: the generated reference, the project's own pages, equations."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from reference import collections, commands, engines, mathml, options, python

PROJECT = Path(__file__).resolve().parents[2]
PROJECT_PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")

GENERATED = {
    "reference/campaign.md": options.page,
    "reference/engines.md": engines.page,
    "reference/commands.md": commands.page,
    "reference/python.md": python.page,
    "reference/collections.md": collections.page,
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """A page to which nobody has given a place yet stands under "More"."""
    placed = str(config.nav)
    pages = sorted(path.name for path in Path(config.docs_dir).glob("*.md"))
    if others := [name for name in pages if f"'{name}'" not in placed]:
        config.nav = [*(config.nav or []), {"More": others}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The reference, made from the code, and the pages that stand beside the README."""
    for name, page in GENERATED.items():
        files.append(File.generated(config, name, content=page()))
    for name in PROJECT_PAGES:
        files.append(File.generated(config, name, abs_src_path=str(PROJECT / name)))
    return files


def on_page_content(html: str, **_: object) -> str:
    """Equations as MathML, and Sphinx' roles in docstrings as plain code."""
    return re.sub(r":(?:class|meth|func|mod|attr|data):(<code[^>]*>)~?", r"\1", mathml.render(html))
