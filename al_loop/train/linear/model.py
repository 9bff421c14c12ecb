"""The linear pair potential itself: basis, energy, forces, virial, and its file.

E = sum_i c(element of i) + sum_pairs [ ZBL(r) + sum_k c_k(elements) g_k(r) ]

g_k(r) = exp(-(r - r_k)^2 / 2w^2) (1 - (r/rcut)^2)^3 for r < rcut, so that energy and force go
smoothly to zero at the cutoff. ZBL is the screened repulsion of bare nuclei (Ziegler, Biersack
and Littmark 1985), switched off in the same way at a fraction of the covalent distance; it keeps
atoms apart where no label says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from matscipy.neighbours import neighbour_list
from numpy.typing import NDArray

from al_loop.errors import JobFolderError
from al_loop.jobfolder import write_atomically
from al_loop.units import Array

_COULOMB = 14.399645478  # e^2 / (4 pi eps0), eV Å
_ZBL_AMPLITUDES = np.array([0.18175, 0.50986, 0.28022, 0.02817])
_ZBL_EXPONENTS = np.array([3.19980, 0.94229, 0.40290, 0.20162])
_ZBL_LENGTH = 0.46850  # Å
_FORMAT = 1


@dataclass(frozen=True)
class Basis:
    """What the coefficients multiply.

    ``centres`` has shape (pairs of elements, functions), Å; pairs come in the order of
    ``combinations_with_replacement(elements, 2)``. ``core`` is in sums of covalent radii.
    """

    elements: tuple[str, ...]
    rcut: float
    width: float
    core: float
    centres: Array

    @property
    def size(self) -> int:
        """Number of coefficients: one per element, then the pairs' functions."""
        return len(self.elements) + int(self.centres.size)


@dataclass(frozen=True)
class Terms:
    """Energy (size,), forces (3 atoms, size) and virial (9, size) per coefficient.

    ``core_*`` are those of the fixed repulsion: a number, (3 atoms,) and (9,).
    """

    energy: Array
    forces: Array
    virial: Array
    core_energy: float
    core_forces: Array
    core_virial: Array


@dataclass(frozen=True)
class LinearModel:
    """A basis and its coefficients, eV."""

    basis: Basis
    coefficients: Array

    def predict(self, atoms: Atoms) -> tuple[float, Array, Array]:
        """Energy (eV), forces (atoms, 3) in eV/Å and virial (3, 3) in eV."""
        basis, constants = self.basis, len(self.basis.elements)
        types, pairs = _neighbours(basis, atoms)
        value, slope = _radial(pairs.r, basis.centres[pairs.kind], basis)
        c = self.coefficients[constants:].reshape(basis.centres.shape)[pairs.kind]
        core, core_slope = _core(basis, types[pairs.i], types[pairs.j], pairs.r)
        # half: each pair comes twice
        energy = self.coefficients[types].sum() + 0.5 * (
            np.einsum("pk,pk->", value, c) + core.sum()
        )
        force = (np.einsum("pk,pk->p", slope, c) + core_slope)[:, None] * pairs.direction
        forces = np.stack([_sums(pairs.i, force[:, a], len(atoms)) for a in range(3)], axis=1)
        virial = -0.5 * np.einsum("pa,pb->ab", force, pairs.vector)
        return float(energy), forces, virial

    def descriptors(self, atoms: Atoms) -> Array:
        """The basis functions summed over each atom's neighbours, (atoms, pairs x functions)."""
        basis, n = self.basis, len(atoms)
        kinds, functions = basis.centres.shape
        _, pairs = _neighbours(basis, atoms)
        value, _ = _radial(pairs.r, basis.centres[pairs.kind], basis)
        row = (pairs.i * kinds + pairs.kind)[:, None] * functions + np.arange(functions)
        return _sums(row, value, n * kinds * functions).reshape(n, kinds * functions)

    def write(self, path: Path) -> None:
        """Write the model as JSON; floats survive exactly."""
        basis = self.basis
        data = {
            "format": _FORMAT,
            "elements": list(basis.elements),
            "rcut": basis.rcut,
            "width": basis.width,
            "core": basis.core,
            "centres": basis.centres.tolist(),
            "coefficients": self.coefficients.tolist(),
        }
        write_atomically(path, json.dumps(data, indent=1, allow_nan=False))

    @classmethod
    def read(cls, path: Path) -> LinearModel:
        """Read a model; JobFolderError when the file is missing or not one."""
        try:
            data: dict[str, Any] = json.loads(path.read_text())
            if data["format"] != _FORMAT:
                raise JobFolderError(f"format {data['format']} is not known", where=path)
            basis = Basis(
                elements=tuple(data["elements"]),
                rcut=data["rcut"],
                width=data["width"],
                core=data["core"],
                centres=np.array(data["centres"], dtype=np.float64),
            )
            return cls(basis, np.array(data["coefficients"], dtype=np.float64))
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise JobFolderError(f"not a linear model: {error}", where=path) from None


