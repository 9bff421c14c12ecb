"""Curves of pair potentials: energy (eV) and its derivative (eV/Å) at distances (Å)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase.units import Bohr, Hartree
from scipy.special import erfc

from al_loop.units import Array

COULOMB = Hartree * Bohr
"""e2 / (4 pi epsilon_0), 14.39965 eV Å."""


@dataclass(frozen=True)
class Buckingham:
    """``A exp(-b r) - C / r6`` with the wall ``4 epsilon ((sigma/r)30 - (sigma/r)6)``.

    The sum is multiplied by ``exp(-width / (r - cutoff)2)``, so that energy, force and all
    further derivatives vanish at the cutoff (form: Carré et al., JCP 127, 114512 (2007)).
    """

    a: float
    """eV."""
    b: float
    """1/Å."""
    c: float
    """eV Å6."""
    epsilon: float
    """eV."""
    sigma: float
    """Å."""
    cutoff: float = 5.5
    """Å."""
    width: float = 0.05
    """Å2."""

    def __call__(self, r: Array) -> tuple[Array, Array]:
        """Energy and derivative at distances (pairs,); zero beyond the cutoff."""
        inside = r < self.cutoff
        x = r[inside]
        repulsion = self.a * np.exp(-self.b * x)
        wall = 4.0 * self.epsilon * (self.sigma / x) ** 30
        attraction = (4.0 * self.epsilon * self.sigma**6 + self.c) / x**6
        bare = repulsion + wall - attraction
        slope = -self.b * repulsion + (6.0 * attraction - 30.0 * wall) / x
        left = x - self.cutoff
        fade = np.exp(-self.width / left**2)
        energy, derivative = np.zeros_like(r), np.zeros_like(r)
        energy[inside] = bare * fade
        derivative[inside] = (slope + bare * 2.0 * self.width / left**3) * fade
        return energy, derivative


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


@dataclass(frozen=True)
class PairPotential:
    """Charges (e) by element, and short-range curves by pair of elements (alphabetical)."""

    name: str
    charges: dict[str, float]
    curves: dict[tuple[str, str], Buckingham]


BKS = PairPotential(
    name="bks",
    charges={"O": -1.2, "Si": 2.4},
    curves={
        ("O", "Si"): Buckingham(
            a=18003.7572, b=4.87318, c=133.5381, epsilon=0.003097948, sigma=1.313635
        ),
        ("O", "O"): Buckingham(
            a=1388.7730, b=2.76000, c=175.0000, epsilon=0.00105105048, sigma=1.779239
        ),
    },
)
"""Silica: van Beest, Kramer, van Santen, PRL 64, 1955 (1990). The wall, without which atoms fuse
in a hot melt, has the values of Saika-Voivod and co-workers."""

POTENTIALS: dict[str, PairPotential] = {"bks": BKS}
