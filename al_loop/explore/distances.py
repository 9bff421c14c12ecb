"""Floors of the distances between atoms."""

from __future__ import annotations

from collections.abc import Mapping

from ase import Atoms
from matscipy.neighbours import neighbour_list


class DistanceFloors:
    """Smallest allowed distance per pair of elements; keys like ``O-Si``, Å."""

    def __init__(self, min_distance: Mapping[str, float]) -> None:
        self._cutoffs: dict[tuple[str, str], float] = {}
        for pair, distance in min_distance.items():
            first, second = pair.split("-")
            self._cutoffs[first, second] = distance

    def allow(self, atoms: Atoms) -> bool:
        """Whether no pair of a periodic configuration (images included) is too close."""
        present = set(atoms.get_chemical_symbols())
        cutoffs = {pair: d for pair, d in self._cutoffs.items() if present.issuperset(pair)}
        return not cutoffs or len(neighbour_list("i", atoms, cutoffs)) == 0
