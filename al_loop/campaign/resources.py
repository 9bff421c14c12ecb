"""What jobs may use, as options."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
)

from al_loop.campaign.options import (
    Name,
    Options,
    Positive,
)


def _walltime(value: Any) -> Any:
    """Seconds from ``HH:MM:SS``, ``D-HH:MM:SS`` or a number of seconds (YAML 1.1: sexagesimal)."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(?:(\d+)-)?(\d{1,3}):([0-5]\d):([0-5]\d)", value.strip())
    if not found:
        raise ValueError(f"{value!r} is not a time such as 04:00:00 or 2-00:00:00")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


class JobResources(Options):
    """What one job of a stage needs of a cluster; what is not given is left to the site's files."""

    queue: Name | None = Field(
        None,
        description="Kind of node: the category of a file in fworkers/; default: any.",
    )
    cores: int | None = Field(None, ge=1, description="CPU cores of a job.")
    gpus: int | None = Field(None, ge=0, description="GPUs of a job.")
    memory: Positive | None = Field(None, description="Memory of a job, GB.")
    walltime: Annotated[int, BeforeValidator(_walltime)] | None = Field(
        None, ge=60, description="HH:MM:SS; a job that needs longer stops cleanly and goes on."
    )


class Resources(Options):
    """What jobs may use, here and on a cluster. Changes nothing of what is computed."""

    cores: int | None = Field(
        None, ge=1, description="Jobs at a time of `al-loop run`; default: all cores."
    )
    quench: JobResources = Field(default_factory=JobResources)
    train: JobResources = Field(default_factory=JobResources)
    explore: JobResources = Field(default_factory=JobResources)
    label: JobResources = Field(default_factory=JobResources)
    validation: JobResources = Field(default_factory=JobResources, alias="validate")
