"""The describe job: environments of the atoms that a committee was trained on.

::

    job.json                 the leader's model and the training data stay where they are
    descriptors.npz          features (atoms, features) and numbers (atoms,)
    result.json              last

It says what is labelled already, so that a batch of candidates brings what is new.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from al_loop import stopping
from al_loop.campaign.engines import engine_class
from al_loop.descriptors import Features, MakesDescribing, projected, spread_out
from al_loop.errors import JobFolderError
from al_loop.jobfolder import Clock, JobFolder, JobResult, write_atomically
from al_loop.train.data import MANIFEST, TRAIN, read_training_data

DESCRIPTORS = "descriptors.npz"
MOST_ATOMS = 4000
"""Atoms of an element that are kept: those that lie farthest apart stand for the others."""


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    elements: tuple[str, ...]
    data: str
    """Data folder, relative to the job folder; so is the model."""
    model: str


def stage_describe_job(
    path: Path, *, engine: str, elements: Sequence[str], model: Path, data: Path
) -> JobFolder:
    """Put up a describe job, or find it there; doing it again changes nothing.

    ``engine`` is the trainer of ``model``; ``data`` a data folder (:mod:`al_loop.train.data`).
    """
    path.mkdir(parents=True, exist_ok=True)
    params = _Params(
        elements=tuple(elements),
        data=os.path.relpath(data, path),
        model=os.path.relpath(model, path),
    )
    return JobFolder.create(
        path,
        kind="describe",
        engine=engine,
        params=params.model_dump(mode="json"),
        inputs=(f"{params.data}/{MANIFEST}", params.model),
    )


def run_describe_job(folder: JobFolder, clock: Clock) -> JobResult:
    """Describe the training frames; the caller holds the folder's lock.

    Raises
    ------
    JobFolderError
        No describe job, or an input is missing or damaged.
    JobStopped
        It was asked to stop; it begins again.
    """
    if (done := folder.result()) is not None:
        return done
    folder.check_inputs()
    params = folder.params("describe", _Params)
    frames = read_training_data(folder.path / params.data, TRAIN)
    trainer = cast(MakesDescribing, engine_class("train", folder.spec().engine))
    predictor = trainer.predictor(folder.path / params.model, params.elements)
    features: list[Features] = []
    with clock.span():
        for frame in frames:
            stopping.stop_if_requested(folder.path)
            features.append(projected(predictor.descriptors(frame.atoms)))
        found = np.concatenate(features)
        numbers = np.concatenate([frame.atoms.numbers for frame in frames]).astype(np.int64)
        kept = _thinned(found, numbers)
    buffer = io.BytesIO()
    np.savez(buffer, features=found[kept], numbers=numbers[kept])
    write_atomically(folder.path / DESCRIPTORS, buffer.getvalue())
    payload = {"atoms": len(numbers), "kept": len(kept)}
    return folder.finish(payload, files=[DESCRIPTORS], clock=clock)


def collect_descriptors(folder: JobFolder) -> tuple[Features, NDArray[np.int64]]:
    """Features (atoms, features) and atomic numbers (atoms,) of what was trained on.

    Raises JobFolderError when there is no valid result of a describe job.
    """
    folder.valid_result()
    try:
        with np.load(folder.path / DESCRIPTORS, allow_pickle=False) as stored:
            return stored["features"], stored["numbers"]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise JobFolderError(f"unreadable descriptors: {error}", where=folder.path) from None


def _thinned(features: Features, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    kept = []
    for number in np.unique(numbers):
        own = np.flatnonzero(numbers == number)
        kept.append(own[spread_out(features[own], MOST_ATOMS)])
    return np.sort(np.concatenate(kept))
