"""Density of states of a crystal, over its Brillouin zone."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator

from al_loop.errors import DatasetError
from al_loop.glass.vibrations.density import gaussian_spectrum
from al_loop.glass.vibrations.spectrum import Spectrum


def crystal_phonons(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    supercell: tuple[int, int, int],
    displacement: float = 0.01,
) -> Any:
    """A ``phonopy.Phonopy`` with force constants, by finite displacements (Å) in a supercell.

    Without long-range corrections (LO-TO splitting). The crystal's symmetry saves displacements.
    """
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    cell = PhonopyAtoms(
        symbols=atoms.get_chemical_symbols(),
        cell=atoms.cell.array,
        scaled_positions=atoms.get_scaled_positions(),
    )
    phonons = Phonopy(cell, supercell_matrix=np.diag(supercell), primitive_matrix=np.eye(3))
    phonons.generate_displacements(distance=displacement)
    forces = []
    for moved in phonons.supercells_with_displacements or ():
        one = Atoms(symbols=moved.symbols, positions=moved.positions, cell=moved.cell, pbc=True)
        one.calc = calculator
        forces.append(one.get_forces())
    phonons.forces = np.array(forces)
    phonons.produce_force_constants()
    phonons.symmetrize_force_constants()
    return phonons


def crystal_density_of_states(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    supercell: tuple[int, int, int],
    mesh: tuple[int, int, int] = (12, 12, 12),
    displacement: float = 0.01,
    broadening: float = 0.3,
    maximum: float = 50.0,
) -> Spectrum:
    """Density of states of a relaxed crystal on a ``mesh`` of wave vectors, by phonopy.

    ``atoms`` is a unit cell; ``supercell`` repeats it until forces have died out. ``broadening``
    and ``maximum`` in THz, as for a glass. Imaginary modes are missing in the integral.

    Raises
    ------
    DatasetError
        The mesh or the supercell has a number below one.
    """
    if min(*supercell, *mesh) < 1:
        raise DatasetError(f"supercell: {supercell}, mesh: {mesh}; all numbers must be 1 or more")
    phonons = crystal_phonons(atoms, calculator, supercell=supercell, displacement=displacement)
    phonons.run_mesh(mesh, with_eigenvectors=True, is_mesh_symmetry=False, is_gamma_center=True)
    vectors = np.abs(phonons.mesh.eigenvectors) ** 2  # (wave vectors, 3n, modes)
    symbols = np.array(phonons.primitive.symbols)
    shares = {
        str(name): vectors[:, np.repeat(symbols == name, 3)].sum(axis=1).ravel()
        for name in np.unique(symbols)
    }
    return gaussian_spectrum(
        phonons.mesh.frequencies.ravel(), shares, broadening=broadening, maximum=maximum
    )
