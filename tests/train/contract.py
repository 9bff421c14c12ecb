"""The contract of trainers. An engine's tests inherit it and so are held to all of it.

A subject trains few members and keeps them, since training is what takes time.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from ase import Atoms

from al_loop import stopping
from al_loop.errors import DatasetError, JobStopped
from al_loop.frame import Labelled
from al_loop.jobfolder import Clock
from al_loop.train import Member, Predictor, Trainer, TrainingTask, errors_of
from al_loop.units import Array, virial_from_stress
from tests.train.silica import (
    ELEMENTS,
    cristobalite,
    data_set,
    disturbed,
    force_spread,
    quartz,
)


@dataclass(frozen=True)
class Trained:
    """A member in its folder."""

    folder: Path
    member: Member
    clock: Clock


@dataclass
class Subject:
    """A trainer under test and the members that it has trained so far."""

    trainer: Trainer
    root: Path
    train: list[Labelled] = field(default_factory=lambda: data_set(30, seed=1))
    test: list[Labelled] = field(default_factory=lambda: data_set(8, seed=2))
    members: dict[str, Trained] = field(default_factory=dict)

    def task(
        self, *, seed: int = 1, effort: float = 1.0, parent: Path | None = None
    ) -> TrainingTask:
        return TrainingTask(
            elements=ELEMENTS,
            seed=seed,
            train=self.train,
            valid=self.test,
            parent=parent,
            effort=effort,
        )

    def trained(self, name: str, task: TrainingTask) -> Trained:
        if name not in self.members:
            folder = self.root / name
            folder.mkdir(parents=True)
            clock = Clock()
            member = self.trainer.train(task, folder, clock)
            self.members[name] = Trained(folder, member, clock)
        return self.members[name]

    def first(self) -> Trained:
        return self.trained("first", self.task())

    def child(self, effort: float) -> Trained:
        """A member of another seed that starts from the first one's restart files alone."""
        first = self.first()
        parent = self.root / "parent"
        parent.mkdir(exist_ok=True)
        for name in first.member.restart:
            shutil.copyfile(first.folder / name, parent / name)
        return self.trained("child", self.task(seed=3, effort=effort, parent=parent))

    def predictor(self, trained: Trained) -> Predictor:
        return self.trainer.predictor(trained.folder / trained.member.model, ELEMENTS)


def forces_on(predictor: Predictor, frames: list[Labelled]) -> Array:
    return np.concatenate([predictor.predict(frame.atoms)[1].ravel() for frame in frames])


def rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


