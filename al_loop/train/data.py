"""The data folder: the labelled frames of an iteration, written once for all its members."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from al_loop.errors import DatasetError, JobFolderError
from al_loop.frame import Labelled, check_labelled, read_labelled, write_labelled
from al_loop.hashing import file_digest

TRAIN = "train.traj"
VALID = "valid.traj"
TEST = "test.traj"


def write_training_data(
    folder: Path,
    *,
    train: Sequence[Labelled],
    valid: Sequence[Labelled],
    test: Sequence[Labelled],
) -> None:
    """Write ``train.traj``, ``valid.traj`` and ``test.traj``; doing it again changes nothing.

    Raises
    ------
    DatasetError
        A label has the wrong shape or is not finite, or there is nothing to train on;
        nothing is written then.
    JobFolderError
        The folder holds other data. Jobs may refer to them, so they are never overwritten.
    """
    if not train:
        raise DatasetError(
            "no frame is left to train on", where=folder, remedy="label more structures"
        )
    sets = {TRAIN: train, VALID: valid, TEST: test}
    for name, frames in sets.items():
        for index, frame in enumerate(frames):
            check_labelled(frame, where=f"{folder / name}: frame {index}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, frames in sets.items():
        _write_once(folder / name, frames)


def _write_once(path: Path, frames: Sequence[Labelled]) -> None:
    scratch = path.with_name(f".{path.name}.staged.{os.getpid()}")
    write_labelled(scratch, frames)
    try:
        os.link(scratch, path)  # fails when path exists, whichever process was first
    except FileExistsError:
        if not _same_data(scratch, path):
            raise JobFolderError(
                "this data folder holds other data", where=path, remedy="move it away and try again"
            ) from None
    finally:
        scratch.unlink()


def _same_data(a: Path, b: Path) -> bool:
    """Whether two files hold the same labelled frames, perhaps written by two versions of ASE."""
    if file_digest(a) == file_digest(b):
        return True
    ours, theirs = read_labelled(a), read_labelled(b)
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
