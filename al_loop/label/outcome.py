"""What became of a frame that was to be labelled, and how that is kept in files."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from al_loop.jobfolder import write_atomically
from al_loop.label.interface import Label

LabelState = Literal["ok", "failed", "dropped"]
Arrays = Mapping[str, NDArray[Any]]

_STATES: dict[str, LabelState] = {"ok": "ok", "failed": "failed", "dropped": "dropped"}

_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    RuntimeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy and zipfile raise on a truncated or damaged .npz."""


@dataclass(frozen=True)
class LabelOutcome:
    """A frame's label, or why there is none.

    A frame that was no longer wanted before its turn came is ``dropped``: nothing was computed.
    ``seconds`` is the wall time of this label; its cost is ``seconds * cores``. ``reason`` and
    ``remedy`` are empty unless ``state`` is failed; ``detail`` is then what happened, and the
    label's note when there is one.
    """

    frame: str
    state: LabelState
    label: Label | None
    reason: str
    detail: str
    remedy: str
    seconds: float
    cores: int


@dataclass(frozen=True)
class Record:
    """An outcome as the job keeps it while it runs.

    ``method`` is the digest of the fingerprint by which it was computed, ``start`` the time at
    which that began (seconds since the epoch).
    """

    outcome: LabelOutcome
    method: str
    start: float


def pack(outcomes: Sequence[LabelOutcome]) -> dict[str, NDArray[Any]]:
    """Outcomes as flat arrays: forces of all labels one below the other, NaN for what is not."""
    labels = [outcome.label for outcome in outcomes]
    nothing = np.full((3, 3), np.nan)
    virials = [nothing if x is None or x.virial is None else x.virial for x in labels]
    forces = [np.zeros((0, 3)) if x is None else x.forces for x in labels]
    return {
        "frame": np.array([x.frame for x in outcomes]),
        "state": np.array([x.state for x in outcomes]),
        "reason": np.array([x.reason for x in outcomes]),
        "detail": np.array([x.detail for x in outcomes]),
        "remedy": np.array([x.remedy for x in outcomes]),
        "corrections": np.array(["\n".join(x.corrections) if x else "" for x in labels]),
        "seconds": np.array([x.seconds for x in outcomes], dtype=np.float64),
        "cores": np.array([x.cores for x in outcomes], dtype=np.int64),
        "atoms": np.array([len(x) for x in forces], dtype=np.int64),
        "energy": np.array([np.nan if x is None else x.energy for x in labels], dtype=np.float64),
        "forces": np.concatenate([np.zeros((0, 3)), *forces]),
        "virial": np.array(virials, dtype=np.float64).reshape(-1, 3, 3),
        "has_virial": np.array([x is not None and x.virial is not None for x in labels]),
    }


def unpack(arrays: Arrays) -> list[LabelOutcome]:
    """Outcomes from :func:`pack`'s arrays."""
    ends = np.cumsum(arrays["atoms"])
    corrections = arrays.get("corrections", np.full(len(ends), ""))
    outcomes: list[LabelOutcome] = []
    for i, frame in enumerate(arrays["frame"]):
        state = _STATES[str(arrays["state"][i])]
        label = None
        if state == "ok":
            label = Label(
                energy=float(arrays["energy"][i]),
                forces=arrays["forces"][ends[i] - arrays["atoms"][i] : ends[i]].copy(),
                virial=arrays["virial"][i].copy() if arrays["has_virial"][i] else None,
                note=str(arrays["detail"][i]),
                corrections=tuple(str(corrections[i]).splitlines()),
            )
        outcomes.append(
            LabelOutcome(
                frame=str(frame),
                state=state,
                label=label,
                reason=str(arrays["reason"][i]),
                detail=str(arrays["detail"][i]),
                remedy=str(arrays["remedy"][i]),
                seconds=float(arrays["seconds"][i]),
                cores=int(arrays["cores"][i]),
            )
        )
    return outcomes


def write_outcomes(path: Path, outcomes: Sequence[LabelOutcome]) -> None:
    """Write outcomes to one compact file, atomically."""
    write_atomically(path, _npz(pack(outcomes)))


def read_outcomes(path: Path) -> list[LabelOutcome]:
    """Read outcomes that :func:`write_outcomes` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return unpack({name: file[name] for name in file.files})


def write_record(path: Path, record: Record) -> None:
    """Write the outcome of one frame, atomically."""
    arrays = pack([record.outcome])
    arrays["method"] = np.array(record.method)
    arrays["start"] = np.array(record.start)
    write_atomically(path, _npz(arrays))


def read_record(path: Path) -> Record | None:
    """Outcome of one frame, or None when the file is missing, truncated or damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:  # before NumPy believes a damaged header
                return None
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        (outcome,) = unpack(arrays)
        return Record(outcome, method=str(arrays["method"]), start=float(arrays["start"]))
    except _UNREADABLE:
        return None


def _npz(arrays: Arrays) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()
