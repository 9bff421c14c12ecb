"""What a train or evaluate job reports: the payload of its ``result.json``, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from al_loop.errors import JobFolderError
from al_loop.jobfolder import JobFolder
from al_loop.train.interface import Errors, Member

Outcome = TypeVar("Outcome")

NO_ERRORS = Errors(frames=0, energy_rmse=None, force_rmse=None, virial_rmse=None)


@dataclass(frozen=True)
class TrainOutcome:
    """A trained member, or why there is none.

    Attributes
    ----------
    reason, detail, remedy
        Short code, one sentence, and what a person could change; empty when ``state`` is ok.
    member
        File names relative to the job folder; None when training failed.
    valid, test
        Errors on the frames that were not trained on; of no frames when training failed.
    seconds
        Time in which the engine computed.
    program
        Engine and version, as found where the job ran.
    """

    state: Literal["ok", "failed"]
    seconds: float
    program: str
    reason: str = ""
    detail: str = ""
    remedy: str = ""
    member: Member | None = None
    valid: Errors = NO_ERRORS
    test: Errors = NO_ERRORS

    def payload(self) -> dict[str, Any]:
        """As it stands in ``result.json``."""
        return _as_json(TrainOutcome, self)


@dataclass(frozen=True)
class EvaluateOutcome:
    """Errors of several models on the same test frames, by the models' names."""

    errors: Mapping[str, Errors] = field(default_factory=dict)

    def payload(self) -> dict[str, Any]:
        """As it stands in ``result.json``."""
        return _as_json(EvaluateOutcome, self)


def collect_training(folder: JobFolder) -> TrainOutcome:
    """Outcome of a train job that has ended; JobFolderError when there is no valid result."""
    return _parse(TypeAdapter(TrainOutcome), folder)


def collect_evaluation(folder: JobFolder) -> EvaluateOutcome:
    """Outcome of an evaluate job that has ended; JobFolderError when there is no valid result."""
    return _parse(TypeAdapter(EvaluateOutcome), folder)


def _as_json(kind: type[Outcome], outcome: Outcome) -> dict[str, Any]:
    payload: dict[str, Any] = TypeAdapter(kind).dump_python(outcome, mode="json")
    return payload


def _parse(adapter: TypeAdapter[Outcome], folder: JobFolder) -> Outcome:
    try:
        return adapter.validate_python(folder.valid_result().payload)
    except ValidationError as error:
        raise JobFolderError(
            f"not the result of this kind of job: {error}", where=folder.path
        ) from None
