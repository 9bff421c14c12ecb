"""A committee in Python: its members as ASE calculators, its models as inputs of a job."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol, cast

from ase.calculators.calculator import Calculator

from al_loop.campaign.engines import engine_class
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
