"""Model deviation of a committee on one configuration."""

from __future__ import annotations

import numpy as np

from al_loop.units import Array


def force_deviation(forces: Array) -> tuple[float, float]:
    """Maximum and mean over atoms of the committee's force deviation, eV/Å.

    ``forces`` has shape (members, atoms, 3).
    """
    of_atoms = atomic_deviations(forces)
    return float(of_atoms.max()), float(of_atoms.mean())


def atomic_deviations(forces: Array) -> Array:
    """The committee's force deviation of each atom (atoms,), eV/Å.

    ``forces`` has shape (members, atoms, 3). Of atom i: sqrt(mean_k |F_ik - <F_i>|^2)
    (Zhang et al., Comput. Phys. Commun. 253, 107206 (2020), Eq. 1; DP-GEN, DeePMD-kit).
    """
    spread = forces - forces.mean(axis=0)
    deviations: Array = np.sqrt(np.mean(np.sum(spread**2, axis=2), axis=0))
    return deviations


def virial_deviation(virials: Array, atoms: int) -> float:
    """Largest component of the committee's virial deviation, eV per atom (DeePMD-kit).

    ``virials`` has shape (members, 3, 3), eV.
    """
    return float(np.std(virials / atoms, axis=0).max())
