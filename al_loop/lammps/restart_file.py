"""LAMMPS' restart files: whether one is whole, and of which step."""

from __future__ import annotations

import struct
from pathlib import Path

_MAGIC = b"LammpS RestartT\0"
_TEXT, _STEP = (0, 4), 5  # flags of the header's strings (version, units) and of the time step


def restart_step(path: Path) -> int | None:
    """Step of a restart file; None when there is none or it is not whole."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if len(data) <= 2 * len(_MAGIC) or not (data.startswith(_MAGIC) and data.endswith(_MAGIC)):
        return None
    offset = len(_MAGIC) + 8  # after byte order and format
    try:
        for _ in range(16):
            (flag,) = struct.unpack_from("<i", data, offset)
            if flag == _STEP:
                return int(struct.unpack_from("<q", data, offset + 4)[0])
            (value,) = struct.unpack_from("<i", data, offset + 4)
            offset += 8 + (value if flag in _TEXT else 0)
    except struct.error:
        pass
    return None
