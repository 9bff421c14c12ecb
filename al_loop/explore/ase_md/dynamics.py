"""Integrators: a walker's leg and a configuration in, ASE dynamics out. Seeded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase import Atoms, units
from ase.md.bussi import Bussi
from ase.md.md import MolecularDynamics
from ase.md.nose_hoover_chain import IsotropicMTKNPT

from al_loop.explore.ase_md.options import AseOptions
from al_loop.explore.interface import Walker
from al_loop.explore.legs import begins, pressure_at, stretch_at, temperature_at
from al_loop.hashing import derive_seed
from al_loop.units import Array


def give_velocities(atoms: Atoms, walker: Walker) -> None:
    """Velocities of the walker's first temperature; the centre of mass is at rest."""
    generator = np.random.default_rng(derive_seed(walker.seed, "velocities"))
    masses = atoms.get_masses()[:, np.newaxis]
    spread = np.sqrt(masses * units.kB * walker.temperature_at(0))
    momenta: Array = generator.standard_normal((len(atoms), 3)) * spread
    momenta -= masses * momenta.sum(axis=0) / masses.sum()
    atoms.set_momenta(momenta)


class Dynamics:
    """One leg of a walker; ``atoms`` (with calculator and velocities) is moved.

    NVT: Bussi, Donadio, Parrinello, J. Chem. Phys. 126, 014101 (2007). NPT: isotropic,
    Martyna, Tobias, Klein, J. Chem. Phys. 101, 4177 (1994).
    """

    def __init__(
        self, atoms: Atoms, walker: Walker, options: AseOptions, *, leg: int, start: Array
    ) -> None:
        """``start`` is the cell (3, 3) with which the walker begins, Å."""
        self._atoms = atoms
        self._start = start
        self._walker = walker
        self._leg = walker.legs[leg]
        self._begin = begins(walker.legs)[leg]
        self._end = self._begin + self._leg.steps
        timestep = walker.timestep * units.fs
        self.integrator: Bussi | IsotropicMTKNPT
        if self._leg.ensemble == "npt":
            self.integrator = IsotropicMTKNPT(
                atoms,
                timestep,
                temperature_K=self._leg.temperature[0],
                pressure_au=self._leg.pressure[0] * units.GPa,
                tdamp=options.tdamp * units.fs,
                pdamp=options.pdamp * units.fs,
            )
            # As LAMMPS does, the chains' masses follow the temperature: tdamp stays what it is.
            kt = self.integrator._kT
            self._chain = self.integrator._thermostat._Q / kt
            self._barostat_chain = self.integrator._barostat._R / kt
        else:
            self.integrator = Bussi(
                atoms,
                timestep,
                temperature_K=self._leg.temperature[0],
                taut=options.tdamp * units.fs,
                rng=np.random.default_rng(derive_seed(walker.seed, "thermostat", leg)),
            )
        self.integrator.nsteps = self._begin

    def run(self) -> Iterator[int]:
        """Integrate from where the integrator is to the end of the leg; the steps, one by one.

        The first is the one where it is. Targets are those of the step to come.
        """
        here = self.integrator.nsteps
        integrator: MolecularDynamics = self.integrator
        for _ in integrator.irun(self._end - here):
            step = self.integrator.nsteps
            if step > here and self._leg.deforms:
                self._deform(step)
            yield step
            if step < self._end:
                self._aim(step + 1)

    def _deform(self, step: int) -> None:
        factors = np.array(stretch_at(self._walker.legs, step))
        self._atoms.set_cell(self._start * factors[:, np.newaxis], scale_atoms=True)

    def _aim(self, step: int) -> None:
        legs, integrator = self._walker.legs, self.integrator
        kt = units.kB * temperature_at(legs, step)
        if isinstance(integrator, Bussi):
            integrator.temp = kt
            integrator.target_kinetic_energy = 0.5 * kt * integrator.ndof
            return
        thermostat, barostat = integrator._thermostat, integrator._barostat
        integrator._kT = thermostat._kT = barostat._kT = kt
        thermostat._Q = self._chain * kt
        barostat._R = self._barostat_chain * kt
        integrator._pressure_au = pressure_at(legs, step) * units.GPa
