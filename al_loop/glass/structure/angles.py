"""Bond angles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Curve, Estimate, average, average_curve, jackknife
from al_loop.glass.structure.bonds import Bonds, bond_cutoffs, find_bonds
from al_loop.glass.trajectory import Trajectory
from al_loop.units import Array

_SMOOTHING = 2.0  # degrees


@dataclass(frozen=True)
class AngleDistribution:
    """Angles of one kind; ``histogram`` is normed to an integral of 1 over degrees (1/degree).

    ``mean`` and ``spread`` (standard deviation) in degrees; ``maximum``: of the histogram
    smoothed by a Gaussian of 2 degrees; ``below_100``: percent of the angles below 100 degrees
    (in oxide glasses Si-O-Si there means shared edges); ``n``: angles in a frame, on average.
    """

    histogram: Curve
    mean: Estimate
    spread: Estimate
    maximum: Estimate
    below_100: Estimate
    n: float

    def per_solid_angle(self) -> Curve:
        """The histogram over sin(theta)/2 (exactly: over the bin's solid angle); 1 if isotropic."""
        x, width = self.histogram.x, float(self.histogram.x[1] - self.histogram.x[0])
        edges = np.radians([x - width / 2, x + width / 2])
        shares = (np.cos(edges[0]) - np.cos(edges[1])) / 2.0 / width
        error = self.histogram.error
        return Curve(
            x,
            self.histogram.y / shares,
            None if error is None else error / shares,
            self.histogram.n,
            self.histogram.x_unit,
        )


def bond_angles(
    trajectory: Trajectory,
    name: str,
    *,
    cutoffs: Mapping[str, float] | None = None,
    width: float = 1.0,
) -> AngleDistribution:
    """Distribution of the angles ``A-B-C`` at atom B, for example ``Si-O-Si``.

    Parameters
    ----------
    cutoffs
        Å per pair; those not given are :data:`~al_loop.glass.structure.bonds.CUTOFFS`.
    width
        Degrees per bin; has to divide 180.

    Raises
    ------
    DatasetError
        The name is none, its bonds have no cutoff, or a frame has no such angle.
    """
    limits = bond_cutoffs(trajectory.elements, cutoffs)
    _check(name, limits)
    frames = [angles_of_frame(find_bonds(atoms, limits), name) for atoms in trajectory.frames]
    return angles_of(frames, name=name, width=width)


def angles_of_frame(bonds: Bonds, name: str) -> Array:
    """Angles A-B-C of a frame, degrees, each once."""
    one, centre, other = name.split("-")
    around = bonds.between(bonds.are([centre]), bonds.are([one, other]))
    left, right = around.pairs()
    if one != other:
        ends = around.symbols[around.second]
        mixed = ends[left] != ends[right]
        left, right = left[mixed], right[mixed]
    units = around.vectors / around.lengths[:, None]
    cosines = np.einsum("ij,ij->i", units[left], units[right])
    return np.asarray(np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0))), dtype=np.float64)


def angles_of(frames: Sequence[Array], *, name: str, width: float = 1.0) -> AngleDistribution:
    """Distribution over frames, with errors."""
    bins = round(180.0 / width)
    if bins < 1 or not np.isclose(bins * width, 180.0):
        raise DatasetError(f"{width:g} degrees per bin do not divide 180", where="width")
    if empty := [k for k, angles in enumerate(frames) if len(angles) == 0]:
        raise DatasetError(
            f"frame {empty[0]} has no angle {name}", remedy="look at the cutoffs and the elements"
        )
    edges = np.linspace(0.0, 180.0, bins + 1)
    middles = 0.5 * (edges[1:] + edges[:-1])
    table = np.array([np.histogram(angles, edges, density=True)[0] for angles in frames])
    top, error = jackknife(table, lambda curve: np.array([_maximum(middles, curve, width)]))
    return AngleDistribution(
        average_curve(middles, table, x_unit="degree", y_unit="1/degree"),
        average([angles.mean() for angles in frames], unit="degree"),
        average([angles.std() for angles in frames], unit="degree"),
        Estimate(float(top[0]), error[0], len(frames), "degree"),
        average([100.0 * (angles < 100.0).mean() for angles in frames], unit="%"),
        float(np.mean([len(angles) for angles in frames])),
    )


def _maximum(x: Array, y: Array, width: float) -> float:
    """Place of the maximum of a smoothed histogram, by a parabola through three points."""
    smooth = gaussian_filter1d(y, _SMOOTHING / width, mode="reflect")
    top = int(np.argmax(smooth))
    if top in (0, len(x) - 1):
        return float(x[top])
    a, b, c = smooth[top - 1 : top + 2]
    return float(x[top] + 0.5 * width * (a - c) / (a - 2.0 * b + c))


def _check(name: str, cutoffs: Mapping[str, float]) -> None:
    parts = name.split("-")
    if len(parts) != 3:
        raise DatasetError(f"{name!r} is no angle", remedy="write it like Si-O-Si")
    for end in (parts[0], parts[2]):
        pair = "-".join(sorted((parts[1], end)))
        if pair not in cutoffs:
            raise DatasetError(
                f"angle {name}: no bond {pair} is known here",
                remedy=f"if both elements are there, give cutoffs={{'{pair}': ...}}, in Å",
            )
