"""The processes of a running campaign, found as a person with `ps` and `lsof` would find them."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def command(pid: int) -> str:
    """Command line of a process; empty when it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; empty when the process is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def age(pid: int) -> float:
    """Seconds since a process was started; 0 when it is gone."""
    stat = _stat(pid)
    if not stat:
        return 0.0
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return max(0.0, uptime - int(stat[19]) / _TICKS)


def descendants(pid: int) -> list[int]:
    """Processes that a process has started, and those that they have, the eldest first."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        if stat := _stat(int(entry.name)):
            parents.setdefault(int(stat[1]), []).append(int(entry.name))
    found = list(parents.get(pid, []))
    for child in found:
        found += parents.get(child, [])
    return found


def workers_of(run: int) -> list[int]:
    """Worker processes of an `al-loop run`: those of its children that are not helpers."""
    children = [pid for pid in descendants(run) if (stat := _stat(pid)) and int(stat[1]) == run]
    return [pid for pid in children if "spawn_main" in command(pid)]


def running_jobs(campaign: Path) -> dict[int, Path]:
    """Processes that hold the lock of a job folder of this campaign, and the folders."""
    places = {}
    for lock in campaign.glob("iter.*/*/*/.lock"):
        with contextlib.suppress(OSError):
            places[lock.stat().st_ino] = lock.parent
    found = {}
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if "->" in fields or "FLOCK" not in fields or "WRITE" not in fields:
            continue  # "->": a process that waits for the lock
        pid, _, place = fields[4], fields[3], fields[5]
        folder = places.get(int(place.rpartition(":")[2]))
        if folder is not None:
            found[int(pid)] = folder
    return found


def kill(pid: int) -> bool:
    """SIGKILL; whether the process was there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False
