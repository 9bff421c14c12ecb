"""Fixtures of the explore tests: committees of Lennard-Jones argon and of a DeePMD-kit alloy."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from al_loop.explore import Committee
from al_loop.frame import Labelled
from al_loop.jobfolder import Clock
from al_loop.train.interface import TrainingTask

LJ_PACKAGE = Path(__file__).parent / "lj_trainer"


@pytest.fixture(scope="session")
def lj_package() -> Iterator[Path]:
    """Folder of an installed package with the trainer ``lj``; on ``sys.path`` meanwhile."""
    sys.path.insert(0, str(LJ_PACKAGE))
    yield LJ_PACKAGE
    sys.path.remove(str(LJ_PACKAGE))


@pytest.fixture
def lj_committee(tmp_path: Path, lj_package: Path) -> Committee:
    """Three members for argon (epsilon in eV, sigma in Å)."""
    folder = tmp_path / "models"
    folder.mkdir()
    models = []
    for k, (epsilon, sigma) in enumerate([(0.0104, 3.40), (0.0110, 3.42), (0.0100, 3.38)]):
        models.append(folder / f"member{k}.json")
        models[-1].write_text(json.dumps({"epsilon": epsilon, "sigma": sigma}))
    return Committee(model_format="lj", trainer="lj", elements=("Ar",), models=tuple(models))


@pytest.fixture
def argon() -> Atoms:
    """Solid argon in a cell that is neither orthogonal nor in LAMMPS' orientation."""
    atoms = bulk("Ar", "fcc", a=5.3) * (2, 2, 2)
    atoms.rattle(0.02, rng=np.random.default_rng(3))
    return atoms


def copper_gold() -> Atoms:
    """Cu3Au, 32 atoms, rattled, in a skewed cell turned away from LAMMPS' orientation."""
    atoms = bulk("Cu", "fcc", a=3.74, cubic=True) * (2, 2, 2)
    atoms.symbols[::4] = "Au"
    atoms.set_cell(atoms.cell.array @ [[1, 0, 0], [0.04, 1, 0], [0.02, -0.03, 1]], scale_atoms=True)
    atoms.rotate(40, (1, 2, 3), rotate_cell=True)
    atoms.rattle(0.05, rng=np.random.default_rng(8))
    return Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell.array, pbc=True)


@pytest.fixture
def alloy() -> Atoms:
    return copper_gold()


@pytest.fixture(scope="session")
def deepmd_committee(tmp_path_factory: pytest.TempPathFactory) -> Committee:
    """Two small DeePMD-kit models of Cu3Au, trained on ASE's effective medium theory."""
    deepmd = importlib.import_module("al_loop.train.deepmd")
    folder = tmp_path_factory.mktemp("committee")
    frames = emt_frames(40)
    options = deepmd.DeepmdOptions(
        rcut=5.0,
        neuron=(8, 16),
        axis_neuron=4,
        fitting_neuron=(24, 24),
        steps=400,
        start_lr=5.0e-3,
        stop_lr=1.0e-5,
        batch=1,
    )
    models = []
    for seed in (1, 2):
        place = folder / f"member-{seed}"
        place.mkdir()
        task = TrainingTask(
            elements=("Cu", "Au"), seed=seed, train=frames, valid=[], parent=None, effort=1.0
        )
        member = deepmd.DeepmdTrainer(options).train(task, place, Clock())
        models.append(place / member.model)
    return Committee("deepmd", "deepmd", ("Cu", "Au"), tuple(models))


def emt_frames(count: int) -> list[Labelled]:
    random = np.random.default_rng(0)
    frames = []
    for _ in range(count):
        atoms = copper_gold()
        strain = random.normal(0, 0.02, (3, 3)) + np.eye(3) * random.uniform(0.97, 1.03)
        atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        atoms.positions += random.normal(0, random.uniform(0.02, 0.2), atoms.positions.shape)
        copy = atoms.copy()
        copy.calc = EMT()
        virial = -copy.get_stress(voigt=False) * copy.get_volume()
        frames.append(Labelled(atoms, copy.get_potential_energy(), copy.get_forces(), virial))
    return frames


@pytest.fixture(scope="session")
def deepmd_predict(deepmd_committee: Committee) -> Callable[[int, Atoms], Any]:
    """Forces and virial of a member by DeePMD-kit's own Python interface."""
    infer = importlib.import_module("deepmd.infer")
    models = [infer.DeepPot(str(model)) for model in deepmd_committee.models]

    def predict(member: int, atoms: Atoms) -> tuple[np.ndarray, np.ndarray]:
        types = [deepmd_committee.elements.index(s) for s in atoms.get_chemical_symbols()]
        _, forces, virial = models[member].eval(
            atoms.positions.reshape(1, -1), atoms.cell.array.reshape(1, -1), types
        )
        return forces[0], virial[0].reshape(3, 3)

    return predict
