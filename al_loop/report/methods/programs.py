"""Which programs computed a campaign, by their versions."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import islice

from al_loop.errors import AlLoopError
from al_loop.jobfolder import JobFolder
from al_loop.loop.context import Context
from al_loop.report.source import Source
from al_loop.store import JobRecord, Stage

_STAGES: dict[str, tuple[Stage, ...]] = {
    "train": ("train",),
    "explore": ("explore",),
    "validate": ("validate",),
    "label": ("start", "label"),
}
"""Whose results name their program; of exploration and validation not in earlier versions."""

_OTHERS = ("describe", "score", "measure.")
"""How the names of jobs begin that are among those of a stage, and not its engine's."""

PACKAGES = ("al-loop", "ase", "fireworks", "numpy", "pymongo", "scipy")


@dataclass(frozen=True)
class Program:
    """What did something, and whether the jobs themselves say so."""

    does: str
    name: str
    found: str
    """`in the jobs` that computed, or `installed here` where the report was made."""


def programs_of(source: Source) -> list[Program]:
    """Engines as the jobs name them where their folders are at hand, and the packages here."""
    ctx = source.ctx
    engines = [("train", ctx.trainer.check), ("explore", ctx.explorer.check)]
    if ctx.store.glasses.has_any(ctx.name):
        engines.append(("validate", ctx.explorer.check))
    found = []
    for does, check in (*engines, ("label", ctx.labeller.check)):
        named = _named_by_jobs(source, does)
        found += [Program(does, name, "in the jobs") for name in named]
        if not named:
            try:
                found.append(Program(does, check(), "installed here"))
            except AlLoopError as error:
                found.append(Program(does, f"unknown: {error.what}", "not installed here"))
    found += [Program("package", f"{one} {_version(one)}", "installed here") for one in PACKAGES]
    found.append(Program("package", f"Python {sys.version.split()[0]}", "installed here"))
    return found


def _named_by_jobs(source: Source, does: str) -> list[str]:
    """Programs in the results of the engine's first job of each iteration."""
    ctx = source.ctx
    named = set()
    for record in source.iterations:
        for stage in _STAGES[does]:
            jobs = ctx.store.jobs.of_stage(ctx.name, record.index, stage)
            mine = (job for job in jobs if not job.name.startswith(_OTHERS))
            named |= {name for job in islice(mine, 1) if (name := _program(ctx, job))}
    return sorted(named)


def _program(ctx: Context, job: JobRecord) -> str:
    try:
        folder: JobFolder = ctx.folder_of(job)
        result = folder.result()
    except (AlLoopError, OSError):  # moved, or on another machine
        return ""
    return str(result.payload.get("program", "")) if result else ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(unknown)"
