"""DeePMD-kit itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from al_loop.errors import EngineCrashed, JobFolderError, PhysicsFault
from al_loop.jobfolder import Clock
from al_loop.train.deepmd import DeepmdOptions, DeepmdTrainer
from al_loop.train.deepmd.options import Prefactors
from tests.train.contract import Subject, TrainerContract, forces_on
from tests.train.silica import ELEMENTS

pytestmark = pytest.mark.engine

SMALL = DeepmdOptions(
    rcut=4.5,
    neuron=(8, 16),
    axis_neuron=8,
    fitting_neuron=(24, 24),
    steps=500,
    start_lr=1.0e-2,
    stop_lr=5.0e-5,
    warm_lr=1.0e-3,
    prefactors=Prefactors(energy=(1.0, 20.0), force=(100.0, 1.0)),
    display_every=100,
    checkpoint_seconds=0.5,
)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return Subject(DeepmdTrainer(SMALL), tmp_path_factory.mktemp("deepmd"))


class TestDeepmd(TrainerContract):
    learns = 0.65
    stops = 2


def test_nothing_is_printed_past_the_log(
    subject: Subject, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    subject.trainer.train(subject.task(effort=0.01), tmp_path, Clock())
    assert capfd.readouterr() == ("", "")
    assert "cold start" in (tmp_path / "train.log").read_text()


def test_resumed_training_ends_as_if_it_had_not_been_killed(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from al_loop.train.deepmd import session

    class Killed(BaseException):
        pass

    saved = session.TrainingSession.save
    written = []

    def save_and_die(self: session.TrainingSession) -> Path:
        written.append(self.step)
        saved(self)
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(session.TrainingSession, "save", save_and_die)
        subject.trainer.train(subject.task(), tmp_path, Clock())
    assert 0 < written[0] < SMALL.steps
    subject.trainer.train(subject.task(), tmp_path, Clock())

    assert "goes on from" in (tmp_path / "train.log").read_text()
    first = subject.first().folder
    undisturbed = forces_on(subject.predictor(subject.first()), subject.test)
    resumed = forces_on(subject.trainer.predictor(tmp_path / "model.pb", ELEMENTS), subject.test)
    assert np.array_equal(undisturbed, resumed)
    assert (tmp_path / "lcurve.out").read_text() == (first / "lcurve.out").read_text()


def test_killed_after_its_last_step_it_does_not_shift_its_energies_again(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from al_loop.train.deepmd import session

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    shift = session.TrainingSession.shift_energies
    shifts = []

    def count(self: session.TrainingSession, frames: int) -> None:
        shifts.append(frames)
        shift(self, frames)

    monkeypatch.setattr(session.TrainingSession, "shift_energies", count)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(session.TrainingSession, "freeze", die)
        subject.trainer.train(subject.task(effort=0.02), tmp_path, Clock())
    member = subject.trainer.train(subject.task(effort=0.02), tmp_path, Clock())
    assert len(shifts) == 1
    assert (tmp_path / member.model).is_file()


def test_a_damaged_checkpoint_is_dropped_so_that_the_next_attempt_succeeds(
    subject: Subject, tmp_path: Path
) -> None:
    folder = shutil.copytree(subject.first().folder, tmp_path / "member")
    (data,) = (folder / "checkpoints").glob("*.data-*")
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(EngineCrashed, match="goes on from"):
        subject.trainer.train(subject.task(), folder, Clock())
    assert not (folder / "checkpoints").exists()


def test_checkpoint_of_another_training_is_not_continued(subject: Subject, tmp_path: Path) -> None:
    folder = shutil.copytree(subject.first().folder, tmp_path / "member")
    subject.trainer.train(subject.task(effort=0.02, seed=9), folder, Clock())
    assert "goes on from" not in (folder / "train.log").read_text()


def test_divergence_is_physics(subject: Subject, tmp_path: Path) -> None:
    wild = DeepmdTrainer(
        SMALL.model_copy(update={"start_lr": 1.0e30, "stop_lr": 1.0e29, "precision": "float32"})
    )
    with pytest.raises(PhysicsFault) as caught:
        wild.train(subject.task(effort=0.1), tmp_path, Clock())
    assert caught.value.reason == "training-diverged"


def test_a_fault_of_the_engine_carries_the_end_of_its_log(subject: Subject, tmp_path: Path) -> None:
    first = subject.first().folder
    parent = tmp_path / "parent"
    parent.mkdir()
    (parent / "input.json").write_bytes((first / "input.json").read_bytes())
    with pytest.raises(EngineCrashed, match="warm start from the predecessor"):
        subject.trainer.train(subject.task(parent=parent), tmp_path, Clock())


def test_uncompressed_and_compressed_model_agree(subject: Subject, tmp_path: Path) -> None:
    first = subject.first()
    plain = subject.trainer.predictor(first.folder / "frozen.pb", ELEMENTS)
    a = forces_on(plain, subject.test)
    b = forces_on(subject.predictor(first), subject.test)
    assert b == pytest.approx(a, abs=1e-5)
    bare = DeepmdTrainer(SMALL.model_copy(update={"compress": False}))
    member = bare.train(subject.task(effort=0.01), tmp_path, Clock())
    frozen, model = tmp_path / "frozen.pb", tmp_path / member.model
    assert model.read_bytes() == frozen.read_bytes()


def test_descriptors_are_of_environments(subject: Subject) -> None:
    """They turn and travel with nothing, follow the order of atoms, and outlive compression."""
    first = subject.first()
    model = subject.trainer.predictor(first.folder / first.member.model, ELEMENTS)
    plain = subject.trainer.predictor(first.folder / "frozen.pb", ELEMENTS)
    atoms = subject.test[0].atoms
    found = model.descriptors(atoms)  # type: ignore[attr-defined]
    assert len(found) == len(atoms)
    assert np.ptp(found, axis=0).max() > 1e-3
    assert plain.descriptors(atoms) == pytest.approx(found, abs=1e-5)  # type: ignore[attr-defined]
    moved = atoms.copy()
    moved.rotate(37.0, (1, 2, 3), rotate_cell=True)
    moved.translate((0.3, -0.2, 0.7))
    order = np.random.default_rng(1).permutation(len(atoms))
    again = plain.descriptors(moved[order])  # type: ignore[attr-defined]
    assert again == pytest.approx(plain.descriptors(atoms)[order], abs=1e-8)  # type: ignore[attr-defined]


def test_no_frame_has_a_virial(subject: Subject, tmp_path: Path) -> None:
    def without(frames):  # type: ignore[no-untyped-def]
        return [replace(frame, virial=None) for frame in frames]

    task = subject.task(effort=0.02)
    task = replace(task, train=without(task.train), valid=without(task.valid))
    subject.trainer.train(task, tmp_path, Clock())
    assert "rmse_v_" not in (tmp_path / "lcurve.out").read_text().splitlines()[0]


def test_frames_without_a_virial_have_no_part_in_its_term(subject: Subject, tmp_path: Path) -> None:
    """A virial that is not there is not a virial of zero.

    If it were, with one true virial to three of zero, the best fit would be a quarter of the truth,
    and its error three quarters.
    """
    options = SMALL.model_copy(
        update={
            "prefactors": Prefactors(energy=(0.1, 0.1), force=(1.0, 1.0), virial=(100.0, 100.0))
        }
    )

    def virial_error(name: str, virial: np.ndarray | None) -> float:
        task = subject.task(effort=0.4)
        train = [
            one if i % 4 == 0 else replace(one, virial=virial) for i, one in enumerate(task.train)
        ]
        (tmp_path / name).mkdir()
        trainer = DeepmdTrainer(options)
        member = trainer.train(replace(task, train=train), tmp_path / name, Clock())
        model = trainer.predictor(tmp_path / name / member.model, ELEMENTS)
        errors = [model.predict(one.atoms)[2] - one.virial for one in subject.test]
        return float(np.sqrt(np.mean(np.square(errors))))

    absent, zero = virial_error("absent", None), virial_error("zero", np.zeros((3, 3)))
    spread = float(np.sqrt(np.mean([np.square(one.virial) for one in subject.test])))
    assert absent < 0.75 * spread < zero, (absent, zero, spread)


def test_single_precision(subject: Subject, tmp_path: Path) -> None:
    fast = DeepmdTrainer(SMALL.model_copy(update={"precision": "float32"}))
    member = fast.train(subject.task(effort=0.02), tmp_path, Clock())
    energy, forces, _ = fast.predictor(tmp_path / member.model, ELEMENTS).predict(
        subject.test[0].atoms
    )
    assert np.isfinite(energy)
    assert np.isfinite(forces).all()


def test_model_of_other_elements_is_refused(subject: Subject) -> None:
    first = subject.first()
    with pytest.raises(JobFolderError, match="not of O, Si"):
        subject.trainer.predictor(first.folder / first.member.model, ("O", "Si"))


def test_check_does_not_import_tensorflow() -> None:
    code = (
        "import sys; from al_loop.train.deepmd import *; "
        "print(DeepmdTrainer(DeepmdOptions()).check()); assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert "DeePMD-kit 3.2" in done.stdout
