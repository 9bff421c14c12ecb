"""What a firework asks for: its place in the line, and resources in the words of our templates."""

from __future__ import annotations

import re
from typing import Any, Literal

from al_loop.campaign import CampaignSpec
from al_loop.campaign.resources import JobResources
from al_loop.launch.guard import QueueRequest
from al_loop.store import JobRecord, Stage

ResourceStage = Literal["quench", "train", "explore", "label", "validate"]

RESOURCES: dict[Stage, ResourceStage] = {
    "quench": "quench",
    "start": "label",
    "train": "train",
    "validate": "validate",
    "explore": "explore",
    "select": "train",
    "label": "label",
    "assess": "train",
}
"""Stage -> whose ``resources`` its jobs are given."""

_ORDER: tuple[Stage, ...] = (
    "quench",
    "start",
    "train",
    "validate",
    "explore",
    "select",
    "label",
    "assess",
)
_FIRST = 100_000

LONGEST_WARNING = 180
"""Seconds before the end of its walltime at which a job is asked to stop."""


def resources_of(spec: CampaignSpec, stage: Stage) -> JobResources:
    """What the jobs of a stage are given."""
    wanted = RESOURCES[stage]
    if wanted == "validate":  # a name that pydantic has taken
        return spec.resources.validation
    found: JobResources = getattr(spec.resources, wanted)
    return found


def priority(job: JobRecord) -> int:
    """Late stages of old iterations go first; always positive (none ranks last in FireWorks)."""
    return _FIRST - len(_ORDER) * job.iteration + _ORDER.index(job.stage)


def queue_request(wanted: JobResources, *, name: str) -> dict[str, Any]:
    """``_queueadapter`` of a firework: what is not asked for is left to the site's files.

    ``gpus`` is there, and null, when none is asked for: it overrules the site's file.
    """
    walltime = wanted.walltime
    warning = None if walltime is None else warning_before(walltime)
    request = QueueRequest(
        job_name=re.sub(r"[^A-Za-z0-9_.-]", "-", name),
        cores=wanted.cores,
        gpus=wanted.gpus or None,
        memory=None if wanted.memory is None else round(1024 * wanted.memory),
        walltime=None if walltime is None else clock(walltime),
        warning=warning,
        grace=None if warning is None else max(1, warning // 2),
    )
    asked = request.model_dump(exclude_none=True)
    return {**asked, "gpus": None} if wanted.gpus == 0 else asked


def clock(seconds: int) -> str:
    """``HH:MM:SS``, as Slurm and PBS read it."""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def warning_before(walltime: float) -> int:
    """Seconds before the end at which a job is asked to stop: a fifth of a short walltime."""
    return max(10, min(LONGEST_WARNING, int(walltime) // 5))
