"""The job that makes a glass with a trained potential: a melt is quenched, the glass is held.

The campaign's own explorer runs it, so it goes wherever exploration goes, with D3 where it is added
in MD. The whole committee travels along: how far its members differ is known all along the way.
A job that was stopped or killed goes on where the explorer can, and never makes again what has
ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from ase import Atoms
from ase.optimize import FIRE
from pydantic import BaseModel, ConfigDict

from al_loop import stopping
from al_loop.campaign.engines import EngineOptions, make_engine
from al_loop.errors import JobFolderError
from al_loop.explore import Committee, Explorer, KeepRule, Limits, Walk, Walker, program_of
from al_loop.explore.committee import CommitteeFiles, committee_files, load_members
from al_loop.explore.walkfile import load_walk, save_walk
from al_loop.frame import read_frames, write_frames
from al_loop.jobfolder import Clock, JobFolder, JobResult
from al_loop.staging import bare, stage_frames

START, RELAXED, STATES, GLASS = "start.traj", "relaxed.traj", "states.traj", "glass.traj"

_LARGEST_FORCE, _MOST_STEPS = 1.0, 200
"""eV/Å; steps: the box is relaxed so far, since what it holds beyond is too hot for a melt."""

_NEVER = 1e9
"""eV/Å: however far the members differ, it is the leader's glass that is looked at."""
_ALL = KeepRule(lower=-1.0, upper=_NEVER, accurate=0)

