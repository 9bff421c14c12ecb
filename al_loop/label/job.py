"""The label job: a chunk of frames, labelled one after another in a job folder.

::

    job.json  frames.traj      what is to be labelled
    labels/<hash>.npz          one frame's outcome, written the moment it is known
    computed.log               one line (the hash) per computation whose outcome is on disk
    scratch/<hash>/            the engine's files; gone after a success
    labels.npz  result.json    all outcomes, last

A job that was killed and is started again reads what is in ``labels/`` and goes on with the
next frame, so a kill costs the one label that was being computed.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ase import Atoms
from pydantic import BaseModel, ConfigDict, ValidationError

from al_loop.campaign.engines import EngineOptions, make_engine
from al_loop.errors import DatasetError, JobFolderError, PhysicsFault
from al_loop.frame import read_frames, write_frames
from al_loop.hashing import digest
from al_loop.jobfolder import Clock, JobFolder, JobResult, JobSpec
from al_loop.label.faults import check_label
from al_loop.label.interface import FingerprintValue, Label, Labeller
from al_loop.label.outcome import (
    LabelOutcome,
    Record,
    read_outcomes,
    read_record,
    write_outcomes,
    write_record,
)

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
    fingerprint: dict[str, FingerprintValue]
    """The method, as the labeller that computed here declares it."""
    program: str
    """Program and version, as found here."""


def stage_label_job(
    path: Path, *, engine: str, options: EngineOptions, frames: Mapping[str, Atoms]
) -> JobFolder:
    """Write a label job into a folder; doing it again, or twice at once, changes nothing.

    ``frames`` maps a frame's hash to its atoms; numbers, positions, cell and periodicity are
    kept, nothing else. Raises JobFolderError when the folder holds another job.
    """
    if not frames:
        raise DatasetError("a label job needs at least one frame", where=path)
    order = sorted(frames)
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
        The engine failed for a reason that is not the frame's; what is done stays done.
    """
    if (result := folder.result()) is not None:
        return result
    spec = folder.spec()
    frames = _staged_frames(folder, spec)
    labeller = cast(Labeller, make_engine("label", spec.engine, spec.options))
    program = labeller.check()
    chunk = _Chunk.open(folder.path, labeller=labeller, clock=clock)
    outcomes = [chunk.outcome(name, atoms) for name, atoms in frames]
    chunk.close()
    write_outcomes(folder.path / _LABELS, outcomes)
    summary = LabelSummary(
        labels=_LABELS,
        ok=sum(outcome.state == "ok" for outcome in outcomes),
        failed=dict(sorted(Counter(_reasons(outcomes)).items())),
        fingerprint=dict(labeller.fingerprint()),
        program=program,
    )
    return folder.finish(summary.model_dump(mode="json"), files=[_LABELS], clock=clock)


def collect_labels(folder: JobFolder) -> list[LabelOutcome]:
    """Outcomes of a job that has ended, in the order of the frames' hashes.

    Raises JobFolderError when there is no valid result.
    """
    result = folder.result()
    if result is None:
        raise JobFolderError(
            "no valid result", where=folder.path, remedy="run the job (again): it continues"
        )
    try:
        summary = LabelSummary.model_validate(result.payload)
    except ValidationError as error:
        raise JobFolderError(f"not the result of a label job: {error}", where=folder.path) from None
    return read_outcomes(folder.path / summary.labels)


def _staged_frames(folder: JobFolder, spec: JobSpec) -> list[tuple[str, Atoms]]:
    """(hash, atoms) of the job, after its inputs have been checked."""
    try:
        names = _Params.model_validate(spec.params).frames
    except ValidationError as error:
        raise JobFolderError(f"not a label job: {error}", where=folder.path) from None
    folder.check_inputs()
    frames = read_frames(folder.path / _FRAMES)
    if len(frames) != len(names):
        raise JobFolderError(
            f"{len(names)} frames are named but {len(frames)} are in {_FRAMES}", where=folder.path
        )
    return list(zip(names, frames, strict=True))


def _reasons(outcomes: Iterable[LabelOutcome]) -> list[str]:
    return [outcome.reason for outcome in outcomes if outcome.state == "failed"]


@dataclass(frozen=True)
class _Chunk:
    """The frames of one job on their way through one labeller."""

    path: Path
    labeller: Labeller
    method: str
    clock: Clock

    @classmethod
    def open(cls, path: Path, *, labeller: Labeller, clock: Clock) -> _Chunk:
        (path / "labels").mkdir(exist_ok=True)
        method = digest(dict(labeller.fingerprint()))
        return cls(path=path, labeller=labeller, method=method, clock=clock)

    def close(self) -> None:
        """Remove the scratch folder unless a failed frame left something to look at."""
        scratch = self.path / "scratch"
        if scratch.is_dir() and not any(scratch.iterdir()):
            scratch.rmdir()

    def outcome(self, name: str, atoms: Atoms) -> LabelOutcome:
        """Outcome of a frame: as recorded by an earlier run of this job, or computed now."""
        file = self.path / "labels" / f"{name}.npz"
        record = read_record(file)
        if record is not None and self._is_of(record, name=name, atoms=atoms):
            end = record.start + record.outcome.seconds
            self.clock.add(record.start, end, "compute")
            return record.outcome
        file.unlink(missing_ok=True)
        record = self._compute(name, atoms)
        write_record(file, record)
        self._log(name)
        return record.outcome

    def _is_of(self, record: Record, *, name: str, atoms: Atoms) -> bool:
        """Whether a record is of this frame by this method (engines get upgraded)."""
        label = record.outcome.label
        whole = label is None or len(label.forces) == len(atoms)
        return whole and record.outcome.frame == name and record.method == self.method

    def _compute(self, name: str, atoms: Atoms) -> Record:
        scratch = self.path / "scratch" / name
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        label: Label | None = None
        fault: PhysicsFault | None = None
        with self.clock.span("compute"):
            try:
                label = check_label(self.labeller.label(atoms, scratch), atoms)
            except PhysicsFault as error:
                fault = error
        span = self.clock.spans[-1]
        if fault is None or not any(scratch.iterdir()):
            shutil.rmtree(scratch)
        outcome = LabelOutcome(
            frame=name,
            state="ok" if fault is None else "failed",
            label=label,
            reason="" if fault is None else fault.reason,
            detail="" if fault is None else fault.what,
            remedy="" if fault is None else fault.remedy,
            seconds=span.end - span.start,
            cores=self.labeller.cores,
        )
        return Record(outcome, method=self.method, start=span.start)

    def _log(self, name: str) -> None:
        with (self.path / "computed.log").open("a", encoding="ascii") as stream:
            stream.write(f"{name}\n")
            stream.flush()
            os.fsync(stream.fileno())
