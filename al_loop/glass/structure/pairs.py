"""Pair distribution functions, partial and total."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from ase.geometry import minkowski_reduce
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Curve, Estimate, average_curve, jackknife
from al_loop.glass.scattering_lengths import neutron_lengths
from al_loop.glass.trajectory import Trajectory
from al_loop.units import Array

LARGEST_RADIUS = 20.0
"""Å. g(r) of a glass is 1 beyond; the cost grows with the cube."""
_SMOOTHING = 0.04  # Å, of g(r) where its first peak is looked for


@dataclass(frozen=True)
class PairDistributions:
    """Partial g(r) of every frame, and what is needed to weight and transform them.

    ``r`` (bins,) are the middles of the bins, Å; ``partials`` maps ``O-Si`` (alphabetical) to g
    of each frame (frames, bins); ``counts`` are atoms per element; ``volumes`` (frames,) Å3.
    """

    r: Array
    partials: dict[str, Array]
    counts: dict[str, int]
    volumes: Array

    @property
    def fractions(self) -> dict[str, float]:
        """Atoms of an element over all atoms."""
        return {one: count / self.atoms for one, count in self.counts.items()}

    @property
    def atoms(self) -> int:
        """Atoms of a frame."""
        return sum(self.counts.values())

    @property
    def densities(self) -> Array:
        """Atoms per Å3 (frames,)."""
        return self.atoms / self.volumes

    @property
    def width(self) -> float:
        """Width of a bin, Å."""
        return float(2.0 * self.r[0])

    def partial(self, pair: str) -> Curve:
        """g(r) of a pair of elements (``Si-O``, in any order), no unit."""
        return average_curve(self.r, self._of(pair), x_unit="Å")

    def total(self) -> Curve:
        """g(r) of all atoms, whatever they are: the partials weighted by c_a c_b."""
        return average_curve(self.r, self.weighted(dict.fromkeys(self.counts, 1.0)), x_unit="Å")

    def neutron(self, lengths: Mapping[str, float] | None = None) -> Curve:
        """Total neutron g(r): sum of c_a c_b b_a b_b g_ab over (sum of c_a b_a)^2; 1 far away.

        ``lengths``: b in fm of elements whose natural one is not wanted.
        """
        b = neutron_lengths(self.counts, lengths)
        return average_curve(self.r, self.weighted(b), x_unit="Å")

    def total_correlation(self, lengths: Mapping[str, float] | None = None) -> Curve:
        """T(r) = 4 pi rho r g_N(r), 1/Å2, of neutrons; times (sum of c b)^2 it is in barn/Å2.

        It is not broadened. What an experiment up to some q shows is
        :func:`al_loop.glass.structure.scattering.measured_correlation`.
        """
        b = neutron_lengths(self.counts, lengths)
        frames = 4.0 * np.pi * self.densities[:, None] * self.r * self.weighted(b)
        return average_curve(self.r, frames, x_unit="Å", y_unit="1/Å2")

    def running_coordination(self, centre: str, neighbour: str) -> Curve:
        """Mean number of ``neighbour`` atoms within r of a ``centre`` atom, at each bin's end."""
        others = self.counts[neighbour] - (centre == neighbour)
        shells = shell_volumes(self.r, self.width) * others / self.volumes[:, None]
        around = np.cumsum(shells * self._of(f"{centre}-{neighbour}"), axis=1)
        return average_curve(self.r + self.width / 2, around, x_unit="Å")

    def weighted(self, weights: Mapping[str, float]) -> Array:
        """Sum over ordered pairs of c_a c_b w_a w_b g_ab over its sum of weights (frames, bins)."""
        c = self.fractions
        mean = sum(c[one] * weights[one] for one in c)
        if mean == 0.0:
            raise DatasetError("the mean scattering length is zero: there is no total to speak of")
        result = np.zeros_like(next(iter(self.partials.values())))
        for pair, g in self.partials.items():
            a, b = pair.split("-")
            both = 1.0 if a == b else 2.0
            share = c[a] * c[b] * weights[a] * weights[b]
            result += both * share / mean**2 * g
        return result

    def _of(self, pair: str) -> Array:
        name = "-".join(sorted(pair.split("-")))
        if name not in self.partials:
            raise DatasetError(
                f"there is no pair {pair!r}", remedy=f"there are {', '.join(self.partials)}"
            )
        return self.partials[name]


