"""Mean-square displacements of the species."""

from __future__ import annotations

from collections.abc import Sequence

from al_loop.glass.dynamics.correlate import Motion, squared_displacements
from al_loop.glass.estimate import Curve
from al_loop.units import Array


def mean_square_displacement(
    positions: Array,
    symbols: Sequence[str],
    dt: float,
    *,
    longest: float | None = None,
    drift: bool = False,
    masses: Array | None = None,
) -> dict[str, Curve]:
    """<|r(t0 + t) - r(t0)|²> of each element over its atoms and all origins t0; Å² over ps.

    ``positions`` (frames, atoms, 3) in Å are unwrapped paths (see :func:`unwrapped`), ``dt`` ps
    apart; times up to ``longest`` ps (half of the trajectory unless said). The motion of the centre
    of mass of all atoms is taken out unless ``drift``. ``masses`` (atoms,) in u, the elements'
    unless given. Errors are those of the mean over atoms, taken as independent.

    Raises
    ------
    DatasetError
        Positions of the wrong shape or not finite, or the trajectory is shorter than ``longest``.
    """
    motion = Motion.of(positions, symbols, dt, drift=drift, masses=masses, what="positions")
    return motion.of_elements(squared_displacements, longest, "Å2")
