"""Moves of single atoms, compiled: what one changes in the counts of pairs, and in the energy."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from al_loop.units import Array

Integers = NDArray[np.int64]


@njit(cache=True)
def weigh(  # type: ignore[no-untyped-def]
    atom, new, positions, kinds, box, pairs, least, width, delta, table, reach, images
):
    """What the move of an atom to ``new`` does: (allowed, change of the table's energy in eV).

    ``delta`` (pairs, bins) is filled with the change in the number of pairs by distance. Distances
    are those of the nearest images, so the last bin must end within half the ``box`` (3,).
    ``least`` (kinds, kinds) are squares of smallest distances, Å²: a move that brings two atoms
    closer than that is not allowed, unless it takes them apart. ``table`` (pairs, points) has
    energies over r², up to the square of ``reach``; ``images`` (n, 3) are the shifts that count.
    """
    delta[:] = 0
    bins, points = delta.shape[1], table.shape[1]
    step = reach * reach / (points - 1) if points > 1 else 1.0
    energy = 0.0
    here, there = np.empty(3), np.empty(3)
    for j in range(len(positions)):
        if j == atom:
            continue
        before, after = 0.0, 0.0
        for k in range(3):
            d = positions[atom, k] - positions[j, k]
            here[k] = d - box[k] * np.rint(d / box[k])
            d = new[k] - positions[j, k]
            there[k] = d - box[k] * np.rint(d / box[k])
            before += here[k] * here[k]
            after += there[k] * there[k]
        if after < least[kinds[atom], kinds[j]] and after < before:
            return False, 0.0
        pair = pairs[kinds[atom], kinds[j]]
        n = int(math.sqrt(before) / width)
        if n < bins:
            delta[pair, n] -= 1
        n = int(math.sqrt(after) / width)
        if n < bins:
            delta[pair, n] += 1
        if points > 1:
            for image in range(len(images)):
                old, now = 0.0, 0.0
                for k in range(3):
                    shift = images[image, k] * box[k]
                    old += (here[k] + shift) ** 2
                    now += (there[k] + shift) ** 2
                energy += _at(table, pair, now / step) - _at(table, pair, old / step)
    return True, energy


@njit(cache=True)
def _at(table, pair, place):  # type: ignore[no-untyped-def]
    """The table's energy between its points; zero beyond them."""
    n = int(place)
    if n >= table.shape[1] - 1:
        return 0.0
    part = place - n
    return (1.0 - part) * table[pair, n] + part * table[pair, n + 1]


@njit(cache=True)
def misfit(counts, delta, norm, goal, weight):  # type: ignore[no-untyped-def]
    """chi²: sum over curves and bins of weight (g - goal)², with g = sum of norm (counts + delta).

    ``norm`` (curves, pairs, bins), ``goal`` and ``weight`` (curves, bins).
    """
    total = 0.0
    for c in range(goal.shape[0]):
        for b in range(goal.shape[1]):
            if weight[c, b] > 0.0:
                g = 0.0
                for p in range(counts.shape[0]):
                    g += norm[c, p, b] * (counts[p, b] + delta[p, b])
                total += weight[c, b] * (g - goal[c, b]) ** 2
    return total


@njit(cache=True)
def run_moves(  # type: ignore[no-untyped-def]
    draws, wanted, chi2, positions, kinds, box, pairs, least, width, counts, norm, goal, weight,
    table, reach, images, step, beta,
):  # fmt: skip
    """Try a move for each row of ``draws`` (n, 5) until ``wanted`` are accepted.

    Metropolis on chi²/2 + beta E. ``positions`` and ``counts`` are changed in place. Returns
    (tried, accepted, chi², change of the energy).
    """
    delta = np.zeros_like(counts)
    new = np.empty(3)
    accepted, gained = 0, 0.0
    for n in range(len(draws)):
        if accepted == wanted:
            return n, accepted, chi2, gained
        atom = min(int(draws[n, 0] * len(positions)), len(positions) - 1)
        for k in range(3):
            new[k] = positions[atom, k] + step * (2.0 * draws[n, 1 + k] - 1.0)
            new[k] -= box[k] * math.floor(new[k] / box[k])
        allowed, energy = weigh(
            atom, new, positions, kinds, box, pairs, least, width, delta, table, reach, images
        )
        if not allowed:
            continue
        found = misfit(counts, delta, norm, goal, weight)
        cost = 0.5 * (found - chi2) + beta * energy
        if cost <= 0.0 or draws[n, 4] < math.exp(-cost):
            positions[atom] = new
            counts += delta
            chi2 = found
            gained += energy
            accepted += 1
    return len(draws), accepted, chi2, gained


@njit(cache=True)
def _count(positions, kinds, box, pairs, counts, width):  # type: ignore[no-untyped-def]
    for i in range(len(positions)):
        for j in range(i):
            total = 0.0
            for k in range(3):
                d = positions[i, k] - positions[j, k]
                d -= box[k] * np.rint(d / box[k])
                total += d * d
            n = int(math.sqrt(total) / width)
            if n < counts.shape[1]:
                counts[pairs[kinds[i], kinds[j]], n] += 1


def count(
    positions: Array, kinds: Integers, box: Array, pairs: Integers, *, bins: int, width: float
) -> Integers:
    """Number of pairs (pairs, bins) by distance of nearest images, each pair once."""
    counts = np.zeros((int(pairs.max()) + 1, bins), dtype=np.int64)
    _count(positions, kinds, box, pairs, counts, width)
    return counts
