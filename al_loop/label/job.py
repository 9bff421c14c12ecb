"""The label job: a chunk of frames, labelled one after another in a job folder.

::

    job.json  frames.traj      what is to be labelled
    skip.txt                   frames that are no longer wanted; may grow while the job runs
    labels/<hash>.npz          one frame's outcome, written the moment it is known
    computed.log               one line (the hash) per computation whose outcome is on disk
    scratch/<hash>/            the engine's files; gone after a success
    raw/<hash>/                what the engine keeps of them, if its options say so
    labels.npz  result.json    all outcomes, last

A job that was killed and is started again reads what is in ``labels/`` and goes on with the
next frame, so a kill costs the one label that was being computed. A job that is asked to stop
finishes that label first: an engine in this process cannot be interrupted, and takes seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

from ase import Atoms
from pydantic import BaseModel, ConfigDict

from al_loop.campaign.engines import EngineOptions, make_engine
from al_loop.errors import DatasetError, JobFolderError
from al_loop.frame import read_frames, write_frames
from al_loop.jobfolder import Clock, JobFolder, JobResult, JobSpec
from al_loop.label.chunk import Chunk, recorded
from al_loop.label.interface import FingerprintValue, Labeller
from al_loop.label.outcome import LabelOutcome, read_outcomes, write_outcomes
from al_loop.naming import plain

_FRAMES = "frames.traj"
_LABELS = "labels.npz"


class _Params(BaseModel):
    """``params`` of the job: hashes of the frames, in the order of ``frames.traj``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames: tuple[str, ...]


class LabelSummary(BaseModel):
    """``payload`` of a label job's result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: str
    """File of the outcomes, relative to the job folder; read it with ``collect_labels``."""
    ok: int
    failed: dict[str, int]
    """Reason -> number of frames without a label."""
    dropped: int = 0
    """Frames that were no longer wanted before their turn came."""
    fingerprint: dict[str, FingerprintValue]
    """The method, as the labeller that computed here declares it; empty if all were dropped."""
    program: str
    """Program and version, as found here; empty if all were dropped."""


def stage_label_job(
    path: Path, *, engine: str, options: EngineOptions, frames: Mapping[str, Atoms]
) -> JobFolder:
    """Write a label job into a folder; doing it again, or twice at once, changes nothing.

    ``frames`` maps a frame's hash to its atoms; numbers, positions, cell and periodicity are
    kept, nothing else. Raises JobFolderError when the folder holds another job.
    """
    if not frames:
        raise DatasetError("a label job needs at least one frame", where=path)
    order = sorted(plain(name, what="a frame") for name in frames)
    wanted = JobSpec(
        kind="label",
        engine=engine,
        options=options.model_dump(mode="json"),
        params=_Params(frames=tuple(order)).model_dump(mode="json"),
    )
    folder = JobFolder(path)
    if _is_staged(folder, wanted):
        return folder
    path.mkdir(parents=True, exist_ok=True)
    write_frames(path / _FRAMES, (_bare(frames[name]) for name in order))
    return JobFolder.create(
        path,
        kind=wanted.kind,
        engine=wanted.engine,
        options=wanted.options,
        params=wanted.params,
        inputs=[_FRAMES],
    )


def _is_staged(folder: JobFolder, wanted: JobSpec) -> bool:
    """Whether the folder holds this job whole. Then its files stay as they are.

    ``frames.traj`` names the version of ASE: after an upgrade the same frames have another
    digest, so what is there is never compared with what would be written now.
    """
    if not (folder.path / "job.json").exists():
        return False
    found = folder.spec()
    if found.model_copy(update={"inputs": {}}) != wanted or set(found.inputs) != {_FRAMES}:
        raise JobFolderError(
            "this folder holds another job", where=folder.path, remedy="move it away and try again"
        )
    try:
        folder.check_inputs()
    except JobFolderError:
        return False  # frames.traj is missing or damaged: write it again
    return True


def _bare(atoms: Atoms) -> Atoms:
    return Atoms(
        numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell.array, pbc=atoms.pbc
    )


def run_label_job(folder: JobFolder, clock: Clock) -> JobResult:
    """Label the frames of a folder whose lock the caller holds, and return the result.

    A valid result that is already there is returned as it is. A frame without an answer
    (PhysicsFault, NaN, wrong shape) is a failed outcome and the chunk goes on.

    Raises
    ------
    JobFolderError
        No label job, or its inputs are not those that were staged.
    EngineMissing
        The engine is not installed here.
    EngineCrashed
        The engine failed for a reason that is not the frame's; what is done stays done. A frame
        at which the job has failed three times (``failures.jsonl``) is a failed outcome instead.
    JobStopped
        It was asked to stop; it goes on at the next frame.
    """
    if (result := folder.result()) is not None:
        return result
    spec = folder.spec()
    frames = _staged_frames(folder)

    def make() -> Labeller:
        return cast(Labeller, make_engine("label", spec.engine, spec.options))

    chunk = Chunk(folder, make, clock)
    outcomes = chunk.outcomes(frames)
    write_outcomes(folder.path / _LABELS, outcomes)
    method = chunk.method
    summary = LabelSummary(
        labels=_LABELS,
        ok=sum(outcome.state == "ok" for outcome in outcomes),
        failed=dict(sorted(Counter(_reasons(outcomes)).items())),
        dropped=sum(outcome.state == "dropped" for outcome in outcomes),
        fingerprint={} if method is None else dict(method.labeller.fingerprint()),
        program="" if method is None else method.program,
    )
    return folder.finish(summary.model_dump(mode="json"), files=[_LABELS], clock=clock)


def collect_labels(folder: JobFolder) -> list[LabelOutcome]:
    """Outcomes of a job that has ended, in the order of the frames' hashes.

    Raises JobFolderError when there is no valid result.
    """
    summary = folder.payload("label", LabelSummary)
    return read_outcomes(folder.path / summary.labels)


def collect_partial(
    folder: JobFolder, *, method: str, frames: Sequence[str] | None = None
) -> list[LabelOutcome]:
    """Outcomes that a job without a result has on disk, in the order of the frames' hashes.

    Only whole records of this job's frames by the method with this digest; frames that were
    dropped or given up have none. May be called while the job runs. With ``frames`` its
    ``job.json`` need not be readable; without, JobFolderError is raised when this is no label job.
    """
    there = _recorded_names(folder)
    wanted = _names(folder) if frames is None else frames
    names = (name for name in wanted if name in there)
    records = (recorded(folder.path, name, method=method) for name in names)
    return [record.outcome for record in records if record is not None]


def count_partial(folder: JobFolder) -> int:
    """How many outcomes a job has on disk at most; only looks at the names of its files."""
    return len(_recorded_names(folder))


def _recorded_names(folder: JobFolder) -> set[str]:
    try:
        return {file.stem for file in (folder.path / "labels").iterdir() if file.suffix == ".npz"}
    except OSError:
        return set()


def _names(folder: JobFolder) -> tuple[str, ...]:
    return folder.params("label", _Params).frames


def _staged_frames(folder: JobFolder) -> list[tuple[str, Atoms]]:
    """(hash, atoms) of the job, after its inputs have been checked."""
    names = _names(folder)
    folder.check_inputs()
    frames = read_frames(folder.path / _FRAMES)
    if len(frames) != len(names):
        raise JobFolderError(
            f"{len(names)} frames are named but {len(frames)} are in {_FRAMES}", where=folder.path
        )
    return list(zip(names, frames, strict=True))


def _reasons(outcomes: Iterable[LabelOutcome]) -> list[str]:
    return [outcome.reason for outcome in outcomes if outcome.state == "failed"]
