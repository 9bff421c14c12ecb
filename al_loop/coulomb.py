"""Electrostatics of fixed charges: energy (eV) and its derivative (eV/Å) at distances (Å)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase.units import Bohr, Hartree
from scipy.special import erfc

from al_loop.units import Array

COULOMB = Hartree * Bohr
"""e2 / (4 pi epsilon_0), 14.39965 eV Å."""


@dataclass(frozen=True)
class DampedShiftedCoulomb:
    """Damped shifted-force electrostatics (Fennell and Gezelter, JCP 124, 234104 (2006)).

    ``V(r) = v(r) - v(R) - v'(R) (r - R)`` with ``v(r) = erfc(alpha r) / r``, so that energy and
    force of a pair vanish at the cutoff R. The self term is that of LAMMPS' ``coul/dsf``: it
    moves no atom, but makes the energies comparable.
    """

    alpha: float
    """1/Å."""
    cutoff: float
    """Å."""

    def __call__(self, r: Array) -> tuple[Array, Array]:
        """Energy and derivative of two unit charges at distances (pairs,) below the cutoff."""
        value, slope = self._damped(r)
        end_value, end_slope = self._damped(np.array([self.cutoff]))
        energy = value - end_value - end_slope * (r - self.cutoff)
        return COULOMB * energy, COULOMB * (slope - end_slope)

    def self_energy(self) -> float:
        """Energy of a unit charge with its own neutralising shell, eV."""
        end_value, end_slope = self._damped(np.array([self.cutoff]))
        shift = float(end_value[0] - end_slope[0] * self.cutoff)
        return -COULOMB * (shift / 2.0 + self.alpha / float(np.sqrt(np.pi)))

    def _damped(self, r: Array) -> tuple[Array, Array]:
        value = erfc(self.alpha * r) / r
        gauss = 2.0 * self.alpha / np.sqrt(np.pi) * np.exp(-((self.alpha * r) ** 2))
        return value, -(value + gauss) / r
