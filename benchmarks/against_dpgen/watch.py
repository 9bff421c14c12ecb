"""Run a command, and see how long it computes: CPU time of all processes that it leads to.

Both loops start processes that leave their parents (``nohup``, sessions of their own), so what
belongs to a run is told by a mark in its environment.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_MARK = "AL_LOOP_BENCHMARK"
_IDLE = 0.2
"""Cores; where all processes together use less, nothing runs."""
_EVERY = 1.0
"""Seconds between two looks."""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Watched:
    """Times in s. ``idle`` is the wall time in which less than a fifth of a core was used."""

    wall: float
    idle: float
    cpu: float


def watch(command: Sequence[str], *, folder: Path, environment: dict[str, str]) -> Watched:
    """Run a command to its end; CalledProcessError with the end of its output when it fails."""
    mark = f"{_MARK}={uuid.uuid4().hex}"
    variable, value = mark.split("=")
    start = last = time.monotonic()
    idle, seen = 0.0, dict[int, float]()
    with (folder / "output.txt").open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment, variable: value},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        running = True
        while running:
            try:
                process.wait(_EVERY)
                running = False
            except subprocess.TimeoutExpired:
                pass
            except BaseException:
                end(mark)
                raise
            found = cpu_seconds(mark)
            now = time.monotonic()
            used = sum(seconds - seen.get(pid, 0.0) for pid, seconds in found.items())
            if used < _IDLE * (now - last):
                idle += now - last
            seen.update(found)
            last = now
    if process.returncode:
        said = (folder / "output.txt").read_text(errors="replace")[-3000:]
        raise subprocess.CalledProcessError(process.returncode, list(command), output=said)
    return Watched(wall=last - start, idle=idle, cpu=sum(seen.values()))


def end(mark: str) -> None:
    """Ask the processes with ``mark`` to end: a benchmark that is stopped leaves nothing behind."""
    for pid in cpu_seconds(mark):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def cpu_seconds(mark: str) -> dict[int, float]:
    """CPU time (s) so far of each process with ``mark`` in its environment."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if mark.encode() not in (folder / "environ").read_bytes():
                continue
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended, or is another user's
            continue
        found[int(folder.name)] = (int(fields[11]) + int(fields[12])) / _TICKS
    return found
