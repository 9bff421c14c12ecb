"""The frames of a label job on their way through a labeller, one after another.

What becomes of a frame is, in this order: what an earlier run of the job recorded; dropped, when
``skip.txt`` names it; failed, when its computation has crashed too often; else it is computed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from al_loop import stopping
from al_loop.errors import JobFolderError, PhysicsFault
from al_loop.hashing import digest
from al_loop.jobfolder import Clock, Failure, JobFolder, write_atomically
from al_loop.label.faults import check_label
from al_loop.label.interface import KEPT, Label, Labeller
from al_loop.label.outcome import LabelOutcome, Record, read_record, write_record
from al_loop.taxonomy import fault

TRIES = 3
"""A frame whose computation has crashed this often is given up."""

_SKIP = "skip.txt"


def skip_frames(folder: JobFolder, frames: Iterable[str]) -> None:
    """Ask a label job, waiting or running, not to compute these frames (hashes).

    What was asked before stays. A frame that has an outcome, or is being computed, keeps it.
    Raises JobFolderError when there is no such folder.
    """
    if not folder.path.is_dir():
        raise JobFolderError("there is no such job folder", where=folder.path)
    before = _skipped(folder)
    if wanted := before.union(frames) - before:
        text = "".join(f"{frame}\n" for frame in sorted(before | wanted))
        write_atomically(folder.path / _SKIP, text)


def recorded(path: Path, frame: str, *, method: str) -> Record | None:
    """What a job in this folder recorded of a frame by this method (engines get upgraded)."""
    record = read_record(path / "labels" / f"{frame}.npz")
    if record is None or record.outcome.frame != frame or record.method != method:
        return None
    return record


@dataclass(frozen=True)
class Method:
    """A labeller that is ready, and what it says about itself."""

    labeller: Labeller
    program: str
    digest: str

    @classmethod
    def of(cls, labeller: Labeller) -> Method:
        """Check a labeller; EngineMissing when its program is not here."""
        program = labeller.check()
        return cls(labeller, program, digest(dict(labeller.fingerprint())))


class Chunk:
    """The frames of one job. The labeller is made when a frame first needs it."""

    def __init__(self, folder: JobFolder, make: Callable[[], Labeller], clock: Clock) -> None:
        self._folder = folder
        self._make = make
        self._clock = clock
        self._crashes = [one for one in folder.failures() if one.item and _blames_frame(one)]
        self.method: Method | None = None
        (folder.path / "labels").mkdir(exist_ok=True)

    def outcomes(self, frames: Iterable[tuple[str, Atoms]]) -> list[LabelOutcome]:
        """Outcomes of the frames (hash, atoms), in their order; see the module.

        Raises JobStopped between two frames; the label that is being computed is finished first.
        """
        self._folder.busy_with("")
        outcomes = [self._outcome(name, atoms) for name, atoms in frames]
        self._folder.busy_with("")
        scratch = self._folder.path / "scratch"
        if scratch.is_dir() and not any(scratch.iterdir()):  # no failed frame left anything
            scratch.rmdir()
        return outcomes

    def _outcome(self, name: str, atoms: Atoms) -> LabelOutcome:
        file = self._folder.path / "labels" / f"{name}.npz"
        skipped = name in _skipped(self._folder)
        if skipped and not file.exists():
            return _dropped(name)
        if self.method is None:
            self.method = Method.of(self._make())
        record = recorded(self._folder.path, name, method=self.method.digest)
        if record is not None and _fits(record, atoms):
            end = record.start + record.outcome.seconds
            self._clock.add(record.start, end, "compute")
            return record.outcome
        if skipped:
            return _dropped(name)
        crashes = [one for one in self._crashes if one.item == name]
        if len(crashes) >= TRIES:
            return _given_up(name, crashes)
        stopping.stop_if_requested(self._folder.path)
        self._folder.busy_with(name)
        file.unlink(missing_ok=True)
        record = self._compute(name, atoms, self.method)
        write_record(file, record)
        self._log(name)
        return record.outcome

    def _compute(self, name: str, atoms: Atoms, method: Method) -> Record:
        scratch = self._folder.path / "scratch" / name
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        label: Label | None = None
        no_answer: PhysicsFault | None = None
        with self._clock.span("compute"):
            try:
                label = check_label(method.labeller.label(atoms, scratch), atoms)
            except PhysicsFault as error:
                no_answer = error
        span = self._clock.spans[-1]
        if label is not None:
            self._keep(name, scratch / KEPT)
        if label is not None or not any(scratch.iterdir()):
            shutil.rmtree(scratch)
        outcome = LabelOutcome(
            frame=name,
            state="ok" if no_answer is None else "failed",
            label=label,
            reason="" if no_answer is None else no_answer.reason,
            detail=label.note if label else no_answer.what if no_answer else "",
            remedy="" if no_answer is None else no_answer.remedy,
            seconds=span.end - span.start,
            cores=method.labeller.cores,
        )
        return Record(outcome, method=method.digest, start=span.start)

    def _keep(self, name: str, kept: Path) -> None:
        """Move what the engine keeps of a frame to ``raw/<hash>/``."""
        if kept.is_dir():
            raw = self._folder.path / "raw" / name
            shutil.rmtree(raw, ignore_errors=True)
            raw.parent.mkdir(exist_ok=True)
            kept.rename(raw)

    def _log(self, name: str) -> None:
        with (self._folder.path / "computed.log").open("a", encoding="ascii") as stream:
            stream.write(f"{name}\n")
            stream.flush()
            os.fsync(stream.fileno())


def _skipped(folder: JobFolder) -> set[str]:
    try:
        return set((folder.path / _SKIP).read_text(encoding="ascii", errors="replace").split())
    except FileNotFoundError:
        return set()


def _fits(record: Record, atoms: Atoms) -> bool:
    label = record.outcome.label
    return label is None or len(label.forces) == len(atoms)


def _blames_frame(failure: Failure) -> bool:
    """Whether a failure may be the frame's: a full disk or a missing program is nobody's frame."""
    return fault(failure.kind).whose != "site"


def _dropped(name: str) -> LabelOutcome:
    return LabelOutcome(
        frame=name,
        state="dropped",
        label=None,
        reason="",
        detail="",
        remedy="",
        seconds=0.0,
        cores=1,
    )


def _given_up(name: str, crashes: list[Failure]) -> LabelOutcome:
    """Never recorded in ``labels/``: when the failures are forgiven, the frame is tried again."""
    last = crashes[-1]
    return LabelOutcome(
        frame=name,
        state="failed",
        label=None,
        reason=last.kind,
        detail=f"it crashed {len(crashes)} times, the last time with: {last.words}",
        remedy=fault(last.kind).remedy,
        seconds=0.0,
        cores=1,
    )
