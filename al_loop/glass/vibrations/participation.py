"""How many atoms take part in a mode."""

from __future__ import annotations

from al_loop.glass.vibrations.modes import Modes
from al_loop.units import Array


def participation_ratios(modes: Modes) -> Array:
    """1 / (N Σ_i |e_i|⁴) of each mode (3N,): 1 where all atoms take part alike, 1/N for one atom.

    With mass-weighted eigenvectors e; after Bell and Dean, Discuss. Faraday Soc. 50, 55 (1970).
    """
    squares = (modes.vectors**2).sum(axis=2)
    ratios: Array = 1.0 / (squares.shape[1] * (squares**2).sum(axis=1))
    return ratios
