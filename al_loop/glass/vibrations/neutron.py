"""Density of states as inelastic neutron scattering sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.integrate import trapezoid

from al_loop.glass.dynamics.correlate import standard_masses
from al_loop.glass.estimate import Curve
from al_loop.glass.scattering_lengths import neutron_lengths
from al_loop.glass.vibrations.spectrum import Spectrum
from al_loop.units import Array


def neutron_weights(
    symbols: Sequence[str], lengths: Mapping[str, float] | None = None
) -> dict[str, float]:
    """A b²/m of each element, A = Σ N m / Σ N b²; of silica Si 0.4355 and O 1.4955.

    Taraskin and Elliott, Phys. Rev. B 55, 117 (1997). ``lengths`` in fm go before the table's.
    """
    counts = Counter(symbols)
    b = neutron_lengths(counts, lengths)
    mass = dict(zip(counts, standard_masses(list(counts)), strict=True))
    scale = sum(n * mass[name] for name, n in counts.items())
    scale /= sum(n * b[name] ** 2 for name, n in counts.items())
    return {name: float(scale * b[name] ** 2 / mass[name]) for name in sorted(counts)}


def effective_neutron(
    spectrum: Spectrum,
    symbols: Sequence[str],
    *,
    lengths: Mapping[str, float] | None = None,
    renormalised: bool = True,
) -> Curve:
    """G_eff(f) = A Σ (b²/m) g(f) of the species; 1/THz over THz.

    ``symbols`` of all atoms. Its integral is not that of the density of states (1.142 of it in
    silica): it is scaled to it unless ``renormalised`` is False, so that shapes can be compared.

    Raises
    ------
    DatasetError
        The scattering length of an element is not known.
    """
    weights = neutron_weights(symbols, lengths)
    parts = [(weights[name], curve) for name, curve in spectrum.species.items()]
    total: Array = np.sum([weight * curve.y for weight, curve in parts], axis=0)
    scale = 1.0
    if renormalised:
        scale = float(trapezoid(spectrum.total.y, spectrum.total.x))
        scale /= float(trapezoid(total, spectrum.total.x))
    known = [weight * curve.error for weight, curve in parts if curve.error is not None]
    error: Array | None = None
    if len(known) == len(parts):
        error = np.sqrt(np.sum(np.square(known), axis=0)) * scale
    return Curve(spectrum.total.x, total * scale, error, spectrum.total.n, "THz", "1/THz")
