"""The job folder: the one contract between a compute job and the rest of the world.

A compute job is a pure function of its folder. ``job.json`` and the input files are
there before it starts; ``result.json`` is written last, in one atomic step, and carries
the digests of everything it vouches for. A valid ``result.json`` *is* the result: a job
that finds one returns it. This alone makes a kill, a lost database, a double start or a
re-run harmless.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from al_loop.errors import JobFolderError
from al_loop.hashing import digest, file_digest

Params = TypeVar("Params", bound=BaseModel)

JobKind = Literal[
    "train",
    "evaluate",
    "explore",
    "label",
    "score",
    "describe",
    "quench",
    "rmc",
    "glass",
    "validate",
    "measure",
]

_CURRENT = ".current"
_FAILURES = "failures.jsonl"
_HELD: dict[int, Path] = {}
"""Descriptors of the locks that this process holds, and their folders."""
_WIDEST = 60
"""Characters of a value in a message."""


def held_locks(folder: Path) -> tuple[int, ...]:
    """The lock on the job folder that a folder is in, for ``pass_fds`` of an engine.

    Where the process that drives an engine is killed and the engine is not, nobody begins anew in
    the folder in which it still writes.
    """
    inside = folder.resolve()
    return tuple(fd for fd, held in list(_HELD.items()) if inside.is_relative_to(held))


class JobSpec(BaseModel):
    """``job.json``: what is to be done.

    Paths in ``inputs`` are relative to the job folder (``../data/train.traj`` is fine).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    kind: JobKind
    engine: str
    """Name under which the engine is registered."""
    options: dict[str, Any] = Field(default_factory=dict)
    """The engine's own options, as its ``Options`` model dumps them."""
    params: dict[str, Any] = Field(default_factory=dict)
    """What the room's job needs besides; its own typed model reads it."""
    inputs: dict[str, str] = Field(default_factory=dict)
    """Input file (relative path) -> SHA-256."""

    @property
    def plain(self) -> dict[str, Any]:
        """Everything above as in the file."""
        return self.model_dump(mode="json")

    @property
    def key(self) -> str:
        """Identity of the job: digest of everything above."""
        return digest(self.plain)


class Span(BaseModel):
    """A piece of wall time (seconds since the epoch) and what it was spent on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    start: float
    end: float


class JobResult(BaseModel):
    """``result.json``: what came out, vouched for by digests."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    key: str
    payload: dict[str, Any]
    files: dict[str, str]
    """Output file (relative path) -> SHA-256."""
    spans: tuple[Span, ...]
    """Spans named ``compute`` are those in which the engine computed."""
    started: float
    ended: float
    host: str
    seal: str = ""

    def sealed(self) -> JobResult:
        """Copy whose ``seal`` is the digest of the rest."""
        body = self.model_dump(mode="json", exclude={"seal"})
        return self.model_copy(update={"seal": digest(body)})


class Failure(BaseModel):
    """A try of a job that failed. ``failures.jsonl`` in the job folder has a line for each.

    Only what the job itself did is written here: a worker that was killed, a walltime or a lost
    node is not the job's fault.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: float
    host: str
    kind: str
    """Code of the taxonomy of faults (``al_loop.taxonomy``), for example ``out-of-memory``."""
    words: str
    """Its last words."""
    item: str = ""
    """What it was busy with (a frame, a walker), where the job says so."""


class Clock:
    """Collects the spans of one job."""

    def __init__(self) -> None:
        self.started = time.time()
        self.spans: list[Span] = []

    @contextlib.contextmanager
    def span(self, what: str = "compute") -> Iterator[None]:
        """Record the time spent inside the block, even when the block raises."""
        start = time.time()
        try:
            yield
        finally:
            self.add(start, time.time(), what)

    def add(self, start: float, end: float, what: str = "compute") -> None:
        """Record a span that was measured elsewhere (an engine's own log, say)."""
        self.spans.append(Span(what=what, start=start, end=end))


def write_atomically(path: Path, data: str | bytes) -> None:
    """Write a file so that a reader sees all of it or nothing of it, also after a crash."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with scratch.open("wb") as stream:
        stream.write(data.encode() if isinstance(data, str) else data)
        stream.flush()
        os.fsync(stream.fileno())
    scratch.replace(path)


def _difference(there: Any, here: Any, where: str = "") -> str:
    """The first place in which two documents differ, in words."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*there, *(one for one in here if one not in there)]:
            if there.get(key) != here.get(key):
                return _difference(there.get(key), here.get(key), f"{where}.{key}".lstrip("."))
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for number, (old, new) in enumerate(zip(there, here, strict=True)):
            if old != new:
                return _difference(old, new, f"{where}[{number}]")
    return f"{where} is {_short(there)} there, {_short(here)} now"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}..."


