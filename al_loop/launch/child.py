"""Run a job in a process of its own, forked from a server that has imported the engines.

Importing TensorFlow takes longer than many a job. A fork server imports it once; every
job is then a fork of that server: it starts in milliseconds, in a clean process, and what
it breaks goes with it. A job never outlives the process that asked for it.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import multiprocessing.util
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING

from al_loop import stopping
from al_loop.campaign import CampaignSpec, engine_class
from al_loop.campaign.engines import EngineKind
from al_loop.errors import AlLoopError, EngineCrashed, JobStopped, MachineError
from al_loop.jobfolder import JobFolder
from al_loop.loop.jobs import run_job
from al_loop.taxonomy import diagnose

if TYPE_CHECKING:
    from typing_extensions import Buffer

_THREADS = ("OMP", "MKL", "OPENBLAS", "TF_INTRA_OP", "TF_INTER_OP", "DP_INTRA_OP", "DP_INTER_OP")
ONE_THREAD = {
    f"{name}_PARALLELISM_THREADS" if name.endswith("_OP") else f"{name}_NUM_THREADS": "1"
    for name in _THREADS
}
"""Jobs share the cores among themselves, one core each; a user's own setting is kept."""

# Python 3.10 to 3.10.8 and 3.11.0 let the fork server listen where every user of the machine can
# have it run things (CVE-2022-42919); this is how they are told to use a private folder.
multiprocessing.util.abstract_sockets_supported = False  # type: ignore[misc]
CONTEXT = multiprocessing.get_context("forkserver")
_PROBED, _READY = threading.Event(), threading.Event()
_stopping = threading.Event()
_running: set[BaseProcess] = set()


def engines_of(spec: CampaignSpec) -> dict[EngineKind, str]:
    """Names of the engines of a campaign."""
    return {
        "train": spec.train.engine,
        "explore": spec.explore.engine,
        "label": spec.label.engine,
    }


def preload_modules(engines: Mapping[EngineKind, str]) -> list[str]:
    """Modules that engines want imported before a fork."""
    modules = ["al_loop.loop.jobs"]
    for kind, name in engines.items():
        modules += engine_class(kind, name).preload
    return modules


def start_fork_server(modules: Iterable[str], *, log: Path, wait: bool = False) -> None:
    """Start this process's fork server; the chatter of what it imports goes to ``log``.

    Does nothing when one is running already (then it keeps what it has imported). ``wait`` until
    it has imported everything.
    """
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    CONTEXT.set_forkserver_preload(list(modules))
    with redirected(log):
        forkserver.ensure_running()
    if not _PROBED.is_set():
        _PROBED.set()
        threading.Thread(target=_probe, daemon=True, name="fork-server-probe").start()
    if wait:
        _READY.wait()


def _probe() -> None:
    """A fork server answers its first call when it has imported everything."""
    process = CONTEXT.Process(target=_nothing)
    process.start()
    process.join()
    _READY.set()


def _nothing() -> None:
    """What the probe's process does."""


def run_job_in_child(folder: Path) -> None:
    """Run the job of a folder in a process of its own and wait for it.

    While the fork server is still importing, a fresh interpreter does the job: labels need
    not wait for TensorFlow.

    A failure is written down in the folder: who sees it end knows best whether it was the job's.
    Where the folder was taken away under the job, it was not.

    Raises
    ------
    JobStopped
        It was asked to (see :func:`stop_jobs`) and can go on later.
    MachineError
        It failed, or its process ended without a result; the text holds its last words.
    """
    context = CONTEXT if _READY.is_set() else multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_job_process, args=(str(folder), sender))
    process.start()
    sender.close()
    _running.add(process)
    if _stopping.is_set():  # the request came while this job was being started
        process.terminate()
    try:
        error: AlLoopError | None = receiver.recv()
    except EOFError:
        process.join()
        error = _sudden_end(folder, process.exitcode)
    except BaseException:  # Ctrl-C, SystemExit: take the job along, then go on unwinding
        kill_group(process.pid)
        raise
    finally:
        _running.discard(process)
        receiver.close()
    process.join()
    if error is None:
        return
    job = JobFolder(folder)
    if not isinstance(error, JobStopped) and job.is_staged():
        with contextlib.suppress(OSError):  # a full disk must not hide what happened
            job.note_failure(diagnose(str(error)), str(error))
    raise error


def stop_jobs() -> None:
    """Ask this process's jobs, also those that it starts from now on, to stop cleanly."""
    _stopping.set()
    for process in list(_running):
        process.terminate()


def kill_jobs() -> None:
    """Kill this process's jobs: they have been asked, and time is up."""
    _stopping.set()
    for process in list(_running):
        kill_group(process.pid)


def _sudden_end(folder: Path, code: int | None) -> MachineError:
    """What to say of a job's process that is gone without a word."""
    if _stopping.is_set():
        return JobStopped("killed while it was stopping; it goes on from its last save")
    how = f"signal {-code} ({signal.Signals(-code).name})" if code and code < 0 else f"code {code}"
    return EngineCrashed(f"the job's process ended with {how}\n{last_words(folder)}", where=folder)


def last_words(folder: Path, lines: int = 15) -> str:
    """The end of a job's log."""
    try:
        text = (folder / "job.log").read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def die_with_parent() -> None:
    """Kill this process's group as soon as the process that started it is gone."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        kill_group(os.getpid())

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()


def kill_group(pid: int | None) -> None:
    """Kill a process and all that it started, without a word."""
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


class _Forgiving(io.RawIOBase):
    """A file to which writing never fails: what a full disk does not take is left out."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: Buffer, /) -> int:
        with contextlib.suppress(OSError):
            return os.write(self._descriptor, data)
        return memoryview(data).nbytes


@contextlib.contextmanager
def redirected(log: Path) -> Iterator[None]:
    """Send everything that this process prints, C libraries included, to a file.

    A log that cannot be written is no reason to fail.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    descriptor = _open(log)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    out, err = (
        io.TextIOWrapper(io.BufferedWriter(_Forgiving(n)), line_buffering=True) for n in (1, 2)
    )
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield
    finally:
        out.flush()
        err.flush()
        for target, source in zip((1, 2), kept, strict=True):
            os.dup2(source, target)
            os.close(source)


def _open(log: Path) -> int:
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


def _job_process(folder: str, sender: Connection) -> None:
    """Body of the forked process: the one boundary where any fault becomes a message."""
    os.setsid()
    die_with_parent()
    error: AlLoopError | None = None
    with redirected(Path(folder) / "job.log"):
        try:
            with stopping.listening(Path(folder)):
                run_job(Path(folder))
        except JobStopped as stopped:
            error = stopped
        except AlLoopError as known:
            traceback.print_exc()
            error = EngineCrashed(str(known), where=folder)
        except Exception as unknown:  # noqa: BLE001  # the named boundary
            traceback.print_exc()
            error = EngineCrashed(f"{type(unknown).__name__}: {unknown}", where=folder)
    sender.send(error)
    sender.close()
