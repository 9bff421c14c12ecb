"""DeePMD-kit as a trainer."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ClassVar

from ase.calculators.calculator import Calculator

from al_loop.campaign.engines import EngineOptions
from al_loop.errors import EngineMissing
from al_loop.jobfolder import Clock
from al_loop.train.checks import check_task
from al_loop.train.curve import CURVE
from al_loop.train.deepmd.chatter import chatter_to
from al_loop.train.deepmd.faults import check_last_error
from al_loop.train.deepmd.inputs import render_input
from al_loop.train.deepmd.options import DeepmdOptions
from al_loop.train.deepmd.plan import INPUT, plan_training
from al_loop.train.deepmd.predictor import DeepmdPredictor
from al_loop.train.deepmd.run import FROZEN, LOG, MODEL, PARTS, run_training
from al_loop.train.interface import Member, Predictor, TrainingTask


class DeepmdTrainer:
    """Trains a deep potential in this process, which had better have TensorFlow imported.

    A training that was killed goes on from its last checkpoint and ends as if it had not been
    killed.
    """

    Options: ClassVar[type[EngineOptions]] = DeepmdOptions
    preload: ClassVar[tuple[str, ...]] = (
        "al_loop.train.deepmd.session",
        "deepmd.calculator",
        "dpdata",
    )
    describes: ClassVar[bool] = True
    model_format: ClassVar[str] = "deepmd"

    def __init__(self, options: DeepmdOptions) -> None:
        self.options = options

    def check(self) -> str:
        """DeePMD-kit's and TensorFlow's versions, without importing them."""
        try:
            return f"DeePMD-kit {version('deepmd-kit')}, TensorFlow {_tensorflow_version()}"
        except PackageNotFoundError as error:
            raise EngineMissing(
                f"the package {error.name} is not installed here",
                remedy='pip install "al-loop[deepmd]"',
            ) from None

    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        """Train one member; see :class:`al_loop.train.Trainer`."""
        check_task(task, where=folder)
        plan = plan_training(self.options, task)
        run_training(self.options, task, plan, folder=folder, clock=clock)
        check_last_error((folder / CURVE).read_text(), task.train)
        return Member(model=MODEL, restart=(*PARTS, INPUT), extra=(CURVE, LOG, FROZEN))

    def render(self, elements: tuple[str, ...]) -> dict[str, str]:
        """The input of a cold start, as `al-loop check` shows it."""
        text = render_input(
            self.options, elements=elements, seed=1, steps=self.options.steps, systems=["train"]
        )
        return {INPUT: text}

    @staticmethod
    def predictor(model: Path, elements: tuple[str, ...]) -> Predictor:
        """Load a frozen model; JobFolderError when it is not one of these elements."""
        return DeepmdPredictor(model, elements)

    @staticmethod
    def calculator(model: Path, elements: tuple[str, ...]) -> Calculator:
        """DeePMD-kit's own ASE calculator."""
        del elements  # the model file knows them
        with chatter_to(Path(os.devnull)):
            from deepmd.calculator import DP

            calculator: Calculator = DP(model=str(model))
        return calculator

    @staticmethod
    def calculator_code(model_file: str) -> tuple[str, str]:
        """The same without al_loop, for others: what to import, and the expression."""
        return "from deepmd.calculator import DP", f'DP(model="{model_file}")'


def _tensorflow_version() -> str:
    """Of whichever package brings TensorFlow."""
    try:
        return version("tensorflow-cpu")
    except PackageNotFoundError:
        return version("tensorflow")
