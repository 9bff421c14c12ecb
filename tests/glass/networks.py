"""Networks whose structure is known without computing it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms

from al_loop.glass import Trajectory, read_trajectory
from al_loop.structures import crystal


def chain(silicons: int = 8) -> Atoms:
    """Edge-sharing tetrahedra (silica W): two oxygens between each two neighbours along z."""
    step, out = 2.6, 1.1
    places, symbols = [], []
    for k in range(silicons):
        side = np.array([out, 0, 0]) if k % 2 else np.array([0, out, 0])
        middle = np.array([0, 0, (k + 0.5) * step])
        places += [np.array([0, 0, k * step]), middle + side, middle - side]
        symbols += ["Si", "O", "O"]
    return Atoms(symbols, np.array(places) + 5.0, cell=[12, 12, silicons * step], pbc=True)


def boroxol(*, four_fold: bool = False) -> Atoms:
    """One planar B3O6 ring in a box; or with one of its borons bonded to a fourth oxygen."""
    at = np.radians([90, 210, 330])
    boron = 1.4 * np.column_stack([np.cos(at), np.sin(at), 0 * at])
    bridge = -boron
    outer = boron * (1.4 + 1.36) / 1.4
    places = np.vstack([boron, bridge, outer])
    symbols = ["B"] * 3 + ["O"] * 6
    if four_fold:
        places = np.vstack([places, boron[0] + [0, 0, 1.5]])
        symbols.append("O")
    return Atoms(symbols, places + 8.0, cell=[16] * 3, pbc=True)


def rattled(
    name: str, *, size: int, amplitude: float, frames: int = 1, seed: int = 7
) -> Trajectory:
    """A crystal whose atoms are displaced at random (Å), independently in each frame."""
    generator = np.random.default_rng(seed)
    made = []
    for _ in range(frames):
        atoms = crystal(name, supercell=(size, size, size))
        atoms.positions += generator.normal(0.0, amplitude, atoms.positions.shape)
        made.append(atoms)
    return Trajectory(tuple(made))


def silica_glass() -> Trajectory:
    """192 atoms of BKS silica, quenched by LAMMPS at 80 K/ps at 2.20 g/cm3, at 300 K."""
    return read_trajectory(Path(__file__).with_name("silica-bks.extxyz"))
