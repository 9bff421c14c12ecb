"""Units and the few conversions that al_loop needs.

Everywhere: eV, Å, eV/Å, K, GPa, fs (time step) or ps (durations), g/cm3.
The virial is in eV with dpdata's sign: ``virial = -stress * volume`` where stress is
ASE's (positive when the cell is stretched), so a compressed cell has a positive virial.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms, units
from numpy.typing import NDArray

Array = NDArray[np.float64]

EV_PER_A3_IN_GPA: float = 1.0 / units.GPa
"""1 eV/Å3 in GPa (160.2177)."""

AMU_PER_A3_IN_G_PER_CM3: float = 1.0e24 / units.mol
"""1 u/Å3 in g/cm3 (1.66054)."""


def density(atoms: Atoms) -> float:
    """Mass density of a periodic configuration, g/cm3."""
    return float(atoms.get_masses().sum() / atoms.get_volume() * AMU_PER_A3_IN_G_PER_CM3)


def virial_from_stress(stress: Array, volume: float) -> Array:
    """Virial (3, 3) in eV from ASE's stress (3, 3) in eV/Å3 and the volume in Å3."""
    return -np.asarray(stress, dtype=np.float64) * volume


def stress_from_virial(virial: Array, volume: float) -> Array:
    """ASE's stress (3, 3) in eV/Å3 from the virial (3, 3) in eV."""
    return -np.asarray(virial, dtype=np.float64) / volume
