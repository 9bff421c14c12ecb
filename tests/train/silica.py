"""Small silica cells with labels from an analytic pair potential (Morse), written out here."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from ase.spacegroup import crystal

from al_loop.frame import Labelled
from al_loop.units import Array

ELEMENTS = ("Si", "O")
CUTOFF = 4.5  # Å
CONSTANTS = {"Si": -105.0, "O": -430.0}  # eV
# depth (eV), steepness (1/Å), distance (Å)
MORSE = {
    frozenset(("Si", "O")): (2.5, 1.8, 1.62),
    frozenset(("O",)): (0.2, 1.5, 2.65),
    frozenset(("Si",)): (0.2, 1.5, 3.10),
}


def quartz() -> Atoms:
    """Alpha-quartz, 9 atoms in a hexagonal cell."""
    return crystal(
        ["Si", "O"],
        [(0.4697, 0.0, 2 / 3), (0.4135, 0.2669, 0.1191 + 2 / 3)],
        spacegroup=154,
        cellpar=[4.916, 4.916, 5.405, 90, 90, 120],
    )


def cristobalite() -> Atoms:
    """Alpha-cristobalite, 12 atoms in a tetragonal cell; silicon and oxygen interleaved."""
    atoms = crystal(
        ["Si", "O"],
        [(0.3003, 0.3003, 0.0), (0.2392, 0.1044, 0.1787)],
        spacegroup=92,
        cellpar=[4.971, 4.971, 6.928, 90, 90, 90],
    )
    return atoms[[0, 4, 5, 1, 6, 7, 2, 8, 9, 3, 10, 11]]


def disturbed(atoms: Atoms, random: np.random.Generator) -> Atoms:
    """A strained and rattled copy; the cell is no longer in any special orientation."""
    strain = random.uniform(-0.02, 0.02, (3, 3)) + np.eye(3) * random.uniform(-0.08, 0.08)
    copy = Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell.array, pbc=True)
    copy.set_cell(copy.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    copy.positions += random.normal(0.0, 0.05, copy.positions.shape)
    return copy


def labelled(atoms: Atoms, *, virial: bool = True) -> Labelled:
    """Energy, forces and virial of sum of Morse bonds times (1 - (r/cutoff)^2)^2."""
    i, j, r, vector = neighbor_list("ijdD", atoms, CUTOFF)
    symbols = atoms.get_chemical_symbols()
    depth, steep, best = np.array(
        [MORSE[frozenset((symbols[a], symbols[b]))] for a, b in zip(i, j, strict=True)]
    ).T
    bond = np.exp(-steep * (r - best))
    well, well_slope = depth * (bond**2 - 2 * bond), 2 * depth * steep * (bond - bond**2)
    fade = (1 - (r / CUTOFF) ** 2) ** 2
    fade_slope = -4 * r / CUTOFF**2 * (1 - (r / CUTOFF) ** 2)
    pull = (well_slope * fade + well * fade_slope)[:, None] * vector / r[:, None]
    forces = np.zeros((len(atoms), 3))
    np.add.at(forces, i, pull)
    energy = sum(CONSTANTS[s] for s in symbols) + 0.5 * float((well * fade).sum())
    tensor = -0.5 * np.einsum("pa,pb->ab", pull, vector)
    return Labelled(atoms, energy, forces, tensor if virial else None)


def data_set(count: int, seed: int, *, virial: bool = True) -> list[Labelled]:
    """Frames of two compositions in turn."""
    random = np.random.default_rng(seed)
    kinds = (quartz(), cristobalite())
    return [labelled(disturbed(kinds[k % 2], random), virial=virial) for k in range(count)]


def force_spread(frames: list[Labelled]) -> float:
    """Root-mean-square force component, eV/Å: the error of a model that says zero."""
    parts: list[Array] = [frame.forces.ravel() for frame in frames]
    return float(np.sqrt(np.mean(np.concatenate(parts) ** 2)))
