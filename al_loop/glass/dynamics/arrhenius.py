"""Diffusion or conduction over temperature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.units import kB

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Estimate
from al_loop.glass.lines import Line, fit_line


@dataclass(frozen=True)
class Arrhenius:
    """X = X0 exp(-E / kT).

    ``activation_energy`` in eV. ``log_prefactor`` is ln X0, X0 in ``unit``: an extrapolation to
    infinite temperature has its error in the logarithm.
    """

    activation_energy: Estimate
    log_prefactor: Estimate
    unit: str
    line: Line

    @property
    def prefactor(self) -> float:
        """X0, in X's unit."""
        return float(np.exp(self.log_prefactor.value))

    def at(self, temperature: float) -> Estimate:
        """X at a temperature, K."""
        inverse = 1.0 / (kB * temperature)
        value = float(np.exp(self.line.at(inverse)))
        error = self.line.error_at(inverse)
        return Estimate(value, None if error is None else value * error, self.line.n, self.unit)


def arrhenius(temperatures: Sequence[float], values: Sequence[Estimate]) -> Arrhenius:
    """Fit ln X over 1/kT; ``temperatures`` in K. Weighted where all values have errors.

    For conductivities give sigma T, not sigma, if hops are what is meant.

    Raises
    ------
    DatasetError
        Fewer than two temperatures, or a value or temperature that is not positive.
    """
    if len(temperatures) != len(values):
        raise ValueError(f"{len(temperatures)} temperatures, {len(values)} values")
    for temperature, one in zip(temperatures, values, strict=True):
        if not (temperature > 0 and one.value > 0):
            raise DatasetError(
                f"{one} at {temperature:g} K: its logarithm is taken",
                remedy="leave out temperatures at which nothing moves",
            )
    inverse = 1.0 / (kB * np.asarray(temperatures, dtype=np.float64))
    logs = [np.log(one.value) for one in values]
    relative = [(one.error or 0.0) / one.value for one in values]
    line = fit_line(inverse, logs, relative if min(relative) > 0 else None)
    return Arrhenius(
        Estimate(-line.slope, line.slope_error, line.n, "eV"),
        Estimate(line.at(0.0), line.error_at(0.0), line.n),
        values[0].unit,
        line,
    )
