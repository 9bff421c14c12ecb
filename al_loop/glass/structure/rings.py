"""Rings of the network of formers and oxygens, by the criteria of King, Guttman and Franzblau."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from al_loop.errors import DatasetError
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

Criterion = Literal["king", "guttman", "primitive"]
CRITERIA: tuple[Criterion, ...] = ("king", "guttman", "primitive")
LARGEST_RING = 12
"""Formers."""

_BATCH = 5000  # origins: bounds the memory of rings that are found many times


@dataclass(frozen=True)
class FrameRings:
    """Rings of a frame, each once.

    ``atoms`` (rings, 2 largest) lists the atoms around each ring, -1 after the last; ``sizes``
    (rings,) are formers in a ring, half of its atoms; ``at`` (formers, largest + 1) says whether
    a search from a former finds a ring of n formers.
    """

    atoms: Integers
    sizes: Integers
    at: NDArray[np.bool_]


@dataclass(frozen=True)
class Rings:
    """Ring statistics by the number n of formers in a ring (2n atoms), after R.I.N.G.S.

    ``per_former``: rings of n over formers (R_C). ``at``: percent of the formers from which a
    search finds at least one ring of n (P_N); ``largest``, ``smallest``: percent of those for which
    n is the largest, the smallest ring (P_max, P_min). ``mean_size``: mean n; None where a frame
    has no ring.
    """

    criterion: Criterion
    per_former: dict[int, Estimate]
    at: dict[int, Estimate]
    largest: dict[int, Estimate]
    smallest: dict[int, Estimate]
    mean_size: Estimate | None


def rings(
    trajectory: Trajectory,
    criterion: Criterion = "king",
    *,
    cutoffs: Mapping[str, float] | None = None,
    formers: Collection[str] = FORMERS,
    largest: int = LARGEST_RING,
) -> Rings:
    """Ring statistics of a network of formers that oxygens bridge.

    King (Nature 213, 1112 (1967)): the shortest rings through each two bonds of an atom. Guttman
    (J. Non-Cryst. Solids 116, 145 (1990)): the shortest through each bond. Primitive: rings
    without a shortcut (Franzblau, Phys. Rev. B 44, 4925 (1991); Goetzke and Klein, J. Non-Cryst.
    Solids 127, 215 (1991)). Searches start from every former and oxygen; of equally short paths
    all count; a ring counts once, however often it is found. A path that closes only across the
    periodic boundary is no ring.

    ``largest``: formers in the largest ring that is looked for.
    """
    limits = bond_cutoffs(trajectory.elements, cutoffs)
    frames = [
        rings_of_frame(atoms, criterion, cutoffs=limits, formers=formers, largest=largest)
        for atoms in trajectory.frames
    ]
    return rings_of(frames, criterion)


def rings_of_frame(
    atoms: Atoms,
    criterion: Criterion,
    *,
    cutoffs: Mapping[str, float],
    formers: Collection[str] = FORMERS,
    largest: int = LARGEST_RING,
) -> FrameRings:
    """Rings of one frame; ``cutoffs`` as :func:`bond_cutoffs` gives them."""
    from al_loop.glass.structure import primitive_kernel, ring_kernel  # import numba

    if criterion not in CRITERIA:
        raise DatasetError(
            f"{criterion!r} is no ring criterion", remedy=f"there are {', '.join(CRITERIA)}"
        )
    if not 2 <= largest <= 50:
        raise DatasetError(f"largest: {largest} formers", remedy="give 2 to 50")
    network = _network(atoms, cutoffs, formers, longest=2 * largest)
    graph = (network.starts, network.ends, network.steps, network.marks)
    room = (network.home, network.sides, 2 * largest)
    parts = []
    origins = np.flatnonzero(network.former) if criterion == "primitive" else network.linked
    for batch in np.array_split(origins, max(1, len(origins) // _BATCH)):
        if criterion == "primitive":
            found = primitive_kernel.primitive_rings(batch, *graph, network.former, *room)
        else:
            found = ring_kernel.shortest_path_rings(batch, *graph, *room, criterion == "king")
        parts.append(_once(*found))
    at = np.zeros((len(atoms), largest + 1), dtype=bool)
    for one in parts:
        at[one.origins, one.origin_sizes] = True
    names = np.concatenate([one.names for one in parts])
    members = np.concatenate([one.atoms for one in parts])[np.unique(names, return_index=True)[1]]
    sizes = (members >= 0).sum(axis=1) // 2
    if criterion == "primitive":
        at[members[members >= 0], np.repeat(sizes, 2 * sizes)] = True
    return FrameRings(members, sizes, at[network.former])


def rings_of(frames: Sequence[FrameRings], criterion: Criterion) -> Rings:
    """Means over frames, with errors; sizes that occur in no frame are absent."""
    width = frames[0].at.shape[1]
    counts = np.array([np.bincount(one.sizes, minlength=width) for one in frames])
    at = np.array([one.at.sum(axis=0) for one in frames])
    ends = [_ends(one.at) for one in frames]
    formers = np.array([len(one.at) for one in frames])[:, None]
    with np.errstate(invalid="ignore"):
        low = np.where(at > 0, 100.0 * np.array([one[0] for one in ends]) / at, np.nan)
        high = np.where(at > 0, 100.0 * np.array([one[1] for one in ends]) / at, np.nan)
    seen = [int(n) for n in np.flatnonzero(counts.any(axis=0))]
    means = [one.sizes.mean() for one in frames if len(one.sizes)]
    return Rings(
        criterion,
        {n: average(counts[:, n] / formers[:, 0]) for n in seen},
        {n: average(100.0 * at[:, n] / formers[:, 0], unit="%") for n in seen},
        {n: average(_there(high[:, n]), unit="%") for n in seen},
        {n: average(_there(low[:, n]), unit="%") for n in seen},
        average(means) if len(means) == len(frames) else None,
    )


@dataclass(frozen=True)
class _Once:
    names: NDArray[np.uint64]
    atoms: Integers
    origins: Integers
    origin_sizes: Integers


def _once(origins: Integers, names: NDArray[np.uint64], atoms: Integers) -> _Once:
    sizes = (atoms >= 0).sum(axis=1) // 2
    names, kept = np.unique(names, return_index=True)
    return _Once(names, atoms[kept], origins, sizes)


def _ends(at: NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """Formers whose smallest, and whose largest ring has n formers (largest + 1,) each."""
    some = at[at.any(axis=1)]
    width = at.shape[1]
    smallest = np.bincount(some.argmax(axis=1), minlength=width)
    biggest = np.bincount(width - 1 - some[:, ::-1].argmax(axis=1), minlength=width)
    return smallest.astype(np.int64), biggest.astype(np.int64)


def _there(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]


@dataclass(frozen=True)
class _Network:
    """The network as the kernels take it; ``linked`` are its atoms, ``former`` (atoms,) a mask."""

    starts: Integers
    ends: Integers
    steps: Integers
    marks: NDArray[np.uint64]
    former: NDArray[np.bool_]
    linked: Integers
    home: int
    sides: Integers


def _network(
    atoms: Atoms, cutoffs: Mapping[str, float], formers: Collection[str], *, longest: int
) -> _Network:
    inside = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    inside.wrap()
    bonds = find_bonds(inside, cutoffs)
    former, oxygen = bonds.are(formers), bonds.are(["O"])
    if not former.any():
        raise DatasetError(
            f"no network former ({', '.join(formers)}) in {atoms.get_chemical_formula()}",
            remedy="name the elements of the network with `formers`",
        )
    bonds = _without_ends(bonds.only(former[bonds.first] ^ former[bonds.second]), former | oxygen)
    reach = _images(inside, bonds, longest)
    sides = 2 * reach + 1
    images = (bonds.shifts[:, 0] * sides[1] + bonds.shifts[:, 1]) * sides[2] + bonds.shifts[:, 2]
    middle = (reach[0] * sides[1] + reach[1]) * sides[2] + reach[2]
    codes = couples(bonds.first, bonds.second, bonds.shifts, atoms=len(atoms))
    _, who = np.unique(codes, return_inverse=True)
    generator = np.random.default_rng(0)
    marks = generator.integers(0, np.iinfo(np.uint64).max, len(who), dtype=np.uint64)[who]
    return _Network(
        bonds.starts(),
        bonds.second,
        images * len(atoms) + bonds.second - bonds.first,
        marks,
        former,
        np.flatnonzero(bonds.degrees() > 1),
        int(middle) * len(atoms),
        sides,
    )


def _without_ends(bonds: Bonds, network: NDArray[np.bool_]) -> Bonds:
    """Bonds of the network without those that lead to a dead end: no ring goes through them."""
    bonds = bonds.between(network, network)
    while True:
        inner = bonds.degrees() > 1
        if inner[bonds.first].all():
            return bonds
        bonds = bonds.between(inner, inner)


def _images(atoms: Atoms, bonds: Bonds, longest: int) -> Integers:
    """How many images away, along each axis, half of a longest ring (and a bit) can end."""
    widths = 1.0 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    way = longest * bonds.lengths.max(initial=0.0)
    return np.asarray(np.floor(way / widths) + 1, dtype=np.int64)
