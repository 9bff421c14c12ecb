"""Random boxes: a formula at a density, no two atoms closer than they may be.

Atoms are put in one after another at random places that keep their distances; those for which
no such place is found after a bounded number of draws take the best place that was drawn, and a
short relaxation under a soft repulsion, which is zero beyond the smallest distances, takes the
overlaps away (random sequential placement alone jams well below the density of a glass).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers, covalent_radii
from ase.formula import Formula
from matscipy.neighbours import neighbour_list
from numpy.typing import NDArray
from scipy.optimize import minimize

from al_loop.distances import closest_contact
from al_loop.errors import StructureError
from al_loop.units import AMU_PER_A3_IN_G_PER_CM3, Array

_FEWEST, _MOST = 2, 8  # attempts; whether a large box jams hardly depends on the draws
_ROUNDS, _DRAWS = 12, 5  # places that are tried for an atom: rounds of so many draws
_RELAXATION_STEPS = 400
_MARGIN = 1.02  # the repulsion reaches a little further than the distance that is asked for
_CLOSEST_PACKING = np.pi / np.sqrt(18)  # Kepler: no packing of equal spheres is denser

_TO_OXYGEN, _OTHERS = 0.85, 2.0
"""Smallest distances of a box that will be melted: times the covalent radii; Å."""


def usual_distances(elements: Iterable[str]) -> dict[str, float]:
    """Smallest distance of each pair of elements in a random box that will be melted, Å."""
    radii = {s: float(covalent_radii[atomic_numbers[s]]) for s in elements}
    return {
        f"{a}-{b}": _TO_OXYGEN * (radii[a] + radii[b]) if (a == "O") != (b == "O") else _OTHERS
        for a, b in combinations_with_replacement(sorted(radii), 2)
    }


def pack(
    formula: str,
    *,
    atoms: int,
    density: float,
    min_distance: Mapping[str, float],
    seed: int,
    key: str = "structure",
) -> Atoms:
    """Cubic periodic box of ``atoms`` atoms at ``density`` (g/cm3), the same for the same seed.

    ``min_distance``: smallest distance (Å) of each pair of the formula's elements, keys like
    ``O-Si``. ``key`` is how errors call the structure, for example ``structures.melt``.

    Raises
    ------
    StructureError
        The number of atoms is no whole number of formula units, a pair has no distance, or
        the density cannot be packed with these distances.
    """
    symbols = _symbols(formula, atoms, key)
    _check_pairs(set(symbols), min_distance, key)
    numbers = np.array([atomic_numbers[symbol] for symbol in symbols])
    mass = float(atomic_masses[numbers].sum())
    length = float((mass * AMU_PER_A3_IN_G_PER_CM3 / density) ** (1 / 3))
    _check_room(symbols, length, min_distance, density, key)
    limits = _limits(symbols, min_distance)
    generator = np.random.default_rng(seed)
    attempts = min(_MOST, max(_FEWEST, 400 // atoms))
    for _ in range(attempts):
        box = _box(numbers, _insert(limits, length, generator), length)
        if closest_contact(box, min_distance) is not None:
            box = _box(numbers, _push_apart(box.positions, limits, length), length)
        if closest_contact(box, min_distance) is None:
            return box
    raise StructureError(
        f"{atoms} atoms of {formula} at {density:g} g/cm3 could not be packed with these "
        f"smallest distances in {attempts} attempts",
        where=f"{key}.density",
        remedy=f"lower the density or the distances of {key}.min_distance",
    )


def _symbols(formula: str, atoms: int, key: str) -> list[str]:
    """Elements of all atoms, rarest first in the formula's count, so that large cations lead."""
    try:
        counts: dict[str, int] = Formula(formula).count()
    except ValueError:
        counts = {}
    if not counts or not all(symbol in atomic_numbers for symbol in counts):
        raise StructureError(f"{formula!r} is not a formula such as SiO2", where=f"{key}.formula")
    unit = sum(counts.values())
    units, rest = divmod(atoms, unit)
    if rest or units == 0:
        near = [n for n in (units * unit, (units + 1) * unit) if n > 0]
        raise StructureError(
            f"{atoms} atoms are no whole number of {formula} units of {unit} atoms",
            where=f"{key}.atoms",
            remedy=f"take {' or '.join(map(str, near))}",
        )
    return [
        s for s in sorted(counts, key=lambda s: (counts[s], s)) for _ in range(counts[s] * units)
    ]


