"""Coordination numbers, bond lengths, bridging and non-bridging oxygen, shared edges."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from al_loop.glass.estimate import Estimate, average
from al_loop.glass.structure.bonds import (
    FORMERS,
    Bonds,
    Integers,
    bond_cutoffs,
    couples,
    find_bonds,
)
from al_loop.glass.trajectory import Trajectory


@dataclass(frozen=True)
class FrameCoordination:
    """One frame: numbers of neighbours counted, mean lengths in Å, shared oxygens."""

    oxygens: dict[str, Integers]  # element -> how many atoms have 0, 1, ... oxygens
    formers: Integers  # how many oxygens have 0, 1, ... formers
    lengths: dict[str, float]  # pair -> mean bond length
    shared: Integers  # how many linked pairs of formers share 0 (never), 1, 2, ... oxygens


@dataclass(frozen=True)
class Coordination:
    """Coordination of a trajectory; all but ``means`` and ``lengths`` in percent.

    ``species``: ``Si-4`` is the part of silicon with four oxygens, ``O-1`` the part of oxygen with
    one former. ``means``: ``Si-O`` oxygens around a silicon, ``O-T`` formers around an oxygen.
    ``lengths``: mean length of the bonds of a pair, Å. ``bridging``, ``non_bridging``: oxygen with
    two or more formers, and with one. ``edge_sharing``: pairs of formers with two or more common
    oxygens, of the pairs that have any; None where no two formers are linked.
    """

    species: dict[str, Estimate]
    means: dict[str, Estimate]
    lengths: dict[str, Estimate]
    bridging: Estimate | None
    non_bridging: Estimate | None
    edge_sharing: Estimate | None


def coordination(
    trajectory: Trajectory,
    *,
    cutoffs: Mapping[str, float] | None = None,
    formers: Collection[str] = FORMERS,
) -> Coordination:
    """Coordination by oxygen and of oxygen; bonds are distances below a cutoff.

    Parameters
    ----------
    cutoffs
        Å per pair; those not given are :data:`~al_loop.glass.structure.bonds.CUTOFFS`.
    formers
        Elements between which oxygen bridges.
    """
    limits = bond_cutoffs(trajectory.elements, cutoffs)
    return coordination_of(
        [coordination_of_frame(find_bonds(atoms, limits), formers) for atoms in trajectory.frames]
    )


def coordination_of_frame(bonds: Bonds, formers: Collection[str] = FORMERS) -> FrameCoordination:
    """Count one frame."""
    oxygen = bonds.are(["O"])
    around = bonds.between(~oxygen, oxygen).degrees()
    linking = bonds.between(oxygen, bonds.are(formers))
    return FrameCoordination(
        oxygens={
            str(one): np.bincount(around[bonds.symbols == one]).astype(np.int64)
            for one in np.unique(bonds.symbols)
            if one != "O"
        },
        formers=np.bincount(linking.degrees()[oxygen]).astype(np.int64),
        lengths=_mean_lengths(bonds),
        shared=np.bincount(shared_oxygens(linking)).astype(np.int64),
    )


def _mean_lengths(bonds: Bonds) -> dict[str, float]:
    names, kinds = np.unique(bonds.symbols, return_inverse=True)
    pair = kinds[bonds.first] * len(names) + kinds[bonds.second]
    size = len(names) ** 2
    counts = np.bincount(pair, minlength=size)
    sums = np.bincount(pair, weights=bonds.lengths, minlength=size)
    return {
        f"{names[k // len(names)]}-{names[k % len(names)]}": float(sums[k] / counts[k])
        for k in np.flatnonzero(counts)
        if k // len(names) <= k % len(names)
    }


def shared_oxygens(linking: Bonds) -> Integers:
    """Common oxygens of each two formers that have any, from the bonds of oxygens to formers."""
    left, right = linking.pairs()
    ways = linking.shifts[right] - linking.shifts[left]
    pairs = couples(linking.second[left], linking.second[right], ways, atoms=linking.atoms)
    return np.unique(pairs, return_counts=True)[1].astype(np.int64)


def coordination_of(frames: Sequence[FrameCoordination]) -> Coordination:
    """Means over frames, with errors."""
    species: dict[str, Estimate] = {}
    means: dict[str, Estimate] = {}
    for element in frames[0].oxygens:
        histograms = [frame.oxygens[element] for frame in frames]
        species |= {f"{element}-{n}": part for n, part in percentages(histograms).items()}
        means[f"{element}-O"] = average([_mean(one) for one in histograms])
    bridging = non_bridging = None
    oxygens = [frame.formers for frame in frames]
    if oxygens[0].sum():
        species |= {f"O-{n}": part for n, part in percentages(oxygens).items()}
        means["O-T"] = average([_mean(one) for one in oxygens])
        bridging = average([100 * one[2:].sum() / one.sum() for one in oxygens], unit="%")
        non_bridging = average([100 * one[1:2].sum() / one.sum() for one in oxygens], unit="%")
    shared = [frame.shared for frame in frames]
    edges = None
    if all(one.sum() for one in shared):
        edges = average([100 * one[2:].sum() / one.sum() for one in shared], unit="%")
    lengths = {
        pair: average([one.lengths[pair] for one in frames], unit="Å")
        for pair in frames[0].lengths
        if all(pair in one.lengths for one in frames)
    }
    return Coordination(species, means, lengths, bridging, non_bridging, edges)


def percentages(histograms: Sequence[Integers]) -> dict[int, Estimate]:
    """Percent per number of neighbours, of the numbers that occur in any frame."""
    longest = max(map(len, histograms))
    table = np.array([np.pad(one, (0, longest - len(one))) for one in histograms], dtype=float)
    table *= 100.0 / table.sum(axis=1, keepdims=True)
    return {int(n): average(table[:, n], unit="%") for n in np.flatnonzero(table.any(axis=0))}


def _mean(histogram: Integers) -> float:
    return float(np.arange(len(histogram)) @ histogram / histogram.sum())