def evaluate(basis: Basis, atoms: Atoms) -> Terms:
    """Every term of the potential for one configuration."""
    n, functions, size = len(atoms), basis.centres.shape[1], basis.size
    types, pairs = _neighbours(basis, atoms)
    value, slope = _radial(pairs.r, basis.centres[pairs.kind], basis)
    column = len(basis.elements) + pairs.kind[:, None] * functions + np.arange(functions)
    row = pairs.i[:, None] * size + column
    energy = _sums(column, 0.5 * value, size)
    energy[: len(basis.elements)] = np.bincount(types, minlength=len(basis.elements))
    forces = np.zeros((n, 3, size))
    virial = np.zeros((3, 3, size))
    for a in range(3):
        # dE/dr pulls atom i along the vector to j; j has its own turn
        along = slope * pairs.direction[:, a, None]
        forces[:, a] = _sums(row, along, n * size).reshape(n, size)
        for b in range(3):
            virial[a, b] = _sums(column, -0.5 * along * pairs.vector[:, b, None], size)
    core_energy, core_slope = _core(basis, types[pairs.i], types[pairs.j], pairs.r)
    core_force = core_slope[:, None] * pairs.direction
    core_forces = np.stack([_sums(pairs.i, core_force[:, a], n) for a in range(3)], axis=1)
    core_virial = -0.5 * np.einsum("pa,pb->ab", core_force, pairs.vector)
    return Terms(
        energy=energy,
        forces=forces.reshape(3 * n, size),
        virial=virial.reshape(9, size),
        core_energy=0.5 * float(core_energy.sum()),
        core_forces=core_forces.ravel(),
        core_virial=core_virial.ravel(),
    )


@dataclass(frozen=True)
class _Pairs:
    """Pairs of atoms within the cutoff; each comes twice, as i-j and as j-i."""

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    kind: NDArray[np.int64]
    r: Array
    vector: Array
    """From i to j, Å."""

    @property
    def direction(self) -> Array:
        """Unit vectors from i to j."""
        return self.vector / self.r[:, None]


def _neighbours(basis: Basis, atoms: Atoms) -> tuple[NDArray[np.int64], _Pairs]:
    """Types of the atoms, and their pairs."""
    types = np.array([basis.elements.index(symbol) for symbol in atoms.symbols], dtype=np.int64)
    i, j, r, vector = neighbour_list("ijdD", atoms, basis.rcut)
    i, j = i.astype(np.int64), j.astype(np.int64)
    return types, _Pairs(i, j, _pair_index(len(basis.elements))[types[i], types[j]], r, vector)


def _sums(index: NDArray[np.int64], values: Array, size: int) -> Array:
    """Sums of the values that share an index."""
    sums = np.bincount(index.ravel(), weights=values.ravel(), minlength=size)
    return sums.astype(np.float64)


def _pair_index(elements: int) -> NDArray[np.int64]:
    table = np.zeros((elements, elements), dtype=np.int64)
    for index, (a, b) in enumerate(combinations_with_replacement(range(elements), 2)):
        table[a, b] = table[b, a] = index
    return table


def _fade(r: Array, end: Array | float) -> tuple[Array, Array]:
    """(1 - (r/end)^2)^3 and its derivative; zero beyond ``end``."""
    inside = np.maximum(1.0 - (r / end) ** 2, 0.0)
    return inside**3, -6.0 * r / np.square(end) * inside**2


def _radial(r: Array, centres: Array, basis: Basis) -> tuple[Array, Array]:
    """Basis functions (pairs, functions) and their derivatives."""
    fade, fade_slope = _fade(r, basis.rcut)
    shift = (r[:, None] - centres) / basis.width
    gauss = np.exp(-0.5 * shift**2)
    slope = -gauss * shift / basis.width * fade[:, None] + gauss * fade_slope[:, None]
    return gauss * fade[:, None], slope


def _core(
    basis: Basis, first: NDArray[np.int64], second: NDArray[np.int64], r: Array
) -> tuple[Array, Array]:
    """Energy (eV) and derivative (eV/Å) of the fixed repulsion, one per directed pair."""
    numbers = np.array([atomic_numbers[symbol] for symbol in basis.elements])
    z1, z2 = numbers[first], numbers[second]
    end = basis.core * (covalent_radii[z1] + covalent_radii[z2])
    energy, slope = np.zeros_like(r), np.zeros_like(r)
    near = r < end
    if not near.any():
        return energy, slope
    x, z1, z2 = r[near], z1[near], z2[near]
    length = _ZBL_LENGTH / (z1**0.23 + z2**0.23)
    decay = _ZBL_AMPLITUDES * np.exp(-np.outer(x / length, _ZBL_EXPONENTS))
    screen = decay.sum(axis=1)
    screen_slope = -(decay * _ZBL_EXPONENTS).sum(axis=1) / length
    charge = _COULOMB * z1 * z2
    bare = charge / x * screen
    bare_slope = charge / x * (screen_slope - screen / x)
    fade, fade_slope = _fade(x, end[near])
    energy[near] = bare * fade
    slope[near] = bare_slope * fade + bare * fade_slope
    return energy, slope
