"""Descriptors of atoms' environments, made small enough to be kept.

Networks have hundreds or thousands of features an atom. A random projection keeps the distances
between them, up to some 15 % here (Johnson and Lindenstrauss; Dasgupta and Gupta, Random Struct.
Algorithms 22, 60 (2003)), and is the same in every job, as its matrix follows from its shape.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from al_loop.units import Array

DIMENSIONS = 48


class Describes(Protocol):
    """A predictor that has descriptors; ``describes`` of its trainer is True."""

    def descriptors(self, atoms: Atoms) -> Array:
        """The model's own descriptor of each atom's environment, (atoms, features)."""
        ...


class MakesDescribing(Protocol):
    """A trainer of such."""

    @staticmethod
    def predictor(model: Path, elements: tuple[str, ...]) -> Describes:
        """Load a model file."""
        ...


Features = NDArray[np.float32]


def projected(features: Array) -> Features:
    """Features (atoms, n) as (atoms, at most ``DIMENSIONS``)."""
    n = features.shape[1]
    if n <= DIMENSIONS:
        return features.astype(np.float32)
    matrix = np.random.default_rng(n).standard_normal((n, DIMENSIONS)) / np.sqrt(DIMENSIONS)
    small: Features = (features @ matrix).astype(np.float32)
    return small


def spread_out(points: Features, most: int) -> NDArray[np.int64]:
    """Indices of at most ``most`` points (n, features), each farthest from those before.

    Every other point is then close to one of them: farthest-point sampling (Gonzalez, Theor.
    Comput. Sci. 38, 293 (1985)), begun at the point farthest from the mean.
    """
    if len(points) <= most:
        return np.arange(len(points), dtype=np.int64)
    squares = np.einsum("ij,ij->i", points, points)
    nearest = np.square(points - points.mean(axis=0)).sum(axis=1)
    chosen = [int(np.argmax(nearest))]
    nearest[:] = np.inf
    while len(chosen) < most:
        last = points[chosen[-1]]
        square = squares - 2.0 * (points @ last) + last @ last
        np.minimum(nearest, square, out=nearest)
        chosen.append(int(np.argmax(nearest)))
    return np.array(sorted(chosen), dtype=np.int64)
