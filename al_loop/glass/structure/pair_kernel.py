"""Counting pairs by distance, compiled. Linear in the number of atoms, in time and memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce
from numba import njit
from numpy.typing import NDArray

from al_loop.units import Array

_CELLS_PER_RADIUS = 3
"""The finer the cells, the fewer atoms outside the sphere are looked at."""
_SMALLEST_CELL = 3.0  # Å: smaller ones are mostly empty


def count_pairs(
    atoms: Atoms, kinds: NDArray[np.int64], *, n_kinds: int, r_max: float, bins: int
) -> NDArray[np.int64]:
    """Number of pairs (n_kinds, n_kinds, bins) by kinds (smaller one first) and distance.

    Every pair of atoms closer than ``r_max`` counts once; images of an atom are atoms of their
    own. ``kinds`` (atoms,) are numbers from 0. Bins are equally wide, from 0 to ``r_max`` (Å).
    """
    cell, _ = minkowski_reduce(atoms.cell.array)
    cell = np.ascontiguousarray(cell, dtype=np.float64)
    widths = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    edge = max(r_max / _CELLS_PER_RADIUS, _SMALLEST_CELL)
    shape = np.maximum(widths // edge, 1).astype(np.int64)
    fractions = np.linalg.solve(cell.T, atoms.positions.T).T
    fractions -= np.floor(fractions)
    places = np.minimum((fractions * shape).astype(np.int64), shape - 1)
    box = np.ravel_multi_index(tuple(places.T), tuple(shape))
    order = np.argsort(box, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(box, minlength=int(shape.prod())))])
    return _count(
        fractions[order] @ cell,
        cell,
        kinds[order],
        starts.astype(np.int64),
        shape,
        _half_of_neighbours(widths / shape, r_max),
        r_max,
        bins,
        n_kinds,
    )


def _half_of_neighbours(edges: Array, r_max: float) -> NDArray[np.int64]:
    """Offsets of the boxes that an atom can reach, one of each two opposite ones; (0, 0, 0) first.

    ``edges`` are the distances between opposite faces of a box.
    """
    reach = np.ceil(r_max / edges).astype(np.int64)
    grid = np.stack(
        np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1
    ).reshape(-1, 3)
    grid = grid[((np.maximum(np.abs(grid) - 1, 0) * edges) < r_max).all(axis=1)]
    ahead = (grid[:, 0] > 0) | (
        (grid[:, 0] == 0) & ((grid[:, 1] > 0) | ((grid[:, 1] == 0) & (grid[:, 2] > 0)))
    )
    return np.vstack([np.zeros((1, 3), dtype=np.int64), grid[ahead]])


def _count_pairs(
    positions: Array,
    cell: Array,
    kinds: NDArray[np.int64],
    starts: NDArray[np.int64],
    shape: NDArray[np.int64],
    offsets: NDArray[np.int64],
    r_max: float,
    bins: int,
    n_kinds: int,
) -> NDArray[np.int64]:
    counts = np.zeros((n_kinds, n_kinds, bins), dtype=np.int64)
    scale = bins / r_max
    square = r_max * r_max
    nx, ny, nz = shape
    for x in range(nx):
        for y in range(ny):
            for z in range(nz):
                box = (x * ny + y) * nz + z
                for o in range(len(offsets)):
                    tx, ty, tz = x + offsets[o, 0], y + offsets[o, 1], z + offsets[o, 2]
                    sx, sy, sz = tx // nx, ty // ny, tz // nz
                    other = ((tx - sx * nx) * ny + ty - sy * ny) * nz + tz - sz * nz
                    ax = sx * cell[0, 0] + sy * cell[1, 0] + sz * cell[2, 0]
                    ay = sx * cell[0, 1] + sy * cell[1, 1] + sz * cell[2, 1]
                    az = sx * cell[0, 2] + sy * cell[1, 2] + sz * cell[2, 2]
                    for i in range(starts[box], starts[box + 1]):
                        px = positions[i, 0] - ax
                        py = positions[i, 1] - ay
                        pz = positions[i, 2] - az
                        kind = kinds[i]
                        for j in range(i + 1 if o == 0 else starts[other], starts[other + 1]):
                            dx = positions[j, 0] - px
                            dy = positions[j, 1] - py
                            dz = positions[j, 2] - pz
                            d = dx * dx + dy * dy + dz * dz
                            if d < square:
                                bin_ = min(int(np.sqrt(d) * scale), bins - 1)
                                counts[min(kind, kinds[j]), max(kind, kinds[j]), bin_] += 1
    return counts


_count: Callable[..., NDArray[np.int64]] = njit(cache=True)(_count_pairs)
