"""Density of states of modes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from al_loop.glass.dynamics.correlate import atoms_by_species
from al_loop.glass.vibrations.modes import Modes
from al_loop.glass.vibrations.spectrum import Spectrum, frequency_grid, spectrum_of
from al_loop.units import Array


def mode_density_of_states(
    modes: Modes, *, broadening: float = 0.3, maximum: float = 50.0
) -> Spectrum:
    """Sum over modes of |e_i|² of each species' atoms, each mode under a Gaussian.

    ``broadening`` (standard deviation) and ``maximum`` in THz. The three translations are left
    out; imaginary modes are at negative frequencies, so that they are missing in the integral.
    """
    kept = np.setdiff1d(np.arange(len(modes.frequencies)), modes.translations)
    shares = {
        name: (modes.vectors[:, atoms] ** 2).sum(axis=(1, 2))[kept]
        for name, atoms in atoms_by_species(modes.symbols).items()
    }
    return gaussian_spectrum(
        modes.frequencies[kept], shares, broadening=broadening, maximum=maximum
    )


def gaussian_spectrum(
    frequencies: Array, shares: Mapping[str, Array], *, broadening: float, maximum: float
) -> Spectrum:
    """Modes (modes,) in THz under Gaussians; ``shares``: element -> (modes,), together one."""
    grid = frequency_grid(maximum, broadening)
    found = {name: np.zeros(len(grid)) for name in shares}
    norm = 1.0 / (len(frequencies) * broadening * np.sqrt(2 * np.pi))
    step = max(1, 4_000_000 // len(grid))
    for start in range(0, len(frequencies), step):
        some = slice(start, start + step)
        apart = (grid[:, None] - frequencies[some]) / broadening
        peaks = np.exp(-0.5 * apart**2) * norm
        for name, share in shares.items():
            found[name] += peaks @ share[some]
    return spectrum_of(grid, {name: (y, None) for name, y in found.items()}, n=1)
