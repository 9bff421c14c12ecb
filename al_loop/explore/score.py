"""The score job: how far a committee disagrees on frames that somebody else chose.

::

    job.json  frames.traj      the frames; the models stay where they are
    scores.jsonl               one frame's deviation, written as soon as it is known
    result.json                all of them, last

With it the loop finds labels that are still waiting and that a better committee can do without.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, CalculatorError
from pydantic import BaseModel, ConfigDict

from al_loop import stopping
from al_loop.errors import DatasetError, EngineMissing, PhysicsFault
from al_loop.explore.committee import load_members, relative_models
from al_loop.explore.deviation import force_deviation
from al_loop.explore.interface import Committee
from al_loop.frame import read_frames
from al_loop.jobfolder import Clock, JobFolder, JobResult
from al_loop.staging import stage_frames

_FRAMES = "frames.traj"
_DONE = "scores.jsonl"


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    frames: tuple[str, ...]
    """Hashes, in the order of frames.traj."""
    model_format: str
    elements: tuple[str, ...]
    models: tuple[str, ...]
    """Paths relative to the job folder, leader first."""


class _Scores(BaseModel):
    """``payload`` of the result; None (JSON: null) is a deviation that is not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deviations: dict[str, float | None]


def stage_score_job(path: Path, *, committee: Committee, frames: Mapping[str, Atoms]) -> JobFolder:
    """Put up a score job, or find it there; doing it again changes nothing.

    ``frames`` maps a frame's hash to its atoms. Model files are referred to, not copied.

    Raises
    ------
    DatasetError
        There is no frame.
    JobFolderError
        The folder holds another job.
    """
    if not frames:
        raise DatasetError("a score job needs at least one frame", where=path)
    order = sorted(frames)
    path.mkdir(parents=True, exist_ok=True)
    params = _Params(
        frames=tuple(order),
        model_format=committee.model_format,
        elements=committee.elements,
        models=relative_models(committee, path),
    )
    stage_frames(path, _FRAMES, [frames[name] for name in order])
    return JobFolder.create(
        path,
        kind="score",
        engine=committee.trainer,
        params=params.model_dump(mode="json"),
        inputs=(_FRAMES, *params.models),
    )


def run_score_job(folder: JobFolder, clock: Clock) -> JobResult:
    """Score the frames of a folder whose lock the caller holds; return a result that is there.

    A frame for which a member has no answer has a deviation of NaN, and the job goes on.

    Raises
    ------
    EngineMissing
        The trainer is not installed here, or its models do not know an element.
    JobFolderError
        No score job, or an input is missing or damaged.
    JobStopped
        It was asked to stop; it goes on at the next frame.
    """
    if (result := folder.result()) is not None:
        return result
    folder.check_inputs()
    params = folder.params("score", _Params)
    committee = Committee(
        model_format=params.model_format,
        trainer=folder.spec().engine,
        elements=params.elements,
        models=tuple(folder.path / model for model in params.models),
    )
    done = _done(folder.path / _DONE)
    frames = zip(params.frames, read_frames(folder.path / _FRAMES), strict=True)
    left = {name: atoms for name, atoms in frames if name not in done}
    if left:
        done |= _score(folder.path, left, committee=committee, clock=clock)
    scores = _Scores(deviations={name: _or_none(done[name]) for name in params.frames})
    return folder.finish(scores.model_dump(mode="json"), files=[], clock=clock)


def collect_scores(folder: JobFolder) -> dict[str, float]:
    """Frame's hash -> maximum force deviation, eV/Å; NaN where the committee has no answer.

    Raises JobFolderError when there is no valid result of a score job.
    """
    scores = folder.payload("score", _Scores)
    return {name: math.nan if x is None else x for name, x in scores.deviations.items()}


def _score(
    path: Path, frames: Mapping[str, Atoms], *, committee: Committee, clock: Clock
) -> dict[str, float]:
    """Deviations of frames, each on disk as soon as it is known."""
    symbols = {symbol for atoms in frames.values() for symbol in atoms.get_chemical_symbols()}
    if unknown := sorted(symbols - set(committee.elements)):
        raise EngineMissing(f"the potential does not know {', '.join(unknown)}", where=path)
    members = load_members(committee)
    found: dict[str, float] = {}
    with (path / _DONE).open("a", encoding="ascii") as stream, clock.span():
        stream.write("\n")  # a line that a kill cut short stays apart from ours
        for name, atoms in frames.items():
            stopping.stop_if_requested(path)
            found[name] = _deviation(atoms, members)
            row = {"frame": name, "deviation": _or_none(found[name])}
            stream.write(json.dumps(row) + "\n")
            stream.flush()
    return found


def _deviation(atoms: Atoms, members: list[Calculator]) -> float:
    """Maximum force deviation, eV/Å; NaN when a member has no answer."""
    forces = []
    with np.errstate(all="ignore"):
        for member in members:
            copy = atoms.copy()
            copy.calc = member
            try:
                forces.append(copy.get_forces())
            except (PhysicsFault, CalculatorError, ArithmeticError, ValueError):
                return math.nan
        return force_deviation(np.array(forces))[0]


def _done(path: Path) -> dict[str, float]:
    """What an earlier run of the job found; a line that is not whole is left out."""
    found: dict[str, float] = {}
    if not path.is_file():
        return found
    for line in path.read_text(errors="replace").splitlines():
        try:
            row = json.loads(line)
            value = row["deviation"]
            found[str(row["frame"])] = math.nan if value is None else float(value)
        except (ValueError, KeyError, TypeError):
            continue
    return found


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
