"""The linear pair potential as a trainer."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import numpy as np
from ase.calculators.calculator import Calculator

from al_loop.calculator import FunctionCalculator
from al_loop.campaign.engines import EngineOptions
from al_loop.errors import JobFolderError
from al_loop.hashing import derive_seed
from al_loop.jobfolder import Clock
from al_loop.train.checks import check_task
from al_loop.train.interface import Member, Predictor, TrainingTask
from al_loop.train.linear.fit import draw_counts, fit, make_basis
from al_loop.train.linear.model import LinearModel
from al_loop.train.linear.options import LinearOptions

_MODEL = "model.json"


class LinearTrainer:
    """Fits a linear pair potential; the same input gives the same file, bit for bit.

    Members differ by the frames that they draw and by their basis. A warm-started member keeps
    its predecessor's basis, and its coefficients are pulled towards the predecessor's: less so
    with more effort.
    """

    Options: ClassVar[type[EngineOptions]] = LinearOptions
    preload: ClassVar[tuple[str, ...]] = ("al_loop.train.linear.trainer",)
    describes: ClassVar[bool] = True
    model_format: ClassVar[str] = "linear"

    def __init__(self, options: LinearOptions) -> None:
        self.options = options

    def check(self) -> str:
        """It is always there."""
        return f"linear (numpy {version('numpy')})"

    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        """Fit one member and write ``model.json``.

        Raises
        ------
        DatasetError
            The frames cannot be used.
        JobFolderError
            The predecessor's file is missing, damaged or of other elements.
        """
        check_task(task, where=folder)
        random = np.random.default_rng(derive_seed(task.seed, "linear"))
        parent = self._parent(task)
        basis = (
            parent.basis
            if parent is not None
            else make_basis(self.options, elements=task.elements, random=random)
        )
        counts = draw_counts(len(task.train), bootstrap=self.options.bootstrap, random=random)
        with clock.span():
            model = fit(
                self.options,
                basis,
                task.train,
                counts=counts,
                prior=None if parent is None else parent.coefficients,
                pull=self.options.pull / task.effort,
            )
        model.write(folder / _MODEL)
        return Member(model=_MODEL, restart=(_MODEL,))

    @staticmethod
    def predictor(model: Path, elements: tuple[str, ...]) -> Predictor:
        """Load a model file; JobFolderError when it is not one of these elements."""
        return _read(model, elements)

    @staticmethod
    def calculator(model: Path, elements: tuple[str, ...]) -> Calculator:
        """The same as an ASE calculator."""
        return FunctionCalculator(_read(model, elements).predict)

    @staticmethod
    def _parent(task: TrainingTask) -> LinearModel | None:
        return None if task.parent is None else _read(task.parent / _MODEL, task.elements)


def _read(path: Path, elements: tuple[str, ...]) -> LinearModel:
    model = LinearModel.read(path)
    if model.basis.elements != elements:
        raise JobFolderError(
            f"a model of {', '.join(model.basis.elements)}, not of {', '.join(elements)}",
            where=path,
        )
    return model
