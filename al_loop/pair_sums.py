"""Sums of a pair potential over a periodic frame, and what makes an ASE calculator of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from al_loop.calculator import FunctionCalculator
from al_loop.coulomb import DampedShiftedCoulomb
from al_loop.errors import PhysicsFault
from al_loop.pair_potentials import POTENTIALS, PairPotential
from al_loop.units import Array

MIN_DISTANCE = 0.5
"""Å; closer than this, the wall (1e10 eV) hides all other terms of the energy."""

Indices = NDArray[np.int64]


def pair_calculator(name: str) -> FunctionCalculator:
    """A published potential (``bks``, ``pmmcs``, ``du-teter``, ``shik``) as an ASE calculator."""
    potential = POTENTIALS[name]
    coulomb = coulomb_of(potential)
    return FunctionCalculator(lambda atoms: pair_sums(atoms, potential, coulomb))


def coulomb_of(potential: PairPotential) -> DampedShiftedCoulomb:
    """The electrostatics that a potential was made with."""
    return DampedShiftedCoulomb(alpha=potential.damping, cutoff=potential.coulomb_cutoff)


def pair_sums(
    atoms: Atoms, potential: PairPotential, coulomb: DampedShiftedCoulomb
) -> tuple[float, Array, Array]:
    """Energy (eV), forces (atoms, 3) in eV/Å and virial (3, 3) in eV of any periodic frame.

    Every pair (i, j, image) is counted from both ends. The virial is
    ``-1/2 sum dV/dr r_a r_b / r``, eV.

    Raises
    ------
    PhysicsFault
        An element that the potential does not know, or two atoms at nearly the same place.
    """
    from matscipy.neighbours import neighbour_list

    charges = _charges(atoms, potential)
    cutoff = max(coulomb.cutoff, potential.cutoff)
    first, second, r, vector = neighbour_list("ijdD", atoms=atoms, cutoff=cutoff)
    if len(r) and r.min() < MIN_DISTANCE:
        raise PhysicsFault(
            "atoms-too-close",
            f"two atoms are {r.min():.3g} Å apart, {MIN_DISTANCE} Å is the least",
            remedy="refuse such frames with select.min_distance",
        )
    energy, slope = _pairs(
        atoms, charges, potential=potential, coulomb=coulomb, first=first, second=second, r=r
    )
    pull = (slope / r)[:, None] * vector
    forces = np.empty((len(atoms), 3))
    for axis in range(3):
        forces[:, axis] = np.bincount(first, weights=pull[:, axis], minlength=len(atoms))
    total = 0.5 * float(energy.sum()) + coulomb.self_energy() * float((charges**2).sum())
    virial: Array = -0.5 * np.einsum("pa,pb->ab", pull, vector)
    return total, forces, virial


def _charges(atoms: Atoms, potential: PairPotential) -> Array:
    symbols = atoms.get_chemical_symbols()
    if unknown := sorted(set(symbols) - set(potential.charges)):
        raise PhysicsFault(
            "unknown-element",
            f"{potential.name} knows {', '.join(potential.charges)} but not {', '.join(unknown)}",
            remedy="use another labeller",
        )
    charges = potential.charges_of(Counter(symbols))
    return np.array([charges[symbol] for symbol in symbols])


def _pairs(
    atoms: Atoms,
    charges: Array,
    *,
    potential: PairPotential,
    coulomb: DampedShiftedCoulomb,
    first: Indices,
    second: Indices,
    r: Array,
) -> tuple[Array, Array]:
    """Energy and derivative of each pair."""
    energy, slope = coulomb(r)
    product = charges[first] * charges[second]
    energy, slope = energy * product, slope * product
    symbols = np.array(atoms.get_chemical_symbols())
    counts = Counter(atoms.get_chemical_symbols())
    for symbol, other in potential.pairs(counts):
        ahead = (symbols[first] == symbol) & (symbols[second] == other)
        chosen = ahead | ((symbols[first] == other) & (symbols[second] == symbol))
        chosen &= r < potential.cutoff
        short, force = potential.short_range(symbol, counts, other)(r[chosen])
        energy[chosen] += short
        slope[chosen] -= force
    return energy, slope
