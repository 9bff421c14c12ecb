"""Folders of campaigns: are they there, may they be written, is there room?"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from al_loop.launch.doctor.report import Finding

LITTLE_ROOM = 1 << 30
"""Bytes; a training with its checkpoints takes some hundred megabytes."""

_PROBE = 1 << 16
_CODES = {
    errno.ENOSPC: "disk-full",
    errno.EDQUOT: "disk-full",
    errno.EACCES: "no-permission",
    errno.EPERM: "no-permission",
}


def free_bytes(folder: Path) -> int | None:
    """Room on the disk of a folder; None when there is no such folder here."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def disk(folder: Path) -> Iterator[Finding]:
    """Faults of a folder's disk. Writes a little file: a used-up quota shows in no other way."""
    free = free_bytes(folder)
    if free is None:
        yield Finding("campaign-folder-lost", str(folder), "there is no such folder here")
        return
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as probe:
            probe.write(bytes(_PROBE))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        code = _CODES.get(error.errno or 0, "filesystem")
        yield Finding(code, str(folder), str(error.strerror))
        return
    if free < LITTLE_ROOM:
        yield Finding("disk-nearly-full", str(folder), f"{free / (1 << 20):.0f} MB are free")
