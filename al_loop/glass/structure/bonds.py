"""Who is bonded to whom: neighbours within a cutoff per pair of elements."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray

from al_loop.errors import DatasetError
from al_loop.units import Array

Integers = NDArray[np.int64]

CUTOFFS: Mapping[str, float] = {
    "Al-O": 2.4,
    "B-O": 1.95,
    "Ba-O": 3.7,
    "Ca-O": 3.1,
    "Ge-O": 2.3,
    "K-O": 3.6,
    "Li-O": 2.7,
    "Mg-O": 2.7,
    "Na-O": 3.1,
    "O-P": 2.0,
    "O-Si": 2.2,
    "O-Sr": 3.3,
    "O-Ti": 2.5,
    "O-Zn": 2.6,
    "O-Zr": 2.8,
}
"""Å: near the first minimum of g(r) of oxide glasses. Coordination of modifiers (Na, K, ...)
depends on them, that of formers hardly. Give your own where it matters."""

FORMERS = ("Al", "B", "Ge", "P", "Si")
"""Network formers: oxygen between two of them bridges."""


def check_cutoffs(given: Mapping[str, float]) -> dict[str, float]:
    """The same with pairs in the order of the alphabet; DatasetError where one cannot be meant."""
    chosen = {}
    for pair, cutoff in given.items():
        names = pair.split("-")
        if len(names) != 2 or not all(name in atomic_numbers for name in names):
            raise DatasetError(
                f"{pair!r} is no pair of elements", where="cutoffs", remedy="write it like Si-O"
            )
        if not 0.0 < cutoff < 20.0:
            raise DatasetError(f"{pair}: {cutoff} Å", where="cutoffs", remedy="give Å, 0 to 20")
        chosen["-".join(sorted(names))] = cutoff
    return chosen


def bond_cutoffs(
    elements: Collection[str], given: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Å per pair (``O-Si``, alphabetical) of the elements present: what is given, else defaults.

    Raises
    ------
    DatasetError
        A name or number is wrong, or no pair of these elements has a cutoff.
    """
    chosen = {**CUTOFFS, **check_cutoffs(given or {})}
    present = {
        pair: cutoff
        for pair, cutoff in sorted(chosen.items())
        if set(pair.split("-")) <= set(elements)
    }
    if not present:
        raise DatasetError(
            f"there is no cutoff for any pair of {', '.join(sorted(elements))}",
            where="cutoffs",
            remedy="give one for each bond, for example cutoffs={'Si-N': 2.2}, in Å",
        )
    return present


@dataclass(frozen=True)
class Bonds:
    """Bonds of a frame, each from both of its ends, sorted by the first atom.

    ``symbols`` (atoms,); ``first``, ``second`` (bonds,) are atoms; ``vectors`` (bonds, 3) from
    first to second and ``lengths`` (bonds,), Å; ``shifts`` (bonds, 3) say in which image of the
    cell the second atom is.
    """

    symbols: NDArray[np.str_]
    first: Integers
    second: Integers
    vectors: Array
    lengths: Array
    shifts: Integers

    @property
    def atoms(self) -> int:
        """Number of atoms, bonded or not."""
        return len(self.symbols)

    def are(self, elements: Collection[str]) -> NDArray[np.bool_]:
        """Which atoms are of these elements (atoms,)."""
        return np.isin(self.symbols, list(elements))

    def between(self, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Bonds:
        """The bonds from atoms marked in ``first`` to atoms marked in ``second``, (atoms,) each."""
        return self.only(first[self.first] & second[self.second])

    def only(self, kept: NDArray[np.bool_]) -> Bonds:
        """The bonds that are marked (bonds,)."""
        return Bonds(
            self.symbols,
            self.first[kept],
            self.second[kept],
            self.vectors[kept],
            self.lengths[kept],
            self.shifts[kept],
        )

    def degrees(self) -> Integers:
        """Number of bonds that begin at each atom (atoms,)."""
        return np.bincount(self.first, minlength=self.atoms).astype(np.int64)

    def starts(self) -> Integers:
        """Where each atom's bonds begin (atoms + 1,)."""
        return np.concatenate([[0], np.cumsum(self.degrees())])

    def pairs(self) -> tuple[Integers, Integers]:
        """Every two bonds that begin at one atom, as indices of bonds, each two once."""
        degrees, starts = self.degrees(), self.starts()
        left: list[Integers] = [np.empty(0, dtype=np.int64)]
        right = left.copy()
        for degree in np.unique(degrees[degrees > 1]):
            a, b = np.triu_indices(degree, 1)
            base = starts[:-1][degrees == degree, None]
            left.append((base + a).ravel())
            right.append((base + b).ravel())
        return np.concatenate(left), np.concatenate(right)


def couples(first: Integers, second: Integers, shifts: Integers, *, atoms: int) -> Integers:
    """A number for each two atoms (n,), the same from both ends and for all their images.

    ``shifts`` (n, 3): the cell of the second atom, seen from the first.
    """
    reach = int(np.abs(shifts).max(initial=0))
    base = 2 * reach + 1
    x, y, z = shifts.T
    code = ((x + reach) * base + y + reach) * base + z + reach
    images = base**3
    turned = (first > second) | ((first == second) & (code < images // 2))
    code = np.where(turned, images - 1 - code, code)
    low, high = np.minimum(first, second), np.maximum(first, second)
    return np.asarray((low * atoms + high) * images + code, dtype=np.int64)


def find_bonds(atoms: Atoms, cutoffs: Mapping[str, float]) -> Bonds:
    """Bonds of a frame, with cutoffs (Å) per pair as :func:`bond_cutoffs` gives them."""
    from matscipy.neighbours import neighbour_list

    limits = {tuple(pair.split("-")): cutoff for pair, cutoff in cutoffs.items()}
    first, second, vectors, lengths, shifts = neighbour_list("ijDdS", atoms, limits)
    return Bonds(
        np.array(atoms.get_chemical_symbols()),
        first.astype(np.int64),
        second.astype(np.int64),
        vectors,
        lengths,
        shifts.astype(np.int64),
    )
