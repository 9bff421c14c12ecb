"""What both loops are given: sizes, the labeller, starting frames and labels, held-out frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from al_loop.frame import Labelled
from al_loop.label.teacher import TeacherLabeller, TeacherOptions
from al_loop.train.deepmd.data import write_systems

ELEMENTS = ("O", "Si")
TOPOLOGIES = ("sod", "abw")
TRUST = (0.15, 0.50)
"""eV/Å, fixed, of both: what is compared is the loop and the diversity of batches."""
TEMPERATURES = (300, 1000)
"""K."""


@dataclass(frozen=True)
class Size:
    """How much is done; labels and frames are for each topology."""

    iterations: int
    steps: int
    md_steps: int
    starts: int = 10
    labels: int = 10
    held_out: int = 40
    members: int = 4
    walkers: int = 3
    sample_every: int = 10


QUICK = Size(iterations=2, steps=400, md_steps=300)
FULL = Size(iterations=4, steps=2000, md_steps=1000)


@dataclass(frozen=True)
class Task:
    """``labels`` is a folder of starting labels (deepmd/npy), a folder for each topology."""

    size: Size
    teacher: Path
    labels: Path
    walker_starts: dict[str, list[Atoms]]
    held_out: list[Labelled]


def network(size: Size) -> dict[str, object]:
    """Network and training of both, in the words of al_loop's campaign files."""
    return {
        "rcut": 5.0,
        "sel": [50, 28],
        "neuron": [16, 32, 64],
        "axis_neuron": 8,
        "fitting_neuron": [64, 64, 64],
        "precision": "float32",
        "steps": size.steps,
        "display_every": 100,
        "start_lr": 5.0e-3,
        "stop_lr": 1.0e-5,
        "prefactors": {"energy": [0.02, 1], "force": [100, 1], "virial": [0.02, 0.2]},
    }


def make_task(data: Path, folder: Path, size: Size) -> Task:
    """Label frames of the first half of each trajectory to start from, of the second to test on.

    The trajectories are those of Si-ZEO22; the labels are the teacher's.
    """
    teacher = data / "zeo_model.pb"
    labeller = TeacherLabeller(TeacherOptions(model=teacher))
    starts: dict[str, list[Atoms]] = {}
    held_out: list[Labelled] = []
    for name in TOPOLOGIES:
        frames = read_frames(data / f"{name}.npz")
        half = len(frames) // 2
        first = [frames[i] for i in np.linspace(0, half - 1, size.starts).astype(int)]
        last = [
            frames[i] for i in np.linspace(half + 20, len(frames) - 1, size.held_out, dtype=int)
        ]
        labelled = [label(labeller, atoms, folder) for atoms in first]
        write_systems(labelled, elements=ELEMENTS, folder=folder / "labels" / name)
        held_out += [label(labeller, atoms, folder) for atoms in last]
        starts[name] = first[: size.walkers]
        ase.io.write(folder / f"{name}.extxyz", starts[name])
    return Task(size, teacher, folder / "labels", starts, held_out)


def read_frames(file: Path) -> list[Atoms]:
    """A trajectory of the data set; atoms in the order of ``ELEMENTS``."""
    with np.load(file) as given:
        symbols = given["symbols"].tolist()
        order = sorted(range(len(symbols)), key=lambda i: ELEMENTS.index(symbols[i]))
        return [
            Atoms([symbols[i] for i in order], positions=positions[order], cell=cell, pbc=True)
            for positions, cell in zip(
                given["positions"].astype(float), given["cells"].astype(float), strict=True
            )
        ]


def label(labeller: TeacherLabeller, atoms: Atoms, scratch: Path) -> Labelled:
    """A frame with the teacher's label."""
    found = labeller.label(atoms, scratch)
    return Labelled(atoms, found.energy, found.forces, found.virial)
