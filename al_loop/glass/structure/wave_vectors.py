"""Neutron S(q) at the wave vectors of the cell: sums over atoms, without a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce
from numpy.typing import NDArray

from al_loop.errors import DatasetError
from al_loop.glass.scattering_lengths import neutron_lengths
from al_loop.glass.trajectory import Trajectory
from al_loop.units import Array

MOST_VECTORS = 10_000
"""More would cost atoms squared and tell little more: their scatter is 1 % then."""
_CHUNK = 2048  # atoms: bounds the memory


@dataclass(frozen=True)
class WaveVectors:
    """Neutron S of a run at wave vectors q of its cell, one of each +q and -q.

    ``q`` (vectors,): their lengths, 1/Å, mean over the frames; ``s`` (vectors,): mean over the
    frames. S of one vector scatters about S(q) as much as S(q) itself (speckle), however long
    the run of a glass is: a solid keeps its speckle.
    """

    q: Array
    s: Array


def wave_vectors(
    trajectory: Trajectory, *, q_max: float, lengths: Mapping[str, float] | None = None
) -> WaveVectors:
    """S_N(q) = 1 + (|sum of b_j exp(iq·r_j)|² / N - <b²>) / <b>² at the cell's wave vectors.

    That is the total of Faber and Ziman as :meth:`StructureFactors.neutron` has it, but exact:
    no end of g(r), no window. Time and memory are linear in atoms: large cells have a random
    (always the same) part of their vectors, some 10,000.

    Raises
    ------
    DatasetError
        The mean scattering length is zero, or an element has none.
    """
    first = trajectory.frames[0]
    _, change = minkowski_reduce(first.cell.array)
    lines, across = _lines(change @ first.cell.array, q_max)
    b = neutron_lengths(trajectory.elements, lengths)
    weights = np.array([b[one] for one in first.get_chemical_symbols()])
    if (mean := float(weights.mean())) == 0.0:
        raise DatasetError("the mean scattering length is zero: there is no total to speak of")
    triples = np.concatenate(
        [np.repeat(lines, len(across), axis=0), np.tile(across, len(lines))[:, None]], axis=1
    )
    q = np.zeros(len(triples))
    s = np.zeros(len(triples))
    for atoms in trajectory.frames:
        cell = change @ atoms.cell.array
        q += _lengths(triples, cell) / len(trajectory)
        weights = np.array([b[one] for one in atoms.get_chemical_symbols()])
        amplitude = _amplitudes(atoms, cell, weights, lines, across)
        s += (np.abs(amplitude) ** 2 / len(atoms) - np.mean(weights**2)) / len(trajectory)
    kept = (q <= q_max) & _half(triples)
    return WaveVectors(q[kept], 1.0 + s[kept] / mean**2)


def _lines(cell: Array, q_max: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(h, k) of a half space that pass within ``q_max`` of the origin, and every l."""
    reciprocal = 2.0 * np.pi * np.linalg.inv(cell).T
    h, k, across = (
        np.arange(-n, n + 1) for n in (q_max * np.linalg.norm(cell, axis=1) / 2 / np.pi).astype(int)
    )
    pairs = np.stack(np.meshgrid(h, k, indexing="ij"), axis=-1).reshape(-1, 2)
    pairs = pairs[(pairs[:, 0] > 0) | ((pairs[:, 0] == 0) & (pairs[:, 1] >= 0))]
    along = reciprocal[2] / np.linalg.norm(reciprocal[2])
    beside = reciprocal[:2] - np.outer(reciprocal[:2] @ along, along)
    pairs = pairs[np.linalg.norm(pairs @ beside, axis=1) <= q_max]
    volume = abs(float(np.linalg.det(cell)))
    expected = volume * q_max**3 / (12.0 * np.pi**2)  # half of a sphere
    if expected > MOST_VECTORS:
        some = max(1, round(len(pairs) * MOST_VECTORS / expected))
        pairs = pairs[np.random.default_rng(0).choice(len(pairs), some, replace=False)]
    return pairs, across


def _half(triples: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Without the origin, and one of each +q and -q on the line through it."""
    return np.asarray(triples[:, :2].any(axis=1) | (triples[:, 2] > 0))


def _lengths(triples: NDArray[np.int64], cell: Array) -> Array:
    vectors = 2.0 * np.pi * triples @ np.linalg.inv(cell).T
    return np.asarray(np.linalg.norm(vectors, axis=1), dtype=np.float64)


def _amplitudes(
    atoms: Atoms,
    cell: Array,
    weights: Array,
    lines: NDArray[np.int64],
    across: NDArray[np.int64],
) -> NDArray[np.complex128]:
    """Sum of w exp(iq.r) for each line and l: one product of matrices, not one exp a vector.

    Products are in single precision (half the time, S to 1e-5), sums over chunks in double.
    """
    scaled = np.linalg.solve(cell.T, atoms.positions.T)
    h, k = lines.T
    every_h, every_k = (np.arange(one.min(), one.max() + 1) for one in (h, k))
    found = np.zeros((len(lines), len(across)), dtype=np.complex128)
    for start in range(0, len(atoms), _CHUNK):
        part = slice(start, start + _CHUNK)
        x, y = (
            np.exp(2j * np.pi * np.outer(n, s[part])).astype(np.complex64)
            for n, s in ((every_h, scaled[0]), (every_k, scaled[1]))
        )
        plane = (x * weights[part].astype(np.float32))[h - every_h[0]] * y[k - every_k[0]]
        z = np.exp(2j * np.pi * np.outer(scaled[2, part], across)).astype(np.complex64)
        found += plane @ z
    return found.ravel()