def _check_pairs(present: set[str], min_distance: Mapping[str, float], key: str) -> None:
    pairs = ["-".join(pair) for pair in combinations_with_replacement(sorted(present), 2)]
    if missing := [pair for pair in pairs if pair not in min_distance]:
        raise StructureError(
            f"no smallest distance is given for {', '.join(missing)}", where=f"{key}.min_distance"
        )


def _check_room(
    symbols: list[str],
    length: float,
    min_distance: Mapping[str, float],
    density: float,
    key: str,
) -> None:
    """Refuse at once what no arrangement can do: like atoms are hard spheres in a volume."""
    for symbol in sorted(set(symbols)):
        diameter = min_distance[f"{symbol}-{symbol}"]
        filled = symbols.count(symbol) * np.pi / 6 * diameter**3 / length**3
        if filled > _CLOSEST_PACKING or diameter > length:
            possible = density * _CLOSEST_PACKING / filled
            raise StructureError(
                f"{symbol} atoms {diameter:g} Å apart cannot be packed at {density:g} g/cm3: as "
                f"spheres they fill {filled:.0%} of a box of {length:.2f} Å, and no packing "
                f"fills more than {_CLOSEST_PACKING:.0%}",
                where=f"{key}.density",
                remedy=f"below {possible:.3g} g/cm3 there may be room; or lower "
                f"{key}.min_distance; or take more atoms if the box is too small",
            )


def _limits(symbols: list[str], min_distance: Mapping[str, float]) -> Array:
    """(atoms, atoms) smallest distances, Å."""
    kinds, index = np.unique(symbols, return_inverse=True)
    table = np.array([[min_distance["-".join(sorted((a, b)))] for b in kinds] for a in kinds])
    limits: Array = table[index][:, index]
    return limits


def _insert(limits: Array, length: float, generator: np.random.Generator) -> Array:
    """Places drawn one after another; (atoms, 3) in Å."""
    positions = np.zeros((len(limits), 3))
    for n in range(len(limits)):
        best = -np.inf
        for _ in range(_ROUNDS):
            trials = generator.random((_DRAWS, 3)) * length
            apart = trials[:, None, :] - positions[None, :n]
            apart -= length * np.rint(apart / length)
            gaps = np.sqrt((apart**2).sum(axis=2)) - limits[n, :n]
            room = gaps.min(axis=1, initial=length)
            chosen = int(np.argmax(room >= 0)) if room.max() >= 0 else int(np.argmax(room))
            if room[chosen] > best:
                best, positions[n] = float(room[chosen]), trials[chosen]
            if best >= 0:
                break
    return positions


def _box(numbers: NDArray[np.int64], positions: Array, length: float) -> Atoms:
    """Rounded, so that the last bits of another machine's arithmetic make no other box."""
    inside = np.round(positions % length, 4)
    return Atoms(numbers=numbers, positions=inside, cell=[length] * 3, pbc=True)


def _push_apart(positions: Array, limits: Array, length: float) -> Array:
    """Positions (atoms, 3) after minimising sum over close pairs of (reach - distance)^2 / 2."""
    reach = limits * _MARGIN
    cutoff = float(reach.max())
    cell = np.eye(3) * length

    def energy(flat: Array) -> tuple[float, Array]:
        i, j, d, vectors = _pairs(flat.reshape(-1, 3), cell, cutoff)
        overlap = reach[i, j] - d
        close = overlap > 0
        i, overlap = i[close], overlap[close]
        # Both directions of a pair are listed: half the energy, and the full force on i.
        push = (overlap / np.maximum(d[close], 1e-9))[:, None] * vectors[close]
        gradient: Array = np.stack(
            [np.bincount(i, push[:, k], len(limits)) for k in range(3)], axis=1, dtype=np.float64
        )
        return float((overlap**2).sum() / 4), gradient.ravel()

    relaxed = minimize(
        energy,
        positions.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _RELAXATION_STEPS, "ftol": 0.0, "gtol": 1e-9},
    )
    apart: Array = relaxed.x.reshape(-1, 3)
    return apart


def _pairs(
    positions: Array, cell: Array, cutoff: float
) -> tuple[NDArray[np.int32], NDArray[np.int32], Array, Array]:
    """Indices i, j, distances and vectors from i to j of all pairs within the cutoff."""
    i, j, d, vectors = neighbour_list(
        "ijdD", positions=positions, cell=cell, pbc=np.ones(3, dtype=bool), cutoff=cutoff
    )
    return i, j, d, vectors
