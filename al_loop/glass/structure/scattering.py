"""Structure factors from pair distributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import trapezoid

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Curve, average_curve
from al_loop.glass.form_factors import xray_form_factor
from al_loop.glass.scattering_lengths import neutron_lengths
from al_loop.glass.structure.pairs import PairDistributions
from al_loop.units import Array

Window = Literal["lorch", "none"]


@dataclass(frozen=True)
class StructureFactors:
    """Faber-Ziman partial S(q) of every frame.

    ``q`` (points,) in 1/Å; ``partials`` maps ``O-Si`` (alphabetical) to S of each frame
    (frames, points); ``fractions`` are atoms of an element over all atoms; ``density`` is the
    mean, atoms per Å3.
    """

    q: Array
    partials: dict[str, Array]
    fractions: dict[str, float]
    density: float

    def partial(self, pair: str) -> Curve:
        """Faber-Ziman S(q) of a pair of elements (``Si-O``, in any order); 1 at large q."""
        return self._curve(self._of(pair))

    def ashcroft_langreth(self, pair: str) -> Curve:
        """delta_ab + sqrt(c_a c_b) (S_ab - 1), with S_ab of Faber and Ziman."""
        a, b = pair.split("-")
        frames = self._of(pair)
        root = np.sqrt(self.fractions[a] * self.fractions[b])
        return self._curve((a == b) + root * (frames - 1.0))

    def neutron(self, lengths: Mapping[str, float] | None = None) -> Curve:
        """S_N = sum of c_a c_b b_a b_b S_ab over (sum of c_a b_a)^2.

        ``lengths``: b in fm of elements whose natural one is not wanted.
        """
        return self._curve(self.neutron_frames(lengths))

    def neutron_frames(self, lengths: Mapping[str, float] | None = None) -> Array:
        """S_N of each frame (frames, points)."""
        b = neutron_lengths(self.fractions, lengths)
        return self.weighted({one: np.full_like(self.q, b[one]) for one in b})

    def xray(self) -> Curve:
        """S_X: as S_N with the form factors f_a(q) of neutral atoms for b_a."""
        return self._curve(
            self.weighted({one: xray_form_factor(one, self.q) for one in self.fractions})
        )

    def weighted(self, weights: Mapping[str, Array]) -> Array:
        """Sum over ordered pairs of c_a c_b w_a w_b S_ab over (sum of c_a w_a)^2, per frame."""
        c = self.fractions
        mean = sum((c[one] * weights[one] for one in c), np.zeros_like(self.q))
        if (mean == 0.0).any():
            raise DatasetError("the mean scattering length is zero: there is no total to speak of")
        result = np.zeros_like(next(iter(self.partials.values())))
        for pair, s in self.partials.items():
            a, b = pair.split("-")
            both = 1.0 if a == b else 2.0
            result += both * c[a] * c[b] * weights[a] * weights[b] / mean**2 * s
        return result

    def _curve(self, frames: Array) -> Curve:
        return average_curve(self.q, frames, x_unit="1/Å")

    def _of(self, pair: str) -> Array:
        name = "-".join(sorted(pair.split("-")))
        if name not in self.partials:
            raise DatasetError(
                f"there is no pair {pair!r}", remedy=f"there are {', '.join(self.partials)}"
            )
        return self.partials[name]


def structure_factors(
    pairs: PairDistributions, *, q: ArrayLike | None = None, window: Window = "lorch"
) -> StructureFactors:
    """Faber-Ziman partial structure factors by Fourier transform of g(r).

    S_ab(q) = 1 + 4 pi rho / q * integral from 0 to R of r (g_ab(r) - 1) sin(qr) M(r) dr, with
    M(r) = sin(pi r/R) / (pi r/R) (Lorch, J. Phys. C 2, 229 (1969)) or 1 (``none``: sharper
    peaks and ripples of the cutoff R, the largest r of ``pairs``). r sin(qr) is integrated
    exactly over each bin. Nothing below q = 2 pi/R is resolved.

    ``q``: 1/Å, above zero; default 0.3 to 20 in steps of 0.02.
    """
    points = np.arange(0.3, 20.001, 0.02) if q is None else np.asarray(q, dtype=np.float64)
    if points.ndim != 1 or not (points > 0.0).all():
        raise DatasetError("q must be numbers above zero, in 1/Å")
    edges = np.arange(len(pairs.r) + 1) * pairs.width
    shape = np.sinc(pairs.r / edges[-1]) if window == "lorch" else np.ones_like(pairs.r)
    phase = np.outer(edges, points)
    antiderivative = np.sin(phase) / points**2 - edges[:, None] * np.cos(phase) / points
    transform = shape[:, None] * np.diff(antiderivative, axis=0) * 4.0 * np.pi / points
    partials = {
        pair: 1.0 + pairs.densities[:, None] * ((g - 1.0) @ transform)
        for pair, g in pairs.partials.items()
    }
    density = pairs.atoms / float(pairs.volumes.mean())
    return StructureFactors(points, partials, pairs.fractions, density)


def measured_correlation(
    factors: StructureFactors,
    *,
    r: ArrayLike,
    q_max: float,
    window: Window = "lorch",
    lengths: Mapping[str, float] | None = None,
) -> Curve:
    """T(r) of neutrons, 1/Å2, with the resolution of an experiment up to ``q_max`` (1/Å).

    T(r) = 4 pi rho r + 2/pi * integral from 0 to q_max of q (S_N(q) - 1) M(q) sin(qr) dq, with M
    as in :func:`structure_factors`: what is done to measured data, done to ours. ``factors`` must
    reach ``q_max`` and have even steps; q (S_N - 1) goes linearly to 0 below its first point.
    """
    q = factors.q
    step = float(q[1] - q[0])
    if q[-1] < q_max - step or not np.allclose(np.diff(q), step):
        raise DatasetError(
            f"q_max {q_max:g} 1/Å, but S(q) ends at {q[-1]:g} or has uneven steps",
            remedy="compute structure_factors with q up to q_max in even steps",
        )
    used = q <= q_max + step / 2
    radii = np.asarray(r, dtype=np.float64)
    grid = np.concatenate([[0.0], q[used]])
    weight = np.sinc(grid / q_max) if window == "lorch" else np.ones_like(grid)
    frames = np.pad(q[used] * (factors.neutron_frames(lengths)[:, used] - 1.0), ((0, 0), (1, 0)))
    waves = weight[:, None] * np.sin(np.outer(grid, radii))
    transformed = trapezoid(frames[:, :, None] * waves, grid, axis=1)
    total = 4.0 * np.pi * factors.density * radii + 2.0 / np.pi * transformed
    return average_curve(radii, total, x_unit="Å", y_unit="1/Å2")