class JobFolder:
    """One compute job on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        kind: JobKind,
        engine: str,
        options: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        inputs: Sequence[str] = (),
    ) -> JobFolder:
        """Describe a job in a folder whose input files are already written.

        Doing it again with the same content changes nothing; a folder that holds another
        job is refused, never overwritten.

        Raises
        ------
        JobFolderError
            An input file is missing, or the folder holds another job.
        """
        path.mkdir(parents=True, exist_ok=True)  # first: inputs may be ../shared/ones
        for name in inputs:
            if not (path / name).is_file():
                raise JobFolderError("input file is missing", where=path / name)
        spec = JobSpec(
            kind=kind,
            engine=engine,
            options=dict(options or {}),
            params=dict(params or {}),
            inputs={name: file_digest(path / name) for name in sorted(inputs)},
        )
        folder = cls(path)
        if (path / "job.json").exists():
            there = folder.spec()
            if there.key == spec.key:
                return folder
            raise JobFolderError(
                f"this folder holds another job: {_difference(there.plain, spec.plain)}",
                where=path,
                remedy="take another folder, or move this one away and try again",
            )
        write_atomically(path / "job.json", spec.model_dump_json(indent=1))
        return folder

    def spec(self) -> JobSpec:
        """The job; JobFolderError when there is none or it cannot be read."""
        file = self.path / "job.json"
        try:
            return JobSpec.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            raise JobFolderError("no job.json: not a job folder", where=self.path) from None
        except ValidationError as error:
            raise JobFolderError(f"unreadable job: {error}", where=file) from None

    def params(self, kind: JobKind, model: type[Params]) -> Params:
        """What a job of this kind is asked for; JobFolderError when it is another one."""
        spec = self._spec_of(kind)
        try:
            return model.model_validate(spec.params)
        except ValidationError as error:
            raise JobFolderError(f"unreadable job: {error}", where=self.path) from None

    def _spec_of(self, kind: JobKind) -> JobSpec:
        spec = self.spec()
        if spec.kind != kind:
            found = f"this is a job of kind {spec.kind!r}, no {kind} job"
            raise JobFolderError(found, where=self.path)
        return spec

    def is_staged(self) -> bool:
        """Whether job.json and all input files are there; what they hold is not looked at."""
        try:
            return all((self.path / name).is_file() for name in self.spec().inputs)
        except JobFolderError:
            return False

    def check_inputs(self) -> None:
        """JobFolderError when an input file is missing or is not the one that was staged."""
        for name, expected in self.spec().inputs.items():
            file = self.path / name
            if not file.is_file():
                raise JobFolderError("input file is missing", where=file)
            if file_digest(file) != expected:
                raise JobFolderError("input file has changed since it was staged", where=file)

    def result(self) -> JobResult | None:
        """The result if there is a whole and valid one, else None."""
        try:
            result = JobResult.model_validate_json((self.path / "result.json").read_bytes())
            seal = result.sealed().seal
        except (FileNotFoundError, ValueError):  # not whole, not a result, or holds a NaN
            return None
        if seal != result.seal or result.key != self.spec().key:
            return None
        for name, expected in result.files.items():
            file = self.path / name
            if not file.is_file() or file_digest(file) != expected:
                return None
        return result

    def valid_result(self) -> JobResult:
        """The result of a job that has ended; JobFolderError when there is no valid one."""
        found = self.result()
        if found is None:
            raise JobFolderError(
                f"no valid result of this {self.spec().kind} job",
                where=self.path,
                remedy="run it (again): it goes on where it was",
            )
        return found

    def payload(self, kind: JobKind, model: type[Params]) -> Params:
        """What a job of this kind gave; JobFolderError when it has not ended or is another one."""
        self._spec_of(kind)
        try:
            return model.model_validate(self.valid_result().payload)
        except ValidationError as error:
            raise JobFolderError(f"unreadable result: {error}", where=self.path) from None

    def finish(
        self, payload: Mapping[str, Any], *, files: Sequence[str], clock: Clock
    ) -> JobResult:
        """Write ``result.json``, last and atomically, and return what it says.

        Raises
        ------
        ValueError
            The payload holds a NaN or an infinity, which JSON cannot say.
        """
        result = JobResult(
            key=self.spec().key,
            payload=dict(payload),
            files={name: file_digest(self.path / name) for name in sorted(files)},
            spans=tuple(clock.spans),
            started=clock.started,
            ended=time.time(),
            host=socket.gethostname(),
        ).sealed()
        write_atomically(self.path / "result.json", result.model_dump_json(indent=1))
        return result

    def busy_with(self, item: str) -> None:
        """Say what the job does now, so that a failure can be laid at the right door."""
        (self.path / _CURRENT).write_text(item)

    def note_failure(self, kind: str, words: str) -> None:
        """Write down that a try of this job failed; called by whoever saw it end."""
        try:
            item = (self.path / _CURRENT).read_text()
        except OSError:
            item = ""
        failure = Failure(
            when=time.time(), host=socket.gethostname(), kind=kind, words=words[-4000:], item=item
        )
        self.keep_failures([failure])

    def keep_failures(self, failures: Sequence[Failure]) -> None:
        """Add failures, for example those of a folder in whose place this one is."""
        if not failures:
            return
        with (self.path / _FAILURES).open("a", encoding="utf-8") as stream:
            stream.writelines(failure.model_dump_json() + "\n" for failure in failures)
            stream.flush()
            os.fsync(stream.fileno())

    def failures(self) -> list[Failure]:
        """Tries that failed, oldest first; a line that is not whole is left out."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for line in (self.path / _FAILURES).read_text(errors="replace").splitlines():
                with contextlib.suppress(ValidationError):
                    found.append(Failure.model_validate_json(line))
        return found

    def forgive(self) -> None:
        """Forget the failures: the cause has been mended. They are kept under another name."""
        with contextlib.suppress(FileNotFoundError):
            (self.path / _FAILURES).rename(self.path / f"failures.{time.time_ns()}.jsonl")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder: a second runner of the same job on this host waits here.

        The lock is the kernel's, so it goes with the process that held it, and with the engines
        that this has started with :func:`held_locks`.
        """
        if not self.path.is_dir():
            raise JobFolderError("there is no such job folder", where=self.path)
        with (self.path / ".lock").open("a") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            _HELD[stream.fileno()] = self.path.resolve()
            try:
                yield
            finally:
                del _HELD[stream.fileno()]

    def is_running(self) -> bool:
        """Whether a live process of this host holds the folder."""
        try:
            with (self.path / ".lock").open("r") as stream:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False
