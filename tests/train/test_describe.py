from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop.descriptors import projected
from al_loop.errors import JobFolderError
from al_loop.frame import Labelled
from al_loop.jobfolder import Clock, JobFolder
from al_loop.structures import crystal, perturb
from al_loop.train import collect_descriptors, describe, run_describe_job, stage_describe_job
from al_loop.train.data import write_training_data
from al_loop.train.linear import LinearTrainer
from al_loop.train.linear.model import Basis, LinearModel

ELEMENTS = ("Si", "O")


def some_model(folder: Path) -> Path:
    centres = np.linspace(1.0, 4.5, 5) * np.ones((3, 1))
    basis = Basis(ELEMENTS, rcut=5.0, width=0.5, core=0.7, centres=centres)
    path = folder / "model.json"
    LinearModel(basis, np.zeros(basis.size)).write(path)
    return path


def some_frames(count: int) -> list[Atoms]:
    atoms = crystal("beta-cristobalite")
    return [perturb(atoms, rattle=0.1, strain=0.02, scale=(1, 1), seed=i) for i in range(count)]


def some_data(folder: Path, frames: list[Atoms]) -> Path:
    labelled = [Labelled(a, 0.0, np.zeros((len(a), 3)), None) for a in frames]
    write_training_data(folder / "data", train=labelled, valid=[], test=[])
    return folder / "data"


def stage(folder: Path, frames: list[Atoms]) -> JobFolder:
    return stage_describe_job(
        folder / "describe",
        engine="linear",
        elements=ELEMENTS,
        model=some_model(folder),
        data=some_data(folder, frames),
    )


def test_what_is_known_are_the_descriptors_of_all_training_atoms(tmp_path: Path) -> None:
    frames = some_frames(3)
    folder = stage(tmp_path, frames)
    with pytest.raises(JobFolderError):
        collect_descriptors(folder)
    result = run_describe_job(folder, Clock())
    assert result.payload == {"atoms": 72, "kept": 72}
    features, numbers = collect_descriptors(folder)
    predictor = LinearTrainer.predictor(some_model(tmp_path), ELEMENTS)
    direct = np.concatenate([projected(predictor.descriptors(a)) for a in frames])  # type: ignore[attr-defined]
    np.testing.assert_array_equal(features, direct)
    np.testing.assert_array_equal(numbers, np.concatenate([a.numbers for a in frames]))
    assert run_describe_job(folder, Clock()) == result


def test_large_data_are_thinned_by_element(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(describe, "MOST_ATOMS", 10)
    folder = stage(tmp_path, some_frames(4))
    run_describe_job(folder, Clock())
    _, numbers = collect_descriptors(folder)
    assert sorted(numbers.tolist()) == [8] * 10 + [14] * 10


def test_linear_descriptors_follow_from_the_neighbours(tmp_path: Path) -> None:
    atoms = Atoms("SiO", [[0, 0, 0], [1.6, 0, 0]], cell=[20, 20, 20], pbc=True)
    predictor = LinearTrainer.predictor(some_model(tmp_path), ELEMENTS)
    found = predictor.descriptors(atoms)  # type: ignore[attr-defined]
    r, centres = 1.6, np.linspace(1.0, 4.5, 5)
    expected = np.exp(-((r - centres) ** 2) / 0.5) * (1 - (r / 5.0) ** 2) ** 3
    np.testing.assert_allclose(found[0], np.concatenate([np.zeros(5), expected, np.zeros(5)]))
    np.testing.assert_allclose(found[1], found[0])