def pair_distributions(
    trajectory: Trajectory, *, r_max: float | None = None, width: float = 0.02
) -> PairDistributions:
    """Partial pair distribution functions of each frame.

    g_ab(r) = V n_ab(r) / (N_a N_b 4 pi r^2 dr), with N_a (N_a - 1) for like atoms, so that an
    ideal gas has g = 1 at every number of atoms; the shells' volumes are exact.

    Parameters
    ----------
    r_max
        Å; at most half the smallest distance between images of an atom's cell faces. Default:
        that, or 20 Å where there is more room.
    width
        Width of a bin, Å (about: bins divide ``r_max`` evenly).

    Raises
    ------
    DatasetError
        ``r_max`` is larger than the cell allows, or an element has a single atom.
    """
    room = min(largest_radius(atoms) for atoms in trajectory.frames)
    # Whole bins by default, so that runs in other cells have the same r as far as they go.
    radius = np.floor(min(room, LARGEST_RADIUS) / width) * width if r_max is None else r_max
    if not 0.0 < width < radius <= room * (1 + 1e-9):
        raise DatasetError(
            f"r_max {radius:.2f} Å and width {width:g} Å; the smallest cell has room for "
            f"r_max {room:.2f} Å",
            where=trajectory.source,
            remedy="take r_max within it (width below r_max), or repeat the cell",
        )
    bins = round(float(radius / width))
    counts, names = trajectory.counts, trajectory.elements
    numbers = np.zeros(119, dtype=np.int64)
    numbers[[atomic_numbers[name] for name in names]] = np.arange(len(names))
    pairs = [
        (i, j)
        for i, j in combinations_with_replacement(range(len(names)), 2)
        if i != j or counts[names[i]] > 1
    ]
    if not pairs:
        raise DatasetError("one atom has no pairs", where=trajectory.source)
    r = np.asarray((np.arange(bins) + 0.5) * (radius / bins), dtype=np.float64)
    shells = shell_volumes(r, radius / bins)
    partials = {f"{names[i]}-{names[j]}": np.empty((len(trajectory), bins)) for i, j in pairs}
    for k, atoms in enumerate(trajectory.frames):
        found = _count(atoms, numbers[atoms.numbers], len(names), radius, bins)
        for i, j in pairs:
            a, b = counts[names[i]], counts[names[j]]
            expected = (a * (a - 1) / 2 if i == j else a * b) / atoms.get_volume() * shells
            partials[f"{names[i]}-{names[j]}"][k] = found[i, j] / expected
    volumes: Array = np.array([atoms.get_volume() for atoms in trajectory.frames], dtype=np.float64)
    return PairDistributions(r, partials, counts, volumes)


def first_peak(r: Array, frames: Array) -> Estimate:
    """Place of the first maximum of g(r), Å; ``frames`` (frames, bins) over ``r`` (bins,).

    The first that is at least half as high as the highest, of the mean smoothed by 0.04 Å, by a
    parabola through three points; not a number without any. The error is that of the jackknife
    over blocks of frames.
    """
    value, (error,) = jackknife(frames, lambda mean: np.array([_first_peak(r, mean)]))
    known = error is not None and np.isfinite(error)
    return Estimate(float(value[0]), error if known else None, len(frames), "Å")


def _first_peak(r: Array, g: Array) -> float:
    width = float(r[1] - r[0])
    y = gaussian_filter1d(g, _SMOOTHING / width)
    inner = y[1:-1]
    high = (inner > y[:-2]) & (inner >= y[2:]) & (inner >= 0.5 * y.max())
    if not high.any():
        return float("nan")
    top = int(np.argmax(high)) + 1
    a, b, c = y[top - 1 : top + 2]
    return float(r[top] + 0.5 * width * (a - c) / (a - 2.0 * b + c))


def largest_radius(atoms: Atoms) -> float:
    """Å: half the smallest distance between opposite faces of the (reduced) cell."""
    cell, _ = minkowski_reduce(atoms.cell.array)
    return float(0.5 / np.linalg.norm(np.linalg.inv(cell), axis=0).max())


def shell_volumes(r: Array, width: float) -> Array:
    """Å3 of the spherical shells of this width around each r."""
    return 4.0 / 3.0 * np.pi * ((r + width / 2) ** 3 - (r - width / 2) ** 3)


def _count(
    atoms: Atoms, kinds: NDArray[np.int64], n_kinds: int, r_max: float, bins: int
) -> NDArray[np.int64]:
    from al_loop.glass.structure.pair_kernel import count_pairs  # imports numba

    return count_pairs(atoms, kinds, n_kinds=n_kinds, r_max=r_max, bins=bins)
