"""A pool of labelled zeolites, and a committee that is trained on some of it.

For :mod:`benchmarks.label_efficiency`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from al_loop.descriptors import Features, projected
from al_loop.frame import Labelled
from al_loop.jobfolder import Clock
from al_loop.select import Environments
from al_loop.train.deepmd import DeepmdOptions, DeepmdTrainer
from al_loop.train.deepmd.predictor import DeepmdPredictor
from al_loop.train.interface import TrainingTask
from al_loop.units import Array

ELEMENTS = ("O", "Si")
MEMBERS = 2


@dataclass(frozen=True)
class Frame:
    """A frame with its label, and where it comes from."""

    topology: str
    time: int
    labelled: Labelled


Committee = tuple[list[Array], list[Features]]
"""Forces of all members for each frame, (members, atoms, 3), and the leader's descriptors."""


@dataclass(frozen=True)
class Seen:
    """Forces (atoms, 3) of one member for each frame, eV/Å; descriptors of the leader alone."""

    forces: list[Array]
    features: list[Features]


def one_thread_each() -> None:
    """Call before TensorFlow is imported: members share the cores."""
    for name in ("DP_INTRA_OP_PARALLELISM_THREADS", "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = "1"
    for name in ("DP_INTER_OP_PARALLELISM_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = "1"


def read(folder: Path, topology: str) -> list[Frame]:
    file = folder / f"{topology}.npz"
    if not file.is_file():
        raise SystemExit(f"--data: {file} is not there; give the folder with {topology}.npz")
    with np.load(file, allow_pickle=False) as data:
        symbols = [str(symbol) for symbol in data["symbols"]]
        columns = [data[key].astype(np.float64) for key in ("positions", "cells", "forces")]
        energies = data["energies"].astype(np.float64)
    made = []
    for i, (positions, cell, forces) in enumerate(zip(*columns, strict=True)):
        atoms = Atoms(symbols, positions, cell=cell, pbc=True)
        made.append(Frame(topology, i, Labelled(atoms, float(energies[i]), forces, None)))
    return made


def network(steps: int) -> dict[str, Any]:
    """A small deep potential that is trained for so many steps: options of the trainer."""
    return {
        "rcut": 5.0,
        "neuron": [8, 16, 32],
        "axis_neuron": 8,
        "fitting_neuron": [64, 64],
        "precision": "float32",
        "steps": steps,
        "start_lr": 0.005,
        "stop_lr": 1e-5,
        "prefactors": {"energy": [0.02, 0.1], "force": [1000, 10], "virial": [0, 0]},
        "compress": False,
    }


def train_and_look(
    train: Sequence[Labelled], look: Sequence[Atoms], *, steps: int, seed: int, describe: bool
) -> Seen:
    """Train a member in a process that has TensorFlow imported, and ask it about frames."""
    options = DeepmdOptions.model_validate(network(steps))
    folder = Path(tempfile.mkdtemp(prefix="label-efficiency-"))
    task = TrainingTask(ELEMENTS, seed, train, valid=(), parent=None, effort=1.0)
    trainer = DeepmdTrainer(options)
    member = trainer.train(task, folder, Clock())
    predictor = DeepmdPredictor(folder / member.model, ELEMENTS)
    shutil.rmtree(folder)
    forces = [predictor.predict(atoms)[1] for atoms in look]
    if not describe:
        return Seen(forces, [])
    return Seen(forces, [projected(predictor.descriptors(atoms)) for atoms in look])


def committee(
    workers: ProcessPoolExecutor, train: Sequence[Frame], look: Sequence[Frame], *, steps: int
) -> Committee:
    """A committee trained on ``train``, and what it says about ``look``."""
    frames, atoms = [f.labelled for f in train], [f.labelled.atoms for f in look]
    jobs = [
        workers.submit(train_and_look, frames, atoms, steps=steps, seed=seed, describe=seed == 0)
        for seed in range(MEMBERS)
    ]
    seen = [job.result() for job in jobs]
    forces = [np.stack(found) for found in zip(*(s.forces for s in seen), strict=True)]
    return forces, seen[0].features


def largest_error(forces: Array, frame: Frame) -> float:
    """Largest error of the leader's force on an atom, eV/Å, as campaigns calibrate by it."""
    return float(np.linalg.norm(forces[0] - frame.labelled.forces, axis=1).max())


def test_error(forces: Sequence[Array], frames: Sequence[Frame]) -> float:
    """Root-mean-square force error of the members, per component, eV/Å."""
    pairs = zip(forces, frames, strict=True)
    squares = [np.square(f - t.labelled.forces).ravel() for f, t in pairs]
    return float(np.sqrt(np.mean(np.concatenate(squares))))


def explore(pool: Sequence[Frame], train: Sequence[Frame], count: int, seed: int) -> list[Frame]:
    """``count`` frames of each topology that are not labelled, in order of time."""
    known = {(f.topology, f.time) for f in train}
    generator = np.random.default_rng(seed)
    found = []
    for name in sorted({f.topology for f in pool}):
        free = [f for f in pool if f.topology == name and (f.topology, f.time) not in known]
        drawn = generator.choice(len(free), size=min(count, len(free)), replace=False)
        found += [free[i] for i in sorted(drawn)]
    return found


def environments(frame: Frame, features: Features) -> Environments:
    return Environments(features.astype(np.float64), frame.labelled.atoms.numbers.astype(np.int64))
