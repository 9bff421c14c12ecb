"""Search for primitive rings in a periodic network, compiled; networks as in ``ring_kernel``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from al_loop.glass.structure.ring_kernel import Found, Integers, Names, more, more_names, placed

Steps = NDArray[np.int16]


def _closer_than(
    one: int,
    one_atom: int,
    other: int,
    other_atom: int,
    limit: int,
    starts: Integers,
    ends: Integers,
    steps: Integers,
    distance: Steps,
    back: Steps,
    queue: Integers,
    who: Integers,
) -> bool:
    """Whether two nodes are joined by a path of fewer than ``limit`` bonds.

    Balls around both are grown until their radii add up to limit - 1; two nodes are closer if
    the balls meet.
    """
    reach = (limit - 1) // 2
    queue[0], who[0] = one, one_atom
    distance[one] = 0
    head, tail = 0, 1
    while head < tail:
        node, atom = queue[head], who[head]
        if distance[node] == reach:
            break
        head += 1
        for bond in range(starts[atom], starts[atom + 1]):
            there = node + steps[bond]
            if distance[there] == -1:
                distance[there] = distance[node] + 1
                queue[tail], who[tail] = there, ends[bond]
                tail += 1
    middle = tail
    meets = False
    queue[middle], who[middle] = other, other_atom
    back[other] = 0
    head, tail = middle, middle + 1
    while head < tail:
        node, atom = queue[head], who[head]
        if distance[node] >= 0 and distance[node] + back[node] < limit:
            meets = True
            break
        head += 1
        if back[node] == limit - 1 - reach:
            continue
        for bond in range(starts[atom], starts[atom + 1]):
            there = node + steps[bond]
            if back[there] == -1:
                back[there] = back[node] + 1
                queue[tail], who[tail] = there, ends[bond]
                tail += 1
    for k in range(middle):
        distance[queue[k]] = -1
    for k in range(middle, tail):
        back[queue[k]] = -1
    return meets


closer_than: Callable[..., bool] = njit(cache=True)(_closer_than)


def _primitive_rings(
    origins: Integers,
    starts: Integers,
    ends: Integers,
    steps: Integers,
    marks: Names,
    is_origin: NDArray[np.bool_],
    home: int,
    sides: Integers,
    longest: int,
) -> Found:
    atoms = len(starts) - 1
    nodes = atoms * sides[0] * sides[1] * sides[2]
    half = longest // 2
    distance = np.full(nodes, -1, dtype=np.int16)
    one_ball = np.full(nodes, -1, dtype=np.int16)
    other_ball = np.full(nodes, -1, dtype=np.int16)
    queue = np.empty(nodes, dtype=np.int64)
    who = np.empty(nodes, dtype=np.int64)
    ball = np.empty(2 * nodes, dtype=np.int64)
    ball_who = np.empty(2 * nodes, dtype=np.int64)
    node_at = np.empty(half + 1, dtype=np.int64)
    atom_at = np.empty(half + 1, dtype=np.int64)
    bond_at = np.empty(half + 1, dtype=np.int64)
    name_at = np.empty(half + 1, dtype=np.uint64)
    paths = np.full((64, 2 * (half + 1)), -1, dtype=np.int64)  # nodes, then atoms
    path_names = np.zeros(64, dtype=np.uint64)
    ring = np.empty(2 * half, dtype=np.int64)
    ring_atoms = np.empty(2 * half, dtype=np.int64)
    rings = np.full((64, longest + 1), -1, dtype=np.int64)
    names = np.zeros(64, dtype=np.uint64)
    count = 0
    for origin in origins:
        root = home + origin
        queue[0], who[0] = root, origin
        distance[root] = 0
        head, tail = 0, 1
        while head < tail:
            node, atom = queue[head], who[head]
            if distance[node] == half:
                break
            head += 1
            for bond in range(starts[atom], starts[atom + 1]):
                other = node + steps[bond]
                if distance[other] == -1:
                    distance[other] = distance[node] + 1
                    queue[tail], who[tail] = other, ends[bond]
                    tail += 1
        for k in range(1, tail):
            far = distance[queue[k]]
            if far < 2 or (is_origin[who[k]] and who[k] < origin):
                continue
            # All shortest paths back to the root, without atoms that are roots of their own turn.
            found = 0
            depth = 0
            node_at[0], atom_at[0], bond_at[0] = queue[k], who[k], starts[who[k]]
            name_at[0] = 0
            while depth >= 0:
                if depth == far:
                    if found == len(paths):
                        paths, path_names = more(paths), more_names(path_names)
                    for s in range(far + 1):
                        paths[found, s] = node_at[s]
                        paths[found, half + 1 + s] = atom_at[s]
                    path_names[found] = name_at[far]
                    found += 1
                    depth -= 1
                    continue
                atom, bond = atom_at[depth], bond_at[depth]
                if bond == starts[atom + 1]:
                    depth -= 1
                    continue
                bond_at[depth] += 1
                other, end = node_at[depth] + steps[bond], ends[bond]
                if distance[other] == far - depth - 1 and not (is_origin[end] and end < origin):
                    name_at[depth + 1] = name_at[depth] + marks[bond]
                    depth += 1
                    node_at[depth], atom_at[depth], bond_at[depth] = other, end, starts[end]
            for a in range(found):
                for b in range(a + 1, found):
                    apart = True
                    for s in range(1, far):  # nodes of the same distance only can be the same
                        if paths[a, s] == paths[b, s]:
                            apart = False
                            break
                    if not apart:
                        continue
                    for s in range(far + 1):
                        ring[s] = paths[a, s]
                        ring_atoms[s] = paths[a, half + 1 + s]
                    for s in range(1, far):
                        ring[2 * far - s] = paths[b, s]
                        ring_atoms[2 * far - s] = paths[b, half + 1 + s]
                    # No shortcut anywhere if none between opposite nodes: it would shorten those.
                    whole = True
                    for s in range(1, far):
                        if closer_than(
                            ring[s],
                            ring_atoms[s],
                            ring[s + far],
                            ring_atoms[s + far],
                            far,
                            starts,
                            ends,
                            steps,
                            one_ball,
                            other_ball,
                            ball,
                            ball_who,
                        ):
                            whole = False
                            break
                    if not whole:
                        continue
                    if count == len(rings):
                        rings, names = more(rings), more_names(names)
                    rings[count, 0] = origin
                    rings[count, 1 : 2 * far + 1] = ring_atoms[: 2 * far]
                    bonds = path_names[a] + path_names[b]
                    names[count] = bonds + placed(ring, 2 * far, atoms, sides)
                    count += 1
        for k in range(tail):
            distance[queue[k]] = -1
    return rings[:count, 0].copy(), names[:count].copy(), rings[:count, 1:].copy()


primitive_rings: Callable[..., Found] = njit(cache=True)(_primitive_rings)
"""Rings without a shortcut (Franzblau, Phys. Rev. B 44, 4925 (1991)) through the origins.

The network is bipartite: every bond joins an atom of ``is_origin`` and one that is not, so that
all rings are even. A ring belongs to its origin with the smallest number.
"""
