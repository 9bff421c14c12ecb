"""The train job and the evaluate job, in terms of a job folder.

::

    data/data.json                            once per iteration, see al_loop.train.data
    member-0/job.json
             parent/...                       restart files of the member's predecessor
             (the trainer's own files)
             frame-errors.npz         errors on each frame, those that were trained on too
             force-parity.npz         forces of test frames, by label and by the member
             result.json                      a TrainOutcome, last
    evaluate-0/job.json
               models/<name>.<suffix>
               measured.json           errors of the models that have been measured
               result.json                    an EvaluateOutcome, last

The runners expect that the caller holds the folder's lock.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from al_loop import stopping
from al_loop.campaign.engines import EngineOptions, make_engine
from al_loop.errors import DatasetError, JobFolderError, PhysicsFault
from al_loop.hashing import file_digest
from al_loop.jobfolder import Clock, JobFolder, JobResult, write_atomically
from al_loop.train.accuracy import (
    FORCE_PARITY,
    FRAME_ERRORS,
    compare,
    errors_of,
    force_parity,
    frame_errors,
    predict_all,
    summary,
    write_force_parity,
    write_frame_errors,
)
from al_loop.train.data import MANIFEST, TEST, TRAIN, VALID, read_training_data
from al_loop.train.interface import Errors, Member, Trainer, TrainingTask
from al_loop.train.outcome import EvaluateOutcome, TrainOutcome

_PARENT = "parent"
_MODELS = "models"
_MEASURED = "measured.json"
_ERRORS = TypeAdapter(dict[str, Errors])


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    elements: tuple[str, ...]
    data: str
    """The data folder, relative to the job folder."""


class _TrainParams(_Params):
    seed: int
    effort: float
    warm: bool
    """Whether ``parent/`` holds a predecessor."""


class _EvaluateParams(_Params):
    models: dict[str, str]
    """Name -> model file, relative to the job folder."""


def stage_train_job(
    path: Path,
    *,
    engine: str,
    options: EngineOptions,
    elements: Sequence[str],
    seed: int,
    effort: float,
    data: Path,
    parent: Mapping[str, Path] | None,
) -> JobFolder:
    """Write the job of one member; doing it again, or twice at once, changes nothing.

    ``data`` is a data folder (:mod:`al_loop.train.data`). ``parent`` maps the names in the
    predecessor's ``Member.restart`` to files, which are copied. Raises JobFolderError when the
    folder holds another job.
    """
    shared = os.path.relpath(data, path)
    copies = {f"{_PARENT}/{name}": file for name, file in (parent or {}).items()}
    _copy(copies, path)
    params = _TrainParams(
        elements=tuple(elements), data=shared, seed=seed, effort=effort, warm=parent is not None
    )
    return JobFolder.create(
        path,
        kind="train",
        engine=engine,
        options=options.model_dump(mode="json"),
        params=params.model_dump(mode="json"),
        inputs=[f"{shared}/{MANIFEST}", *copies],
    )


def stage_evaluate_job(
    path: Path,
    *,
    engine: str,
    options: EngineOptions,
    elements: Sequence[str],
    models: Mapping[str, Path],
    data: Path,
) -> JobFolder:
    """Write a job that measures models on the test frames of a data folder.

    ``models`` maps names to model files, which are copied. Doing it again changes nothing.
    """
    if not models:
        raise DatasetError("an evaluate job needs at least one model", where=path)
    shared = os.path.relpath(data, path)
    names = {name: f"{_MODELS}/{name}{file.suffix}" for name, file in models.items()}
    _copy({names[name]: file for name, file in models.items()}, path)
    params = _EvaluateParams(elements=tuple(elements), data=shared, models=names)
    return JobFolder.create(
        path,
        kind="evaluate",
        engine=engine,
        options=options.model_dump(mode="json"),
        params=params.model_dump(mode="json"),
        inputs=[f"{shared}/{MANIFEST}", *names.values()],
    )


def run_train_job(folder: JobFolder, clock: Clock) -> JobResult:
    """Train the member of a folder and measure it; a valid result is returned as it is.

    Training that diverges, or a model that predicts NaN, is a failed outcome.

    Raises
    ------
    DatasetError
        The frames cannot be used.
    EngineMissing, EngineCrashed, JobFolderError
        The job may be run again once the cause is mended.
    JobStopped
        It was asked to stop; a later run goes on from what the trainer saved.
    """
    if (result := folder.result()) is not None:
        return result
    spec = folder.spec()
    params = folder.params("train", _TrainParams)
    folder.check_inputs()
    stopping.stop_if_requested(folder.path)
    trainer = cast(Trainer, make_engine("train", spec.engine, spec.options))
    program = trainer.check()
    try:
        member, valid, test = _train(trainer, params, folder.path, clock)
    except PhysicsFault as fault:
        outcome = TrainOutcome(
            "failed",
            _seconds(clock),
            program,
            reason=fault.reason,
            detail=fault.what,
            remedy=fault.remedy,
        )
        return folder.finish(outcome.payload(), files=[], clock=clock)
    outcome = TrainOutcome("ok", _seconds(clock), program, member=member, valid=valid, test=test)
    files = dict.fromkeys((member.model, *member.restart, *member.extra))
    return folder.finish(outcome.payload(), files=list(files), clock=clock)


def run_evaluate_job(folder: JobFolder, clock: Clock) -> JobResult:
    """Measure the models of a folder; a valid result is returned as it is.

    Raises
    ------
    EngineMissing, EngineCrashed, JobFolderError
        The job may be run again once the cause is mended.
    JobStopped
        It was asked to stop; a later run goes on with the next model.
    """
    if (result := folder.result()) is not None:
        return result
    spec = folder.spec()
    params = folder.params("evaluate", _EvaluateParams)
    folder.check_inputs()
    trainer = cast(Trainer, make_engine("train", spec.engine, spec.options))
    trainer.check()
    frames = read_training_data(folder.path / params.data, TEST)
    errors = _measured(folder)
    for name, model in params.models.items():
        if name in errors:
            continue
        stopping.stop_if_requested(folder.path)
        predictor = trainer.predictor(folder.path / model, params.elements)
        with clock.span():
            found = errors_of(predictor, frames)
        # JSON knows no NaN: a model that predicts none has no errors that could be compared
        errors[name] = found if _finite(found) else Errors(len(frames), None, None, None)
        write_atomically(folder.path / _MEASURED, _ERRORS.dump_json(errors))
    return folder.finish(EvaluateOutcome(errors).payload(), files=[], clock=clock)


def _measured(folder: JobFolder) -> dict[str, Errors]:
    """What an earlier run of this evaluate job has measured."""
    try:
        return _ERRORS.validate_json((folder.path / _MEASURED).read_bytes())
    except (FileNotFoundError, ValidationError):
        return {}


def _train(
    trainer: Trainer, params: _TrainParams, path: Path, clock: Clock
) -> tuple[Member, Errors, Errors]:
    train, valid, test = (
        read_training_data(path / params.data, name) for name in (TRAIN, VALID, TEST)
    )
    task = TrainingTask(
        elements=params.elements,
        seed=params.seed,
        train=train,
        valid=valid,
        parent=path / _PARENT if params.warm else None,
        effort=params.effort,
    )
    member = trainer.train(task, path, clock)
    predictor = trainer.predictor(path / member.model, params.elements)
    with clock.span():
        found = {
            name: frame_errors(predictor, frames)
            for name, frames in (("train", train), ("valid", valid))
        }
        told = predict_all(predictor, test)
        found["test"] = compare(told, test)
    errors = [summary(found[name]) for name in ("valid", "test")]
    if not all(map(_finite, errors)):
        raise PhysicsFault(
            "model-not-finite",
            "the trained model predicts NaN or infinity on held-out frames",
            remedy="lower the learning rate, or look for wrong labels",
        )
    write_frame_errors(path / FRAME_ERRORS, found)
    write_force_parity(path / FORCE_PARITY, force_parity(told, test))
    extra = (*member.extra, FRAME_ERRORS, FORCE_PARITY)
    return replace(member, extra=extra), errors[0], errors[1]


def _seconds(clock: Clock) -> float:
    return sum(span.end - span.start for span in clock.spans if span.what == "compute")


def _copy(files: Mapping[str, Path], folder: Path) -> None:
    """Copy files into a folder, each in one atomic step; what is there already stays.

    A file that another job in this folder vouches for is never replaced.
    """
    staged = JobFolder(folder).spec().inputs if (folder / "job.json").exists() else None
    for name, source in files.items():
        target = folder / name
        digest = file_digest(source)
        if target.is_file() and file_digest(target) == digest:
            continue
        if staged is not None and staged.get(name) != digest:
            raise JobFolderError(
                "this folder holds another job", where=folder, remedy="move it away and try again"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copyfile(source, scratch)
        scratch.replace(target)


def _finite(errors: Errors) -> bool:
    return all(math.isfinite(value) for value in astuple(errors) if value is not None)
