"""Velocities, and the velocity autocorrelation functions of the species."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms, units

from al_loop.errors import DatasetError
from al_loop.glass.dynamics.correlate import Motion, autocorrelations
from al_loop.glass.estimate import Curve
from al_loop.units import Array


def velocities_of(frames: Sequence[Atoms]) -> Array:
    """Velocities (frames, atoms, 3) in Å/ps of ASE's configurations.

    Raises
    ------
    DatasetError
        A frame has none.
    """
    for i, atoms in enumerate(frames):
        if not atoms.has("momenta"):
            raise DatasetError(
                f"frame {i} has no velocities",
                remedy="dump them (LAMMPS: vx vy vz), or take finite_difference_velocities",
            )
    return np.array([atoms.get_velocities() for atoms in frames]) * (1000.0 * units.fs)


def finite_difference_velocities(positions: Array, dt: float) -> Array:
    """Velocities (frames - 2, atoms, 3) in Å/ps from unwrapped positions ``dt`` ps apart.

    Central differences: an oscillation of frequency f keeps sin(x)/x of its amplitude, with
    x = 2 pi f dt. At 1 fs 1.6 % of the power at 35 THz is lost, at 5 fs a third.

    Raises
    ------
    DatasetError
        Fewer than three frames.
    """
    if len(positions) < 3:
        raise DatasetError(f"{len(positions)} frames; velocities need 3 or more")
    velocities: Array = (positions[2:] - positions[:-2]) / (2.0 * dt)
    return velocities


def velocity_autocorrelation(
    velocities: Array,
    symbols: Sequence[str],
    dt: float,
    *,
    longest: float | None = None,
    drift: bool = False,
    masses: Array | None = None,
) -> dict[str, Curve]:
    """<v(t0) · v(t0 + t)> of each element over its atoms and all origins t0; Å²/ps² over ps.

    ``velocities`` (frames, atoms, 3) in Å/ps, ``dt`` ps apart; times up to ``longest`` ps (half of
    the trajectory unless said). The velocity of the centre of mass of all atoms is taken out
    unless ``drift``. ``masses`` (atoms,) in u, the elements' unless given. Errors are those of the
    mean over atoms, taken as independent.

    Raises
    ------
    DatasetError
        Velocities of the wrong shape or not finite, or the trajectory is shorter than ``longest``.
    """
    motion = Motion.of(velocities, symbols, dt, drift=drift, masses=masses, what="velocities")
    return motion.of_elements(autocorrelations, longest, "Å2/ps2")
