"""Normal modes: the dynamical matrix by finite differences or from LAMMPS, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.units import _amu, _e
from scipy.linalg import eigh

from al_loop.errors import DatasetError
from al_loop.glass.dynamics.correlate import standard_masses
from al_loop.units import Array

EV_IN_U_A2_PER_PS2: float = _e / _amu * 1.0e-4
"""1 eV in u Å²/ps² (9648.5): makes (rad/ps)² of eV/(u Å²)."""


@dataclass(frozen=True)
class Modes:
    """Normal modes of a configuration of N atoms, lowest first.

    ``frequencies`` (3N,) in THz, those of imaginary modes negative; ``vectors`` (3N, N, 3) are the
    orthonormal eigenvectors of the mass-weighted matrix, a row each; ``symbols`` of the atoms.
    """

    frequencies: Array
    vectors: Array
    symbols: tuple[str, ...]

    @property
    def translations(self) -> Array:
        """Indices (3,) of the modes nearest to zero, as which the crystal or glass moves whole."""
        return np.sort(np.argsort(np.abs(self.frequencies))[:3])

    def imaginary(self, *, tolerance: float = 0.1) -> int:
        """Number of imaginary modes beyond ``tolerance`` in THz: none at a minimum of energy."""
        return int((self.frequencies < -tolerance).sum())


def dynamical_matrix(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    displacement: float = 0.01,
    largest_force: float = 0.05,
    masses: Array | None = None,
    listen: Callable[[], None] = lambda: None,
) -> Array:
    """D = Phi_ij / sqrt(m_i m_j) (3N, 3N) in (rad/ps)², by central differences of forces.

    ``displacement`` in Å; 6N force calls, and ``listen`` is called after each two. ``masses``
    (atoms,) in u, the elements' unless given. At positions that are not at rest modes mean little:
    give ``largest_force=inf`` if they are meant.

    Raises
    ------
    DatasetError
        A force on an atom is above ``largest_force``, eV/Å.
    """
    moved = atoms.copy()
    moved.calc = calculator
    force = float(np.linalg.norm(moved.get_forces(), axis=1).max())
    if force > largest_force:
        raise DatasetError(
            f"a force of {force:.3g} eV/Å is left; largest_force is {largest_force:g}",
            remedy="relax the positions first (al_loop.glass.relax.relaxed)",
        )
    size = 3 * len(atoms)
    stiffness = np.empty((size, size))
    start = atoms.get_positions()
    for row in range(size):
        atom, axis = divmod(row, 3)
        forces = []
        for sign in (1.0, -1.0):
            positions = start.copy()
            positions[atom, axis] += sign * displacement
            moved.set_positions(positions)
            forces.append(moved.get_forces().ravel())
        stiffness[row] = (forces[1] - forces[0]) / (2.0 * displacement)
        listen()
    mass = standard_masses(atoms.get_chemical_symbols()) if masses is None else np.asarray(masses)
    root = np.sqrt(np.repeat(mass, 3))
    stiffness *= EV_IN_U_A2_PER_PS2 / np.outer(root, root)
    return _symmetric(stiffness)


def read_eskm(path: str | Path, *, atoms: int) -> Array:
    """D (3N, 3N) in (rad/ps)² from LAMMPS' ``dynamical_matrix all eskm 1e-3 file PATH``.

    The masses in it are LAMMPS' own, the atoms in the order of their ids. ``units metal`` or
    ``real``.

    Raises
    ------
    DatasetError
        The file is not there, or does not hold (3N)² numbers.
    """
    file = Path(path)
    try:
        numbers = np.fromfile(file, sep=" ")
    except (OSError, ValueError) as error:
        raise DatasetError(f"cannot be read: {error}", where=file) from None
    size = 3 * atoms
    if numbers.size != size**2 or not np.isfinite(numbers).all():
        raise DatasetError(
            f"{numbers.size} numbers; {size**2} finite ones make the matrix of {atoms} atoms",
            where=file,
            remedy="write it with `dynamical_matrix all eskm 1e-3 file PATH binary no`, of all "
            "atoms, and let it end",
        )
    return _symmetric(numbers.reshape(size, size))


def normal_modes(matrix: Array, symbols: Sequence[str]) -> Modes:
    """Modes of a dynamical matrix (3N, 3N) in (rad/ps)²; some 5 (3N)² numbers of memory.

    Raises
    ------
    DatasetError
        The matrix is of another number of atoms.
    """
    size = 3 * len(symbols)
    if matrix.shape != (size, size):
        raise DatasetError(f"a matrix of shape {matrix.shape} for {len(symbols)} atoms")
    squares, vectors = eigh(matrix)
    frequencies = np.sign(squares) * np.sqrt(np.abs(squares)) / (2 * np.pi)
    return Modes(frequencies, vectors.T.reshape(size, len(symbols), 3), tuple(symbols))


def _symmetric(matrix: Array) -> Array:
    matrix += matrix.T.copy()
    matrix *= 0.5
    return matrix
