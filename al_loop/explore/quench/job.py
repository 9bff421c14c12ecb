"""The quench job: a box is melted and quenched, leg by leg; a kill costs a leg.

A leg begins from a file that the one before has written, so a job that was stopped gives the same
frames as one that was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms
from pydantic import BaseModel, ConfigDict

from al_loop import stopping
from al_loop.campaign.quench import Phase
from al_loop.errors import JobFolderError
from al_loop.explore.lammps.options import LammpsOptions
from al_loop.explore.quench.inputs import leg_script, static_files
from al_loop.explore.quench.legs import QuenchLeg
from al_loop.frame import read_frames, write_frames
from al_loop.jobfolder import Clock, JobFolder, JobResult, write_atomically
from al_loop.lammps.dump import frame_of, read_dump
from al_loop.lammps.executable import Program, find_program
from al_loop.lammps.faults import Fault
from al_loop.lammps.process import run_script
from al_loop.lammps.restart_file import restart_step
from al_loop.pair_potentials import POTENTIALS
from al_loop.staging import stage_frames
from al_loop.units import Array

START, FRAMES = "start.traj", "frames.traj"


class QuenchParams(BaseModel):
    """``params`` of a quench job's ``job.json``; start.traj is the box, a right-angled one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    potential: str
    legs: tuple[QuenchLeg, ...]
    timestep: float
    """fs"""
    seed: int
    source: str = ""
    """What the caller knows it by."""


class KeptFrame(BaseModel):
    """Where a frame was kept: phase, and the thermostat's temperature in K."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    phase: Phase
    temperature: float


class QuenchPayload(BaseModel):
    """``payload`` of a quench job's result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames: tuple[KeptFrame, ...]
    stop: str
    detail: str


@dataclass(frozen=True)
class QuenchResult:
    """What a melt-quench gave; ``stop`` is ``completed``, or why LAMMPS gave up."""

    frames: tuple[tuple[KeptFrame, Atoms], ...]
    stop: str
    detail: str


def stage_quench_job(
    path: Path,
    *,
    options: LammpsOptions,
    box: Atoms,
    potential: str,
    legs: Sequence[QuenchLeg],
    timestep: float,
    seed: int,
    source: str = "",
) -> JobFolder:
    """Put up a quench job, or find it there; ``timestep`` in fs, ``source``: what you call it.

    Raises
    ------
    JobFolderError
        The folder holds another job.
    """
    path.mkdir(parents=True, exist_ok=True)
    stage_frames(path, START, [box])
    params = QuenchParams(
        potential=potential, legs=tuple(legs), timestep=timestep, seed=seed, source=source
    )
    return JobFolder.create(
        path,
        kind="quench",
        engine="lammps",
        options=options.model_dump(mode="json"),
        params=params.model_dump(mode="json"),
        inputs=(START,),
    )


def run_quench_job(folder: JobFolder, clock: Clock) -> JobResult:
    """Run the legs that have not ended yet and seal the result; return it if it is there.

    Where LAMMPS gives up, the frames until then are the result, with the reason. The caller holds
    the folder's lock.

    Raises
    ------
    EngineCrashed
        LAMMPS failed in a way that is not the physics' fault.
    JobStopped
        It was asked to stop; a later run goes on from the last leg that has ended.
    """
    if done := folder.result():
        return done
    params = folder.params("quench", QuenchParams)
    (box,) = read_frames(folder.path / START)
    program = find_program(LammpsOptions.model_validate(folder.spec().options)).bare()
    for name, text in static_files(box, POTENTIALS[params.potential]).items():
        write_atomically(folder.path / name, text)
    fault: Fault | None = None
    ended = 0
    for n in range(len(params.legs)):
        if restart_step(folder.path / _name(n, "restart")) is None:
            fault = _run_leg(folder.path, params, n, box=box, program=program, clock=clock)
            if fault is not None:
                break
        ended += 1
    kept = [n for n in range(ended) if params.legs[n].keep]
    write_frames(folder.path / FRAMES, [_frame(folder.path / _name(n, "dump"), box) for n in kept])
    payload = QuenchPayload(
        frames=tuple(
            KeptFrame(phase=params.legs[n].phase, temperature=params.legs[n].temperature[1])
            for n in kept
        ),
        stop=fault.stop if fault else "completed",
        detail=fault.detail if fault else "",
    )
    result = folder.finish(payload.model_dump(mode="json"), files=[FRAMES], clock=clock)
    for n in range(len(params.legs)):
        for suffix in ("restart", "dump", "in"):
            (folder.path / _name(n, suffix)).unlink(missing_ok=True)
    return result


def collect_quench(folder: JobFolder, *, source: str = "") -> QuenchResult:
    """What a finished job gave.

    Raises
    ------
    JobFolderError
        There is no valid result, or it is another ``source``'s.
    """
    if folder.params("quench", QuenchParams).source != source:
        raise JobFolderError("this is another melt-quench", where=folder.path)
    payload = folder.payload("quench", QuenchPayload)
    frames = read_frames(folder.path / FRAMES)
    if len(frames) != len(payload.frames):
        raise JobFolderError("frames are missing from this result", where=folder.path)
    return QuenchResult(
        frames=tuple(zip(payload.frames, frames, strict=True)),
        stop=payload.stop,
        detail=payload.detail,
    )


def _name(leg: int, suffix: str) -> str:
    return f"leg-{leg:04d}.{suffix}"


def _frame(dump: Path, box: Atoms) -> Atoms:
    with dump.open() as stream:
        (snapshot,) = read_dump(stream)
    rotation: Array = box.cell.array / box.cell.array[0, 0]
    return frame_of(snapshot, box, rotation)


def _run_leg(
    folder: Path, params: QuenchParams, n: int, *, box: Atoms, program: Program, clock: Clock
) -> Fault | None:
    """Run a leg in a LAMMPS of its own; why it gave up, or None when it has ended well."""
    stopping.stop_if_requested(folder)
    script = _name(n, "in")
    text = leg_script(
        params.legs[n],
        atoms=box,
        potential=POTENTIALS[params.potential],
        seed=params.seed,
        timestep=params.timestep,
        before=_name(n - 1, "restart") if n else None,
        restart=_name(n, "restart"),
        dump=_name(n, "dump"),
    )
    write_atomically(folder / script, text)
    return run_script(
        script,
        folder=folder,
        program=program,
        clock=clock,
        is_done=lambda: restart_step(folder / _name(n, "restart")) is not None,
    )
