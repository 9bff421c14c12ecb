"""Sums of a pair potential over a periodic frame."""

from __future__ import annotations

from collections import Counter

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from al_loop.errors import PhysicsFault
from al_loop.label.interface import Label
from al_loop.label.pair.coulomb import DampedShiftedCoulomb
from al_loop.pair_potentials import PairPotential
from al_loop.units import Array

MIN_DISTANCE = 0.5
"""Å; closer than this, the wall (1e10 eV) hides all other terms of the energy."""

Indices = NDArray[np.int64]


def pair_label(atoms: Atoms, potential: PairPotential, coulomb: DampedShiftedCoulomb) -> Label:
    """Energy, forces and virial of a periodic frame of any shape and size.

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
    return Label(
        energy=0.5 * float(energy.sum()) + coulomb.self_energy() * float((charges**2).sum()),
        forces=forces,
        virial=-0.5 * np.einsum("pa,pb->ab", pull, vector),
    )


def _charges(atoms: Atoms, potential: PairPotential) -> Array:
    symbols = atoms.get_chemical_symbols()
    if unknown := sorted(set(symbols) - set(potential.charges)):
        raise PhysicsFault(
            "unknown-element",
            f"{potential.name} knows {', '.join(potential.charges)} but not {', '.join(unknown)}",
            remedy="use another labeller",
        )
    return np.array([potential.charges[symbol] for symbol in symbols])


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
    for symbol in sorted(counts):
        ahead = (symbols[first] == symbol) & (symbols[second] == "O")
        chosen = ahead | ((symbols[first] == "O") & (symbols[second] == symbol))
        chosen &= r < potential.cutoff
        short, force = potential.short_range(symbol, counts)(r[chosen])
        energy[chosen] += short
        slope[chosen] -= force
    return energy, slope
