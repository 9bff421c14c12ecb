"""The explore job: walkers in a job folder, each saved as soon as it has ended.

A job that was stopped or killed goes on with the walker that was running: inside it, where the
engine left its state, and with those that have not begun.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from ase import Atoms

from al_loop import stopping
from al_loop.campaign.engines import EngineOptions, make_engine
from al_loop.errors import JobFolderError, StructureError
from al_loop.explore.committee import CommitteeFiles, committee_files
from al_loop.explore.describing import Describer
from al_loop.explore.interface import (
    Committee,
    Explorer,
    KeepRule,
    Limits,
    Walk,
    Walker,
    program_of,
)
from al_loop.explore.walkfile import load_walk, save_walk, walk_files
from al_loop.frame import read_frames
from al_loop.jobfolder import Clock, JobFolder, JobResult
from al_loop.staging import stage_frames

STARTS = "starts.traj"


class ExploreParams(CommitteeFiles):
    """``params`` of an explore job's ``job.json``; starts.traj has the walkers' order."""

    walkers: tuple[Walker, ...]
    limits: Limits
    keep: KeepRule


def stage_explore_job(
    path: Path,
    *,
    engine: str,
    options: EngineOptions,
    walkers: Sequence[tuple[Walker, Atoms]],
    committee: Committee,
    limits: Limits,
    keep: KeepRule,
) -> JobFolder:
    """Put up an explore job, or find it there; model files are referred to, not copied.

    Safe to do again after a kill and by two processes at once: an intact file is not rewritten.

    Raises
    ------
    JobFolderError
        The folder holds another job, or two walkers have one name.
    StructureError
        A starting configuration is not finite.
    """
    for walker, atoms in walkers:
        if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
            raise StructureError(f"the start of walker {walker.name} is not finite", where=path)
    names = Counter(walker.name for walker, _ in walkers)
    if twice := [name for name, count in names.items() if count > 1]:
        raise JobFolderError(f"two walkers are called {twice[0]!r}", where=path)
    path.mkdir(parents=True, exist_ok=True)
    params = ExploreParams(
        walkers=tuple(walker for walker, _ in walkers),
        limits=limits,
        keep=keep,
        **committee_files(committee, path),
    )
    stage_frames(path, STARTS, [atoms for _, atoms in walkers])
    return JobFolder.create(
        path,
        kind="explore",
        engine=engine,
        options=options.model_dump(mode="json"),
        params=params.model_dump(mode="json", exclude_none=True),
        inputs=(STARTS, *params.models),
    )


def run_explore_job(folder: JobFolder, clock: Clock) -> JobResult:
    """Run the walkers that have not ended yet and seal the result; return it if it is there.

    The caller holds the folder's lock.

    Raises
    ------
    EngineCrashed
        The engine failed in a way that is no walker's fault; what has ended stays saved.
    JobFolderError
        An input is missing or damaged.
    JobStopped
        It was asked to stop; a later run goes on where it was.
    """
    if done := folder.result():
        return done
    folder.check_inputs()
    spec = folder.spec()
    params = explore_params(folder)
    starts = read_frames(folder.path / STARTS)
    walks = {
        walker.name: walk
        for walker in params.walkers
        if (walk := load_walk(folder.path, walker.name, key=spec.key))
    }
    left = [
        (walker, atoms)
        for walker, atoms in zip(params.walkers, starts, strict=True)
        if walker.name not in walks
    ]
    describer = Describer(params.committee(folder.path), params.keep, clock)
    engine = cast(Explorer, make_engine("explore", spec.engine, spec.options))
    for bare in _explore(folder, engine, params=params, walkers=left, clock=clock):
        walk = describer.described(bare)
        save_walk(folder.path, walk, key=spec.key)
        walks[walk.name] = walk
    return folder.finish(
        {
            "walks": [_summary(walks[walker.name]) for walker in params.walkers],
            "program": program_of(engine, folder.path),
        },
        files=[file for walker in params.walkers for file in walk_files(walker.name)],
        clock=clock,
    )


def collect_walks(folder: JobFolder) -> list[Walk]:
    """The walks of a finished job, in the order of its walkers.

    Raises
    ------
    JobFolderError
        There is no valid result.
    """
    folder.valid_result()
    spec = folder.spec()
    walks: list[Walk] = []
    for walker in explore_params(folder).walkers:
        walk = load_walk(folder.path, walker.name, key=spec.key)
        if walk is None:
            raise JobFolderError(f"the walk {walker.name} is damaged", where=folder.path)
        walks.append(walk)
    return walks


def staged_walkers(folder: JobFolder) -> tuple[Walker, ...]:
    """The walkers of a job; JobFolderError when this is not an explore job."""
    return explore_params(folder).walkers


def explore_params(folder: JobFolder) -> ExploreParams:
    """What an explore job is asked for; JobFolderError when this is not an explore job."""
    return folder.params("explore", ExploreParams)


def _explore(
    folder: JobFolder,
    engine: Explorer,
    *,
    params: ExploreParams,
    walkers: Sequence[tuple[Walker, Atoms]],
    clock: Clock,
) -> Iterator[Walk]:
    if not walkers:
        return
    stopping.stop_if_requested(folder.path)
    yield from engine.explore(
        walkers,
        params.committee(folder.path),
        limits=params.limits,
        keep=params.keep,
        folder=folder.path,
        clock=clock,
    )


def _summary(walk: Walk) -> dict[str, str | int]:
    return {
        "name": walk.name,
        "stop": walk.stop,
        "detail": walk.detail,
        "samples": len(walk.step),
        "cut": walk.cut,
        "kept": len(walk.kept),
    }
