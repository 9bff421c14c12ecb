"""A committee in Python: its members as ASE calculators, its models as inputs of a job."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol, cast

from ase.calculators.calculator import Calculator
from pydantic import BaseModel, ConfigDict

from al_loop.campaign.engines import engine_class
from al_loop.d3 import D3
from al_loop.explore.interface import Committee


class _MakesCalculators(Protocol):
    @staticmethod
    def calculator(model: Path, elements: tuple[str, ...]) -> Calculator: ...


def load_members(committee: Committee) -> list[Calculator]:
    """ASE calculators of the members, leader first, made by their trainer."""
    trainer = cast(_MakesCalculators, engine_class("train", committee.trainer))
    return [trainer.calculator(model, committee.elements) for model in committee.models]


def relative_models(committee: Committee, folder: Path) -> tuple[str, ...]:
    """Model files as seen from a job folder: they are referred to, not copied."""
    return tuple(os.path.relpath(model.resolve(), folder.resolve()) for model in committee.models)


class CommitteeFiles(BaseModel):
    """The part of a job's ``params`` that says under which committee it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_format: str
    trainer: str
    elements: tuple[str, ...]
    models: tuple[str, ...]
    """Paths relative to the job folder, leader first."""
    dispersion: D3 | None = None

    def committee(self, folder: Path) -> Committee:
        """The committee, as the job in this folder finds it."""
        return Committee(
            model_format=self.model_format,
            trainer=self.trainer,
            elements=self.elements,
            models=tuple(folder / model for model in self.models),
            dispersion=self.dispersion,
        )


def committee_files(committee: Committee, folder: Path) -> dict[str, Any]:
    """The fields of :class:`CommitteeFiles` of a committee, as seen from a job folder."""
    return {
        "model_format": committee.model_format,
        "trainer": committee.trainer,
        "elements": committee.elements,
        "models": relative_models(committee, folder),
        "dispersion": committee.dispersion,
    }
