"""Files that ship with al_loop: templates, configs, launchpad."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

ResourceKind = Literal["templates", "configs", "launchpad"]


def resource_folder(kind: ResourceKind) -> Path:
    """Folder of shipped files: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).parent
    installed = package / "_data" / kind
    return installed if installed.is_dir() else package.parent / kind


def render_template(name: str, **values: Any) -> str:
    """Render a file of ``templates/`` (Jinja2); a value that is missing is an error."""
    loader = FileSystemLoader(resource_folder("templates"))
    environment = Environment(
        loader=loader,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # engine inputs are not HTML
    )
    return environment.get_template(name).render(**values)
