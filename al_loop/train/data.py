"""Training data on disk: parts that are written once, and data folders that refer to them.

::

    data/000000-5f0c1a2b/train.traj valid.traj test.traj      a part: the frames that were new
                         data.json                            then, vouched for by digests
    iter.000004/train/data/data.json                          all parts so far, in order

An iteration adds a part and refers to those before, so no frame is written twice.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from al_loop.errors import DatasetError, JobFolderError
from al_loop.frame import Labelled, check_labelled, read_labelled, write_labelled
from al_loop.hashing import file_digest
from al_loop.jobfolder import write_atomically

TRAIN = "train.traj"
VALID = "valid.traj"
TEST = "test.traj"
MANIFEST = "data.json"

_NAMES = (TRAIN, VALID, TEST)
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, OverflowError)
"""What ASE raises on a truncated or damaged trajectory."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str
    """Relative to the manifest's folder."""
    files: dict[str, str]
    """Name -> SHA-256."""
    train: int
    """Number of frames to train on."""


class _Manifest(BaseModel):
    """``data.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: tuple[_Part, ...]


def write_data_part(
    folder: Path,
    *,
    train: Sequence[Labelled],
    valid: Sequence[Labelled],
    test: Sequence[Labelled],
) -> None:
    """Write ``train.traj``, ``valid.traj`` and ``test.traj``; doing it again changes nothing.

    Each of them may be empty.

    Raises
    ------
    DatasetError
        A label has the wrong shape or is not finite; nothing is written then.
    JobFolderError
        The folder holds other data. Jobs may refer to them, so they are never overwritten.
    """
    sets = {TRAIN: train, VALID: valid, TEST: test}
    for name, frames in sets.items():
        for index, frame in enumerate(frames):
            check_labelled(frame, where=f"{folder / name}: frame {index}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, frames in sets.items():
        _write_once(folder / name, frames)
    files = {name: file_digest(folder / name) for name in _NAMES}
    _write_manifest(folder, _Manifest(parts=(_Part(folder=".", files=files, train=len(train)),)))


def write_training_data(
    folder: Path,
    *,
    train: Sequence[Labelled],
    valid: Sequence[Labelled],
    test: Sequence[Labelled],
) -> None:
    """Write a data folder that holds its only part; errors as :func:`write_data_part`.

    Raises DatasetError also when there is nothing to train on.
    """
    if not train:
        raise _nothing(folder)
    write_data_part(folder, train=train, valid=valid, test=test)


def join_data_parts(folder: Path, parts: Sequence[Path]) -> None:
    """Write a data folder that refers to parts, in this order; doing it again changes nothing.

    Raises
    ------
    DatasetError
        There is nothing to train on.
    JobFolderError
        A part is not there, or the folder refers to other data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    joined = tuple(
        part.model_copy(update={"folder": os.path.relpath(path, folder)})
        for path in parts
        for part in _manifest(path).parts
    )
    if not any(part.train for part in joined):
        raise _nothing(folder)
    _write_manifest(folder, _Manifest(parts=joined))


def is_written(folder: Path) -> bool:
    """Whether a part is there. Its content is looked at by the jobs that read it."""
    return all((folder / name).is_file() for name in (*_NAMES, MANIFEST))


def read_training_data(folder: Path, name: str) -> list[Labelled]:
    """Frames of a data folder: ``TRAIN``, ``VALID`` or ``TEST``, part after part.

    Raises
    ------
    JobFolderError
        A file is missing or has changed. Nobody vouches for its part any longer then, so that
        it is written again.
    """
    frames: list[Labelled] = []
    for part in _manifest(folder).parts:
        path = folder / part.folder / name
        if not path.is_file() or file_digest(path) != part.files[name]:
            for listed in (path.parent / MANIFEST, folder / MANIFEST):
                listed.unlink(missing_ok=True)
            raise JobFolderError(
                "training data are missing or have changed since they were staged",
                where=path,
                remedy="run the campaign again: they are written again",
            )
        frames += read_labelled(path)
    return frames


def _nothing(folder: Path) -> DatasetError:
    return DatasetError(
        "no frame is left to train on", where=folder, remedy="label more structures"
    )


def _manifest(folder: Path) -> _Manifest:
    path = folder / MANIFEST
    try:
        return _Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise JobFolderError("no training data", where=path) from None
    except ValidationError as error:
        raise JobFolderError(f"unreadable list of training data: {error}", where=path) from None


def _write_manifest(folder: Path, manifest: _Manifest) -> None:
    path = folder / MANIFEST
    if not path.exists():
        write_atomically(path, manifest.model_dump_json(indent=1))
    elif _manifest(folder) != manifest:
        raise _other(path)


def _other(path: Path) -> JobFolderError:
    return JobFolderError(
        "this data folder holds other data", where=path, remedy="move it away and try again"
    )


def _write_once(path: Path, frames: Sequence[Labelled]) -> None:
    scratch = path.with_name(f".{path.name}.staged.{os.getpid()}")
    write_labelled(scratch, frames)
    try:
        os.link(scratch, path)  # fails when path exists, whichever process was first
    except FileExistsError:
        if not _same_data(scratch, path):
            raise _other(path) from None
    finally:
        scratch.unlink()


def _same_data(a: Path, b: Path) -> bool:
    """Whether two files hold the same labelled frames, perhaps written by two versions of ASE."""
    if file_digest(a) == file_digest(b):
        return True
    try:
        ours, theirs = read_labelled(a), read_labelled(b)
    except _UNREADABLE:
        return False
    return len(ours) == len(theirs) and all(map(_same_frame, ours, theirs))


def _same_frame(a: Labelled, b: Labelled) -> bool:
    if (a.virial is None) != (b.virial is None):
        return False
    virials = a.virial is None or b.virial is None or np.array_equal(a.virial, b.virial)
    return (
        virials
        and a.energy == b.energy
        and np.array_equal(a.forces, b.forces)
        and np.array_equal(a.atoms.numbers, b.atoms.numbers)
        and np.array_equal(a.atoms.positions, b.atoms.positions)
        and np.array_equal(a.atoms.cell.array, b.atoms.cell.array)
    )