Phase = Literal["melt", "path", "glass"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ValidateParams(CommitteeFiles):
    """``params`` of a glass job's ``job.json``; start.traj is the random box."""

    way: Walker
    """From the melt to the end of the quench."""
    hold: Walker
    """The glass, from where the way has ended; its velocities are drawn anew."""
    melted: int
    """Step of the way at which the quench begins."""
    skip: int
    """Samples at the begin of the hold that are not of the glass at rest."""
    temperature_factor: float


class State(_Strict):
    """A configuration between melt and glass.

    ``temperature`` of the thermostat, K; ``deviation``: of the committee's forces, the largest of
    an atom, eV/Å; None where one model alone has made the glass.
    """

    phase: Phase
    temperature: float
    deviation: float | None


class ValidatePayload(_Strict):
    """``payload`` of a glass job's result."""

    states: tuple[State, ...]
    stop: str
    detail: str
    frames: int
    """Of the glass."""
    interval: float
    """Time between them, ps."""
    program: str = ""
    """That made it, with its version; empty in results of earlier versions."""


@dataclass(frozen=True)
class Made:
    """What a job gave: states on the way, frames of the glass (none if it was given up)."""

    states: tuple[tuple[State, Atoms], ...]
    glass: Path | None
    frames: int
    interval: float
    stop: str
    detail: str
    seed: int
    """Of its velocities."""


def stage_validate_job(
    path: Path,
    *,
    engine: str,
    options: EngineOptions,
    box: Atoms,
    way: Walker,
    hold: Walker,
    melted: int,
    skip: int,
    temperature_factor: float,
    committee: Committee,
) -> JobFolder:
    """Put up a glass job, or find it there; model files are referred to, not copied.

    Raises
    ------
    JobFolderError
        The folder holds another job.
    """
    path.mkdir(parents=True, exist_ok=True)
    stage_frames(path, START, [box])
    params = ValidateParams(
        way=way,
        hold=hold,
        melted=melted,
        skip=skip,
        temperature_factor=temperature_factor,
        **committee_files(committee, path),
    )
    return JobFolder.create(
        path,
        kind="validate",
        engine=engine,
        options=options.model_dump(mode="json"),
        params=params.model_dump(mode="json", exclude_none=True),
        inputs=(START, *params.models),
    )


def run_validate_job(folder: JobFolder, clock: Clock) -> JobResult:
    """Melt, quench and hold, and seal the result; return it if it is there.

    A run that explodes is a result, with the reason and the states before. The caller holds the
    folder's lock.

    Raises
    ------
    EngineCrashed
        The engine failed in a way that is no potential's fault.
    JobStopped
        It was asked to stop; a later run goes on.
    """
    params = folder.params("validate", ValidateParams)
    (box,) = read_frames(folder.path / START)
    spec = folder.spec()
    engine = cast(Explorer, make_engine("explore", spec.engine, spec.options))
    start = _relaxed(folder, params, box, clock)
    way = _walk(folder, engine, params, params.way, start, clock)
    walk = way
    if way.stop == "completed":
        walk = _walk(folder, engine, params, params.hold, way.frames[-1], clock)
    done = walk is not way and walk.stop == "completed"
    kept = [i for i, step in enumerate(way.step) if 2 * step >= params.melted]
    states = [_state(params, way, i) for i in kept]
    frames = [way.frames[i] for i in kept]
    if walk is not way and walk.frames:
        states.append(
            State(
                phase="glass",
                temperature=params.hold.temperature_at(0),
                deviation=float(walk.max_force_deviation[-1]),
            )
        )
        frames.append(walk.frames[-1])
    if not frames:  # it did not come so far as the second half of the melt
        states, frames = [_state(params, way, 0)], [start]
    write_frames(folder.path / STATES, frames)
    glass = walk.frames[params.skip :] if done else []
    if glass:
        write_frames(folder.path / GLASS, glass)
    payload = ValidatePayload(
        states=tuple(states),
        stop=walk.stop,
        detail=walk.detail,
        frames=len(glass),
        interval=params.hold.sample_every * params.hold.timestep / 1000.0,
        program=program_of(engine, folder.path),
    )
    files = [STATES, GLASS] if glass else [STATES]
    return folder.finish(payload.model_dump(mode="json"), files=files, clock=clock)


def collect_validation(folder: JobFolder) -> Made:
    """What a finished job gave.

    Raises
    ------
    JobFolderError
        There is no valid result.
    """
    payload = folder.payload("validate", ValidatePayload)
    frames = read_frames(folder.path / STATES)
    if len(frames) != len(payload.states):
        raise JobFolderError("states are missing from this result", where=folder.path)
    return Made(
        states=tuple(zip(payload.states, frames, strict=True)),
        glass=folder.path / GLASS if payload.frames else None,
        frames=payload.frames,
        interval=payload.interval,
        stop=payload.stop,
        detail=payload.detail,
        seed=folder.params("validate", ValidateParams).way.seed,
    )


def _state(params: ValidateParams, way: Walk, index: int) -> State:
    step = int(way.step[index]) if len(way.step) else 0
    return State(
        phase="melt" if step <= params.melted else "path",
        temperature=params.way.temperature_at(step),
        deviation=float(way.max_force_deviation[index]) if len(way.step) else _NEVER,
    )


def _relaxed(folder: JobFolder, params: ValidateParams, box: Atoms, clock: Clock) -> Atoms:
    """The random box without its worst contacts, written down so that it is the same again."""
    file = folder.path / RELAXED
    if not file.exists():
        atoms = box.copy()
        atoms.calc = load_members(params.committee(folder.path))[0]
        with clock.span(), FIRE(atoms, logfile=None) as descent:
            descent.run(fmax=_LARGEST_FORCE, steps=_MOST_STEPS)
        write_frames(file, [bare(atoms)])
    (found,) = read_frames(file)
    return found


def _walk(
    folder: JobFolder,
    engine: Explorer,
    params: ValidateParams,
    walker: Walker,
    start: Atoms,
    clock: Clock,
) -> Walk:
    """Run a walker, or read what it has left."""
    key = folder.spec().key
    if (known := load_walk(folder.path, walker.name, key=key)) is not None:
        return known
    stopping.stop_if_requested(folder.path)
    walks: Sequence[Walk] = list(
        engine.explore(
            [(walker, start)],
            params.committee(folder.path),
            limits=Limits(deviation=_NEVER, temperature_factor=params.temperature_factor),
            keep=_ALL,
            folder=folder.path,
            clock=clock,
        )
    )
    save_walk(folder.path, walks[0], key=key)
    return walks[0]
