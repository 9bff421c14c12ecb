"""Solids of which forces, Hessian and elastic constants are known analytically (matscipy)."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk
from matscipy.calculators.pair_potential import LennardJonesQuadratic, PairPotential

from al_loop.glass.relax import relaxed

CUTOFF = 7.5  # Å; energy, force and stiffness go to zero there
PAIRS = {
    pair: LennardJonesQuadratic(0.0104, sigma, CUTOFF)  # eV, Å
    for pair, sigma in {(18, 18): 3.40, (18, 36): 3.60, (36, 36): 3.80}.items()
}


def lennard_jones() -> PairPotential:
    """Argon and a krypton that is somewhat larger."""
    return PairPotential(PAIRS)


def layers() -> PairPotential:
    """The same, with a krypton that holds to itself five times as strongly."""
    strong = LennardJonesQuadratic(0.06, 3.60, CUTOFF)
    return PairPotential({**PAIRS, (36, 36): strong})


def layered() -> Atoms:
    """Layers of argon and krypton in turn, tetragonal, near to rest under :func:`layers`."""
    places = [(0.0, 0.0, 0.0), (0.5, 0.5, 0.5)]
    return Atoms("ArKr", scaled_positions=places, cell=[4.05, 4.05, 5.5], pbc=True)


def argon(repeat: int = 2, *, a: float = 5.26) -> Atoms:
    return bulk("Ar", "fcc", a=a, cubic=True) * (repeat, repeat, repeat)


def alloy() -> Atoms:
    """Sixteen atoms of two sizes at random, at rest without stress: no symmetry is left."""
    atoms = bulk("Ar", "fcc", a=5.6, cubic=True) * (2, 2, 1)
    larger = np.random.default_rng(1).permutation(16)[:7]
    atoms.symbols[larger] = "Kr"
    atoms.rattle(0.05, seed=1)
    return relaxed(atoms, lennard_jones(), cell="free", force=1e-6)
