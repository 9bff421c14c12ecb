"""Dynamic structure factor S(q, f): how density waves of one length move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from al_loop.errors import DatasetError
from al_loop.glass.dynamics.correlate import autocorrelations, over_atoms
from al_loop.glass.estimate import Curve
from al_loop.glass.scattering_lengths import neutron_lengths
from al_loop.glass.vibrations.spectrum import cosine_transform
from al_loop.units import Array

MOST_VECTORS = 60
"""Wave vectors of a shell that are averaged over."""


def dynamic_structure_factor(
    positions: Array,
    symbols: Sequence[str],
    dt: float,
    *,
    cell: Array,
    q: float,
    width: float = 0.1,
    lengths: Mapping[str, float] | None = None,
    broadening: float = 0.3,
    maximum: float = 50.0,
) -> Curve:
    """Coherent S(q, f) as neutrons weight it, 1/THz over THz, classical (even in f).

    S(q, f) = ∫ F(q, t) cos(2 pi f t) W(t) dt over all t, F(q, t) = <rho_q(t) rho_q(0)*> / sum b²,
    rho_q = sum of b exp(i q r), with W as in :func:`velocity_density_of_states`: each line is a
    Gaussian of standard deviation ``broadening`` in THz. Its integral over f of both signs is
    F(q, 0), that is 1 where atoms do not know of each other (1 + <b>²/<b²> (S_N - 1) in general).
    What does not move, as the frozen structure of a glass, is such a line at f = 0.

    Parameters
    ----------
    positions
        (frames, atoms, 3) in Å, wrapped or not, ``dt`` ps apart, of a run at constant volume.
    cell
        (3, 3), Å.
    q, width
        1/Å: wave vectors of the cell with lengths in q ± width/2 are averaged over, at most 60 of
        them; the error is the scatter over them.
    lengths
        b in fm of elements whose natural one is not wanted.

    Raises
    ------
    DatasetError
        The cell has no wave vector there; or the run is too short or too coarse, as for velocities.
    """
    vectors = vectors_in_shell(cell, q, width)
    frequency, weights = cosine_transform(
        dt, len(positions), broadening=broadening, maximum=maximum, what="positions"
    )
    waves = density_waves(positions, symbols, vectors, lengths)
    curves = weights @ autocorrelations(waves, weights.shape[1])
    mean, error = over_atoms([curves])
    return Curve(frequency, mean, error, len(vectors), "THz", "1/THz")


def vectors_in_shell(cell: Array, q: float, width: float) -> Array:
    """Wave vectors (n, 3) in 1/Å that fit into a cell, with lengths in q ± width/2.

    Of q and -q, which tell the same, one. Where there are more than 60 they are taken evenly.

    Raises
    ------
    DatasetError
        There is none.
    """
    high = q + width / 2
    basis = 2.0 * np.pi * np.linalg.inv(np.asarray(cell, dtype=np.float64)).T
    reach = np.ceil(high * np.linalg.norm(cell, axis=1) / (2.0 * np.pi)).astype(int)
    axes = [np.arange(-n, n + 1) for n in reach]
    numbers = np.array(np.meshgrid(*axes, indexing="ij")).reshape(3, -1).T
    numbers = numbers[_one_of_two(numbers)]
    vectors: Array = numbers @ basis
    lengths = np.linalg.norm(vectors, axis=1)
    inside = vectors[(np.abs(lengths - q) <= width / 2) & (lengths > 0)]
    if not len(inside):
        nearest = np.sort(np.abs(lengths[lengths > 0] - q))[:1]
        raise DatasetError(
            f"no wave vector of the cell is within {q:g} ± {width / 2:g} 1/Å",
            remedy=f"the nearest is {nearest[0]:.3f} 1/Å away: take another q, a larger width, or "
            "a larger cell",
        )
    every = np.linspace(0, len(inside) - 1, min(len(inside), MOST_VECTORS)).round().astype(int)
    chosen: Array = inside[every]
    return chosen


def density_waves(
    positions: Array,
    symbols: Sequence[str],
    vectors: Array,
    lengths: Mapping[str, float] | None = None,
) -> Array:
    """Real and imaginary part of sum b exp(i q r) / sqrt(sum b²): (frames, vectors, 2)."""
    table = neutron_lengths(sorted(set(symbols)), lengths)
    b = np.array([table[one] for one in symbols])
    b /= np.linalg.norm(b)
    waves = np.empty((len(positions), len(vectors), 2))
    for frame, places in enumerate(positions):
        phase = places @ vectors.T
        waves[frame, :, 0] = b @ np.cos(phase)
        waves[frame, :, 1] = b @ np.sin(phase)
    return waves


def _one_of_two(numbers: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Which of (h, k, l) and its negative have a first number above zero."""
    h, k, m = numbers.T
    kept: NDArray[np.bool_] = (h > 0) | ((h == 0) & ((k > 0) | ((k == 0) & (m > 0))))
    return kept
