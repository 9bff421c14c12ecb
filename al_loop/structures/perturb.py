"""Disturbed copies of a structure."""

from __future__ import annotations

import numpy as np
from ase import Atoms


def perturb(
    atoms: Atoms,
    *,
    rattle: float,
    strain: float,
    scale: tuple[float, float],
    seed: int,
) -> Atoms:
    """A strained, scaled and rattled copy, the same for the same seed.

    The cell is multiplied by one factor drawn from ``scale`` (on lengths: 0.9 compresses) and by
    ``1 + e``, where the six components of the symmetric ``e`` are drawn between ``-strain`` and
    ``strain``; atoms go with the cell. Then each coordinate moves by a Gaussian of width
    ``rattle`` (Å).
    """
    generator = np.random.default_rng(seed)
    draws = generator.uniform(-strain, strain, 6)
    tensor = np.zeros((3, 3))
    tensor[np.triu_indices(3)] = draws
    tensor += np.triu(tensor, 1).T
    factor = generator.uniform(*scale)
    copy: Atoms = atoms.copy()
    copy.set_cell(atoms.cell.array @ (factor * (np.eye(3) + tensor)), scale_atoms=True)
    copy.positions = copy.positions + generator.normal(0.0, rattle, copy.positions.shape)
    return copy
