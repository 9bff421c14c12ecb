"""Integrators: a walker and a configuration in, ASE dynamics out. Seeded."""

from __future__ import annotations

import numpy as np
from ase import Atoms, units
from ase.md.bussi import Bussi
from ase.md.md import MolecularDynamics
from ase.md.nose_hoover_chain import IsotropicMTKNPT

from al_loop.explore.ase_md.options import AseOptions
from al_loop.explore.interface import Walker
from al_loop.hashing import derive_seed
from al_loop.units import Array


def start_dynamics(atoms: Atoms, walker: Walker, options: AseOptions) -> MolecularDynamics:
    """Dynamics of a walker; ``atoms`` (with its calculator) gets velocities and is moved.

    NVT: Bussi, Donadio, Parrinello, J. Chem. Phys. 126, 014101 (2007). NPT: isotropic,
    Martyna, Tobias, Klein, J. Chem. Phys. 101, 4177 (1994).
    """
    atoms.set_momenta(_maxwell_boltzmann(atoms, walker))
    timestep = walker.timestep * units.fs
    if walker.ensemble == "npt":
        return IsotropicMTKNPT(
            atoms,
            timestep,
            temperature_K=walker.temperature,
            pressure_au=walker.pressure * units.GPa,
            tdamp=options.tdamp * units.fs,
            pdamp=options.pdamp * units.fs,
        )
    return Bussi(
        atoms,
        timestep,
        temperature_K=walker.temperature,
        taut=options.tdamp * units.fs,
        rng=np.random.default_rng(derive_seed(walker.seed, "thermostat")),
    )


def _maxwell_boltzmann(atoms: Atoms, walker: Walker) -> Array:
    """Momenta (atoms, 3) at the walker's temperature; the centre of mass is at rest."""
    generator = np.random.default_rng(derive_seed(walker.seed, "velocities"))
    masses = atoms.get_masses()[:, np.newaxis]
    spread = np.sqrt(masses * units.kB * walker.temperature)
    momenta: Array = generator.standard_normal((len(atoms), 3)) * spread
    momenta -= masses * momenta.sum(axis=0) / masses.sum()
    return momenta
