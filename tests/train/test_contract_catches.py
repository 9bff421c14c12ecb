"""The contract catches a deliberate fault in each promise of a trainer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.units import Hartree

from al_loop.calculator import FunctionCalculator
from al_loop.errors import DatasetError, JobStopped
from al_loop.jobfolder import Clock
from al_loop.train import Member, Predictor, TrainingTask
from al_loop.train.linear import LinearOptions, LinearTrainer
from al_loop.train.linear.model import LinearModel
from al_loop.units import Array
from tests.train.contract import Subject, TrainerContract

Answer = tuple[float, Array, Array]


class Altered:
    """A predictor whose answers are altered."""

    def __init__(self, predictor: Predictor, change: Callable[[Atoms, Answer], Answer]) -> None:
        self._predictor, self._change = predictor, change

    def predict(self, atoms: Atoms) -> Answer:
        return self._change(atoms, self._predictor.predict(atoms))


def altering(change: Callable[[Atoms, Answer], Answer]) -> type[LinearTrainer]:
    """A trainer whose models answer otherwise, in predictor and calculator alike."""

    class Faulty(LinearTrainer):
        @staticmethod
        def predictor(model: Path, elements: tuple[str, ...]) -> Predictor:
            return Altered(LinearTrainer.predictor(model, elements), change)

        @staticmethod
        def calculator(model: Path, elements: tuple[str, ...]) -> Calculator:
            return FunctionCalculator(Faulty.predictor(model, elements).predict)

    return Faulty


def by_type(atoms: Atoms, answer: Answer) -> Answer:
    """Forces in the engine's own order of atoms."""
    energy, forces, virial = answer
    return energy, forces[np.argsort(atoms.numbers, kind="stable")], virial


class IgnoresSeed(LinearTrainer):
    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        return super().train(replace(task, seed=1), folder, clock)


class SeedsFromTheFolder(LinearTrainer):
    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        return super().train(replace(task, seed=crc32(folder.name.encode())), folder, clock)


class IgnoresParent(LinearTrainer):
    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        return super().train(replace(task, parent=None), folder, clock)


class ReturnsItsParent(LinearTrainer):
    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        member = super().train(task, folder, clock)
        if task.parent is not None:
            (folder / "model.json").write_bytes((task.parent / "model.json").read_bytes())
        return member


class LearnsNothing(LinearTrainer):
    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        member = super().train(task, folder, clock)
        model = LinearModel.read(folder / "model.json")
        LinearModel(model.basis, np.zeros_like(model.coefficients)).write(folder / "model.json")
        return member


class ForgetsRestartFiles(LinearTrainer):
    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        return replace(super().train(task, folder, clock), restart=())


class NamesMissingFiles(LinearTrainer):
    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        return replace(super().train(task, folder, clock), extra=("lcurve.out",))


class GoesOnElsewhere(LinearTrainer):
    """Forgets its seed when it is stopped and continued."""

    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        if folder.name != "in-parts":
            return super().train(task, folder, clock)
        if not (folder / "half").exists():
            (folder / "half").touch()
            raise JobStopped("half-way", where=folder)
        return super().train(replace(task, seed=2), folder, clock)


class NeverEnds(LinearTrainer):
    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        raise JobStopped("again", where=folder)


class RecordsNoTime(LinearTrainer):
    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        return super().train(task, folder, Clock())


class NeedsVirials(LinearTrainer):
    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        if any(frame.virial is None for frame in task.train):
            raise DatasetError("a frame has no virial")
        return super().train(task, folder, clock)


class LeavesBadFramesOut(LinearTrainer):
    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        good = [f for f in task.train if np.isfinite(f.energy) and np.isfinite(f.forces).all()]
        return super().train(replace(task, train=good), folder, clock)


class CutsForcesToSize(LinearTrainer):
    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        good = [f for f in task.train if len(f.forces) == len(f.atoms)]
        return super().train(replace(task, train=good), folder, clock)


class WrongStressInCalculator(LinearTrainer):
    @staticmethod
    def calculator(model: Path, elements: tuple[str, ...]) -> Calculator:
        def flip(_: Atoms, answer: Answer) -> Answer:
            return answer[0], answer[1], -answer[2]

        return FunctionCalculator(Altered(LinearTrainer.predictor(model, elements), flip).predict)


