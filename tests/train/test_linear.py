"""The linear pair potential."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop.errors import JobFolderError
from al_loop.jobfolder import Clock
from al_loop.train import TrainingTask
from al_loop.train.linear import LinearOptions, LinearTrainer
from al_loop.train.linear.model import Basis, LinearModel, evaluate
from tests.train.contract import Subject, TrainerContract
from tests.train.silica import ELEMENTS, disturbed, quartz


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    options = LinearOptions(rcut=5.0, functions=14)
    return Subject(LinearTrainer(options), tmp_path_factory.mktemp("linear"))


class TestLinear(TrainerContract):
    derivative = 1.0e-5


def test_same_input_gives_the_same_file(subject: Subject) -> None:
    first = subject.first()
    again = subject.trained("again", subject.task())
    assert (first.folder / "model.json").read_bytes() == (again.folder / "model.json").read_bytes()


def test_terms_add_up_to_the_prediction(subject: Subject) -> None:
    model = LinearModel.read(subject.first().folder / "model.json")
    atoms = disturbed(quartz(), np.random.default_rng(8))
    terms = evaluate(model.basis, atoms)
    energy, forces, virial = model.predict(atoms)
    c = model.coefficients
    assert terms.energy @ c + terms.core_energy == pytest.approx(energy, rel=1e-12)
    assert terms.forces @ c + terms.core_forces == pytest.approx(forces.ravel(), abs=1e-9)
    assert terms.virial @ c + terms.core_virial == pytest.approx(virial.ravel(), abs=1e-9)


def bare(core: float) -> LinearModel:
    """A model that has learned nothing: the repulsion of nuclei alone."""
    basis = Basis(ELEMENTS, rcut=5.0, width=0.5, core=core, centres=np.full((3, 2), 2.0))
    return LinearModel(basis, np.zeros(basis.size))


def test_repulsion_is_that_of_bare_nuclei_at_short_distance() -> None:
    # ZBL at 0.01 Å between Si and O is within 10 % of 14.3996 Z1 Z2 / r
    atoms = Atoms("SiO", [(0, 0, 0), (0.01, 0, 0)], cell=[20, 20, 20], pbc=True)
    coulomb = 14.399645 * 14 * 8 / 0.01
    energy = bare(1.0).predict(atoms)[0]
    assert 0.9 * coulomb < energy < coulomb


def test_repulsion_ends_before_the_bond() -> None:
    atoms = Atoms("SiO", [(0, 0, 0), (1.62, 0, 0)], cell=[20, 20, 20], pbc=True)
    assert bare(0.9).predict(atoms)[0] == 0.0


def test_energy_and_force_go_smoothly_to_zero_at_the_cutoff(subject: Subject) -> None:
    model = LinearModel.read(subject.first().folder / "model.json")
    constants = model.coefficients[:2].sum()
    for distance, largest in ((4.999, 1e-6), (5.001, 0.0)):
        atoms = Atoms("SiO", [(0, 0, 0), (distance, 0, 0)], cell=[20, 20, 20], pbc=True)
        energy, forces, _ = model.predict(atoms)
        assert abs(energy - constants) <= largest
        assert np.abs(forces).max() <= 10 * largest


def test_a_parent_of_other_elements_is_refused(subject: Subject, tmp_path: Path) -> None:
    task = TrainingTask(("O", "Si"), 1, subject.train, [], subject.first().folder, 1.0)
    with pytest.raises(JobFolderError, match="not of O, Si"):
        subject.trainer.train(task, tmp_path, Clock())


@pytest.mark.parametrize("text", ["", "{}", '{"format": 99}', "[1, 2]"])
def test_a_damaged_model_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.json"
    path.write_text(text)
    with pytest.raises(JobFolderError, match=r"model\.json"):
        LinearTrainer.predictor(path, ELEMENTS)