class TrainerContract:
    """Inherit, name the class ``Test...``, and give a fixture ``subject`` (module scope)."""

    learns = 0.3
    """Largest test error, in units of the spread of what is predicted."""
    small_effort = 0.01
    """With so little a warm-started member can hardly leave its parent."""
    looks = 200
    """A stop is asked for when the trainer has looked so often whether one is."""
    stops = 0
    """Smallest number of stops on the way; 0 for a trainer that takes no time."""
    derivative = 1.0e-4
    """Tolerance of forces (eV/Å) and, per atom, of the virial (eV) as derivatives."""

    def frame(self) -> Atoms:
        return disturbed(cristobalite(), np.random.default_rng(5))

    def test_learns_forces(self, subject: Subject) -> None:
        errors = errors_of(subject.predictor(subject.first()), subject.test)
        assert errors.force_rmse is not None
        assert errors.force_rmse < self.learns * force_spread(subject.test)

    def test_learns_energies_in_ev(self, subject: Subject) -> None:
        errors = errors_of(subject.predictor(subject.first()), subject.test)
        per_atom = [frame.energy / len(frame.atoms) for frame in subject.test]
        assert errors.energy_rmse is not None
        assert errors.energy_rmse / 1000 < self.learns * np.std(per_atom)

    def test_learns_virials(self, subject: Subject) -> None:
        errors = errors_of(subject.predictor(subject.first()), subject.test)
        spread = rms(
            np.array([f.virial / len(f.atoms) for f in subject.test if f.virial is not None])
        )
        assert errors.virial_rmse is not None
        assert errors.virial_rmse / 1000 < self.learns * spread

    def test_same_seed_and_data_give_the_same_model(self, subject: Subject) -> None:
        again = subject.trained("again", subject.task())
        a = forces_on(subject.predictor(subject.first()), subject.test)
        b = forces_on(subject.predictor(again), subject.test)
        assert np.array_equal(a, b)

    def test_stopped_and_continued_training_gives_the_same_model(self, subject: Subject) -> None:
        folder = subject.root / "in-parts"
        folder.mkdir(exist_ok=True)
        trained, stops = None, 0
        while trained is None and stops < 12:
            looks = iter([False] * self.looks)
            with mock.patch.object(stopping, "requested", lambda left=looks: next(left, True)):
                try:
                    member = subject.trainer.train(subject.task(), folder, Clock())
                    trained = Trained(folder, member, Clock())
                except JobStopped:
                    stops += 1
        assert trained is not None, "it never comes to an end"
        assert stops >= self.stops
        a = forces_on(subject.predictor(subject.first()), subject.test)
        b = forces_on(subject.predictor(trained), subject.test)
        assert np.array_equal(a, b)

    def test_another_seed_gives_another_model(self, subject: Subject) -> None:
        other = subject.trained("other", subject.task(seed=2))
        a = forces_on(subject.predictor(subject.first()), subject.test)
        b = forces_on(subject.predictor(other), subject.test)
        assert rms(a - b) > 1.0e-4

    def test_warm_start_begins_near_its_parent(self, subject: Subject) -> None:
        parent = forces_on(subject.predictor(subject.first()), subject.test)
        child = forces_on(subject.predictor(subject.child(self.small_effort)), subject.test)
        other = subject.trained("other", subject.task(seed=2))
        stranger = forces_on(subject.predictor(other), subject.test)
        assert rms(child - parent) < 0.5 * rms(stranger - parent)

    def test_warm_start_still_learns(self, subject: Subject) -> None:
        child = forces_on(subject.predictor(subject.child(self.small_effort)), subject.test)
        parent = forces_on(subject.predictor(subject.first()), subject.test)
        assert not np.array_equal(child, parent)

    def test_forces_are_minus_the_derivative_of_the_energy(self, subject: Subject) -> None:
        predictor = subject.predictor(subject.first())
        atoms = self.frame()
        forces = predictor.predict(atoms)[1]
        assert forces.shape == (len(atoms), 3)
        step = 1.0e-3
        for index, axis in ((0, 0), (1, 1), (4, 2), (11, 0)):
            energies = []
            for sign in (1, -1):
                moved = atoms.copy()
                moved.positions[index, axis] += sign * step
                energies.append(predictor.predict(moved)[0])
            slope = (energies[0] - energies[1]) / (2 * step)
            assert forces[index, axis] == pytest.approx(-slope, abs=self.derivative)

    def test_virial_is_minus_the_derivative_of_the_energy_by_strain(self, subject: Subject) -> None:
        predictor = subject.predictor(subject.first())
        atoms = self.frame()
        virial = predictor.predict(atoms)[2]
        assert virial.shape == (3, 3)
        step = 1.0e-4
        for a, b in ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2)):
            energies = []
            for sign in (1, -1):
                strain = np.eye(3)
                strain[a, b] += 0.5 * sign * step
                strain[b, a] += 0.5 * sign * step
                strained = atoms.copy()
                strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
                energies.append(predictor.predict(strained)[0])
            slope = (energies[0] - energies[1]) / (2 * step)
            assert virial[a, b] == pytest.approx(-slope, abs=self.derivative * len(atoms))

    def test_order_of_atoms_does_not_matter(self, subject: Subject) -> None:
        predictor = subject.predictor(subject.first())
        atoms = self.frame()
        order = np.random.default_rng(7).permutation(len(atoms))
        e, f, v = predictor.predict(atoms)
        e2, f2, v2 = predictor.predict(atoms[order])
        assert e2 == pytest.approx(e, abs=1e-8)
        assert f2 == pytest.approx(f[order], abs=1e-8)
        assert v2 == pytest.approx(v, abs=1e-8)

    def test_calculator_agrees_with_predictor(self, subject: Subject) -> None:
        first = subject.first()
        atoms = self.frame()
        energy, forces, virial = subject.predictor(first).predict(atoms)
        atoms.calc = subject.trainer.calculator(first.folder / first.member.model, ELEMENTS)
        stress = virial_from_stress(atoms.get_stress(voigt=False), atoms.get_volume())
        assert atoms.get_potential_energy() == pytest.approx(energy, abs=1e-8)
        assert atoms.get_forces() == pytest.approx(forces, abs=1e-8)
        assert stress == pytest.approx(virial, abs=1e-7)

    def test_files_of_the_member_are_there(self, subject: Subject) -> None:
        first = subject.first()
        names = (first.member.model, *first.member.restart, *first.member.extra)
        assert first.member.restart
        assert all((first.folder / name).is_file() for name in names)

    def test_time_of_computing_is_recorded(self, subject: Subject) -> None:
        spans = [span for span in subject.first().clock.spans if span.what == "compute"]
        assert sum(span.end - span.start for span in spans) > 0

    def test_check_names_program_and_version(self, subject: Subject) -> None:
        assert any(letter.isdigit() for letter in subject.trainer.check())

    def test_frames_without_virial_can_be_mixed_in(self, subject: Subject) -> None:
        mixed = [
            replace(frame, virial=None) if k % 3 == 0 else frame
            for k, frame in enumerate(subject.train)
        ]
        task = replace(subject.task(effort=self.small_effort), train=mixed)
        trained = subject.trained("mixed", task)
        errors = errors_of(subject.predictor(trained), subject.test)
        assert errors.virial_rmse is not None and np.isfinite(errors.virial_rmse)

    def test_refuses_nan(self, subject: Subject) -> None:
        bad = replace(subject.train[3], energy=float("nan"))
        self.refused(subject, [*subject.train, bad])
        forces = subject.train[3].forces.copy()
        forces[1, 1] = np.inf
        self.refused(subject, [*subject.train, replace(bad, energy=0.0, forces=forces)])

    def test_refuses_a_wrong_number_of_forces(self, subject: Subject) -> None:
        frame = subject.train[3]
        self.refused(subject, [*subject.train, replace(frame, forces=frame.forces[:-1])])

    def test_refuses_an_element_without_a_type(self, subject: Subject) -> None:
        atoms = quartz()
        atoms.symbols[0] = "Na"
        frame = Labelled(atoms, 0.0, np.zeros((len(atoms), 3)), None)
        self.refused(subject, [*subject.train, frame])

    def test_refuses_nothing_to_train_on(self, subject: Subject) -> None:
        self.refused(subject, [])

    def refused(self, subject: Subject, train: list[Labelled]) -> None:
        folder = subject.root / "refused"
        folder.mkdir(exist_ok=True)
        task = replace(subject.task(effort=self.small_effort), train=train)
        with pytest.raises(DatasetError):
            subject.trainer.train(task, folder, Clock())
