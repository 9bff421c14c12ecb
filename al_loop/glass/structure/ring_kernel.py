"""Searches for rings in a periodic network, compiled.

A network is given in compressed rows: the bonds of atom a are ``starts[a]`` to ``starts[a + 1]``.
An atom in an image of the cell is a node, ``image * atoms + atom``; ``steps`` of a bond leads from
the node of its first atom to that of its second. ``home`` is the node of atom 0 in the middle
image. So a path that comes back to another image of its origin is no ring. ``marks`` are random
numbers, one for each bond (the same from both ends and in all images): their sum, and where the
atoms are relative to each other, are the name of a ring.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Names = NDArray[np.uint64]
Found = tuple[Integers, Names, Integers]
"""Origin (rings,), name (rings,) and atoms around the ring (rings, atoms), -1 after the last."""

_BLOCKED = 30_000


def _more(rows: Integers) -> Integers:
    longer = np.full((2 * rows.shape[0], rows.shape[1]), -1, dtype=np.int64)
    longer[: rows.shape[0]] = rows
    return longer


def _more_names(names: Names) -> Names:
    longer = np.zeros(2 * names.shape[0], dtype=np.uint64)
    longer[: names.shape[0]] = names
    return longer


more: Callable[[Integers], Integers] = njit(cache=True)(_more)
more_names: Callable[[Names], Names] = njit(cache=True)(_more_names)


def _placed(nodes: Integers, length: int, atoms: int, sides: Integers) -> np.uint64:
    """A number for the nodes of a ring that is the same for all its images.

    Bonds alone do not tell rings apart in a cell so small that rings differ in images only.
    """
    sums = np.zeros(3, dtype=np.int64)
    for k in range(length):
        image = nodes[k] // atoms
        sums[0] += image // (sides[1] * sides[2])
        sums[1] += image // sides[2] % sides[1]
        sums[2] += image % sides[2]
    name = np.uint64(0)
    for k in range(length):
        image = nodes[k] // atoms
        x = length * (image // (sides[1] * sides[2])) - sums[0]
        y = length * (image // sides[2] % sides[1]) - sums[1]
        z = length * (image % sides[2]) - sums[2]
        code = ((x * 8_191 + y) * 8_191 + z) * 2_147_483_647 + nodes[k] % atoms
        mixed = np.uint64(code) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        name += mixed ^ (mixed >> np.uint64(31))
    return name


placed: Callable[[Integers, int, int, Integers], np.uint64] = njit(cache=True)(_placed)


def _shortest_path_rings(
    origins: Integers,
    starts: Integers,
    ends: Integers,
    steps: Integers,
    marks: Names,
    home: int,
    sides: Integers,
    longest: int,
    every_pair: bool,
) -> Found:
    atoms = len(starts) - 1
    nodes = atoms * sides[0] * sides[1] * sides[2]
    distance = np.full(nodes, -1, dtype=np.int16)
    queue = np.empty(nodes, dtype=np.int64)
    who = np.empty(nodes, dtype=np.int64)
    node_at = np.empty(longest, dtype=np.int64)
    atom_at = np.empty(longest, dtype=np.int64)
    bond_at = np.empty(longest, dtype=np.int64)
    name_at = np.empty(longest, dtype=np.uint64)
    rings = np.full((64, longest + 1), -1, dtype=np.int64)  # the origin, then the atoms
    names = np.zeros(64, dtype=np.uint64)
    count = 0
    for origin in origins:
        root = home + origin
        for first in range(starts[origin], starts[origin + 1]):
            lowest = first + 1 if every_pair else starts[origin]
            if lowest >= starts[origin + 1]:
                continue
            distance[root] = _BLOCKED
            queue[0], who[0] = root + steps[first], ends[first]
            distance[queue[0]] = 0
            head, tail, level = 0, 1, -1
            nearest = _BLOCKED
            while head < tail:
                node, atom = queue[head], who[head]
                here = distance[node]
                if here > level:
                    level = here
                    missing = 0
                    for last in range(lowest, starts[origin + 1]):
                        if last != first:
                            found = distance[root + steps[last]]
                            if found < 0:
                                missing += 1
                            else:
                                nearest = min(nearest, found)
                    if missing == 0 or here >= longest - 2:
                        break
                    if not every_pair and nearest < _BLOCKED:
                        break
                head += 1
                for bond in range(starts[atom], starts[atom + 1]):
                    other = node + steps[bond]
                    if distance[other] == -1:
                        distance[other] = here + 1
                        queue[tail], who[tail] = other, ends[bond]
                        tail += 1
            for last in range(lowest, starts[origin + 1]):
                far = distance[root + steps[last]]
                if last == first or far < 0 or far > longest - 2:
                    continue
                if not every_pair and far != nearest:
                    continue
                depth = 0
                node_at[0], atom_at[0] = root + steps[last], ends[last]
                bond_at[0] = starts[ends[last]]
                name_at[0] = marks[first] + marks[last]
                while depth >= 0:
                    if depth == far:
                        if count == len(rings):
                            rings, names = more(rings), more_names(names)
                        rings[count, 0] = origin
                        rings[count, 1] = origin
                        rings[count, 2 : far + 3] = atom_at[: far + 1]
                        node_at[far + 1] = root
                        names[count] = name_at[far] + placed(node_at, far + 2, atoms, sides)
                        count += 1
                        depth -= 1
                        continue
                    atom, bond = atom_at[depth], bond_at[depth]
                    if bond == starts[atom + 1]:
                        depth -= 1
                        continue
                    bond_at[depth] += 1
                    other = node_at[depth] + steps[bond]
                    if distance[other] == far - depth - 1:
                        name_at[depth + 1] = name_at[depth] + marks[bond]
                        depth += 1
                        node_at[depth], atom_at[depth] = other, ends[bond]
                        bond_at[depth] = starts[ends[bond]]
            for k in range(tail):
                distance[queue[k]] = -1
            distance[root] = -1
    return rings[:count, 0].copy(), names[:count].copy(), rings[:count, 1:].copy()


shortest_path_rings: Callable[..., Found] = njit(cache=True)(_shortest_path_rings)
"""Rings that close two bonds of an atom by a shortest path that does not use the atom.

With ``every_pair`` for each two bonds (King), else for each bond with the nearest of the others
(Guttman); all shortest paths; each ring as often as it is found.
"""
