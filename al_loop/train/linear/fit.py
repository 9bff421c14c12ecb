"""Weighted ridge regression of the linear potential's coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from al_loop.errors import PhysicsFault
from al_loop.frame import Labelled
from al_loop.train.linear.model import Basis, LinearModel, evaluate
from al_loop.train.linear.options import LinearOptions
from al_loop.units import Array

_SHORTEST = 1.0  # Å; centre of the first Gaussian


def make_basis(
    options: LinearOptions, *, elements: tuple[str, ...], random: np.random.Generator
) -> Basis:
    """Evenly spaced Gaussians per pair of elements, shifted a little at random."""
    pairs = len(list(combinations_with_replacement(elements, 2)))
    even = np.linspace(_SHORTEST, options.rcut, options.functions, endpoint=False)
    spacing = float(even[1] - even[0])
    shift = random.uniform(-options.jitter, options.jitter, (pairs, options.functions))
    return Basis(
        elements=elements,
        rcut=options.rcut,
        width=spacing,
        core=options.core,
        centres=even + shift * spacing,
    )


def draw_counts(frames: int, *, bootstrap: bool, random: np.random.Generator) -> NDArray[np.int64]:
    """How often each frame counts."""
    if not bootstrap:
        return np.ones(frames, dtype=np.int64)
    return np.bincount(random.integers(frames, size=frames), minlength=frames)


def fit(
    options: LinearOptions,
    basis: Basis,
    frames: Sequence[Labelled],
    *,
    counts: NDArray[np.int64],
    prior: Array | None,
    pull: float,
) -> LinearModel:
    """Coefficients that minimise the weighted squared errors of energy, forces and virial.

    With ``prior``, deviations from it cost ``pull`` per row of data; without, the size of the
    pairs' coefficients costs ``ridge`` (the elements' constants are almost free).
    """
    gram = np.zeros((basis.size, basis.size))
    right = np.zeros(basis.size)
    rows = 0
    for frame, count in zip(frames, counts, strict=True):
        if count:
            matrix, target = _rows(options, basis, frame)
            # einsum and not matmul: the order of the sum must not depend on BLAS threads
            gram += count * np.einsum("ri,rj->ij", matrix, matrix)
            right += count * np.einsum("ri,r->i", matrix, target)
            rows += int(count) * len(target)
    if prior is None:
        penalty = np.full(basis.size, options.ridge * rows)
        penalty[: len(basis.elements)] *= 1.0e-6
        prior = np.zeros(basis.size)
    else:
        penalty = np.full(basis.size, pull * rows)
    solution = np.linalg.solve(gram + np.diag(penalty), right + penalty * prior)
    coefficients = solution.astype(np.float64)
    if not np.isfinite(coefficients).all():
        raise PhysicsFault(
            "training-diverged",
            "the regression has no finite solution",
            remedy="raise train.options.ridge",
        )
    return LinearModel(basis, coefficients)


def _rows(options: LinearOptions, basis: Basis, frame: Labelled) -> tuple[Array, Array]:
    """Weighted design matrix (rows, coefficients) and targets (rows,) of one frame."""
    terms = evaluate(basis, frame.atoms)
    per_atom = 1.0 / len(frame.atoms)
    we, wf = options.energy_weight * per_atom, options.force_weight
    blocks = [we * terms.energy[None], wf * terms.forces]
    targets = [
        np.atleast_1d(we * (frame.energy - terms.core_energy)),
        wf * (frame.forces.ravel() - terms.core_forces),
    ]
    if frame.virial is not None:
        wv = options.virial_weight * per_atom
        blocks.append(wv * terms.virial)
        targets.append(wv * (frame.virial.ravel() - terms.core_virial))
    return np.concatenate(blocks), np.concatenate(targets)