FAULTS: dict[str, tuple[type[LinearTrainer], tuple[str, ...]]] = {
    "forces with the wrong sign": (
        altering(lambda _, a: (a[0], -a[1], a[2])),
        ("test_forces_are_minus_the_derivative_of_the_energy", "test_learns_forces"),
    ),
    "virial with the wrong sign": (
        altering(lambda _, a: (a[0], a[1], -a[2])),
        (
            "test_virial_is_minus_the_derivative_of_the_energy_by_strain",
            "test_learns_virials",
        ),
    ),
    "stress for virial": (
        altering(lambda atoms, a: (a[0], a[1], a[2] / atoms.get_volume())),
        ("test_virial_is_minus_the_derivative_of_the_energy_by_strain",),
    ),
    "energy in hartree": (
        altering(lambda _, a: (a[0] / Hartree, a[1], a[2])),
        ("test_learns_energies_in_ev", "test_forces_are_minus_the_derivative_of_the_energy"),
    ),
    "all in hartree": (
        altering(lambda _, a: (a[0] / Hartree, a[1] / Hartree, a[2] / Hartree)),
        ("test_learns_energies_in_ev", "test_learns_forces", "test_learns_virials"),
    ),
    "energy per atom": (
        altering(lambda atoms, a: (a[0] / len(atoms), a[1], a[2])),
        ("test_learns_energies_in_ev",),
    ),
    "forces in the engine's order": (
        altering(by_type),
        ("test_order_of_atoms_does_not_matter", "test_learns_forces"),
    ),
    "flat forces": (
        altering(lambda _, a: (a[0], a[1].ravel(), a[2])),
        ("test_forces_are_minus_the_derivative_of_the_energy",),
    ),
    "ignores the seed": (IgnoresSeed, ("test_another_seed_gives_another_model",)),
    "not reproducible": (SeedsFromTheFolder, ("test_same_seed_and_data_give_the_same_model",)),
    "ignores the parent": (IgnoresParent, ("test_warm_start_begins_near_its_parent",)),
    "does not train a warm start": (ReturnsItsParent, ("test_warm_start_still_learns",)),
    "learns nothing": (
        LearnsNothing,
        ("test_learns_forces", "test_learns_energies_in_ev", "test_learns_virials"),
    ),
    "no restart files": (ForgetsRestartFiles, ("test_files_of_the_member_are_there",)),
    "files that are not there": (NamesMissingFiles, ("test_files_of_the_member_are_there",)),
    "goes on with another seed": (
        GoesOnElsewhere,
        ("test_stopped_and_continued_training_gives_the_same_model",),
    ),
    "starts again after each stop": (
        NeverEnds,
        ("test_stopped_and_continued_training_gives_the_same_model",),
    ),
    "no time recorded": (RecordsNoTime, ("test_time_of_computing_is_recorded",)),
    "frames without virial refused": (
        NeedsVirials,
        ("test_frames_without_virial_can_be_mixed_in",),
    ),
    "NaN left out in silence": (LeavesBadFramesOut, ("test_refuses_nan",)),
    "wrong shape left out in silence": (
        CutsForcesToSize,
        ("test_refuses_a_wrong_number_of_forces",),
    ),
    "calculator with another stress": (
        WrongStressInCalculator,
        ("test_calculator_agrees_with_predictor",),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_caught(fault: str, tmp_path: Path) -> None:
    cls, tests = FAULTS[fault]
    subject = Subject(cls(LinearOptions(rcut=5.0)), tmp_path)
    for name in tests:
        test: Any = getattr(TrainerContract(), name)
        with pytest.raises((AssertionError, pytest.fail.Exception, DatasetError, IndexError)):
            test(subject)


def test_a_good_trainer_passes(tmp_path: Path) -> None:
    subject = Subject(LinearTrainer(LinearOptions(rcut=5.0)), tmp_path)
    for name in {name for _, tests in FAULTS.values() for name in tests}:
        getattr(TrainerContract(), name)(subject)
