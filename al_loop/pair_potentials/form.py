"""What all published pair potentials are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from al_loop.units import Array

Short = Callable[[Array], tuple[Array, Array]]
"""Distances (n,) in Å to energies (n,) in eV and radial forces -dV/dr (n,) in eV/Å."""


@dataclass(frozen=True)
class PairPotential:
    """A potential of which the parameters are published.

    ``charges`` in e. ``cutoff`` of the short-range part and ``coulomb_cutoff`` in Å, ``damping`` of
    the Coulomb sum in 1/Å. ``smoothing`` in Å²: the short-range part is multiplied by
    exp(-smoothing / (r - cutoff)²); with 0 it is shifted to zero at the cutoff, where the force
    jumps. ``balance`` is an element whose charge makes a composition neutral.
    """

    name: str
    source: str
    charges: Mapping[str, float]
    cutoff: float
    damping: float
    coulomb_cutoff: float
    smoothing: float
    pair: Callable[[str, Mapping[str, int]], Short]
    cations: Callable[[str, str], Short | None] | None = None
    """Between two elements that are not oxygen; None where they have no short-range part."""
    balance: str = ""

    def charges_of(self, counts: Mapping[str, int]) -> dict[str, float]:
        """Charge of each element of a composition (element -> number), e."""
        found = {symbol: self.charges[symbol] for symbol in counts}
        if self.balance in counts:
            others = sum(
                found[symbol] * n for symbol, n in counts.items() if symbol != self.balance
            )
            found[self.balance] = -others / counts[self.balance]
        return found

    def pairs(self, counts: Mapping[str, int]) -> list[tuple[str, str]]:
        """Pairs of a composition's elements that have a short-range part."""
        found = [(symbol, "O") for symbol in sorted(counts)]
        cations = sorted(set(counts) - {"O"})
        if self.cations is not None:
            found += [
                (a, b)
                for a, b in combinations_with_replacement(cations, 2)
                if self.cations(a, b) is not None
            ]
        return found

    def refuses(self, counts: Mapping[str, int]) -> str:
        """Why it cannot do a composition (element -> number); empty when it can."""
        if unknown := sorted(set(counts) - set(self.charges)):
            from al_loop.pair_potentials.published import POTENTIALS

            others = [p.name for p in POTENTIALS.values() if not set(counts) - set(p.charges)]
            return (
                f"{self.name} has no parameters for {', '.join(unknown)}, only for "
                f"{', '.join(sorted(self.charges))}; "
                + (f"take {' or '.join(others)}" if others else "no potential here has them all")
            )
        if "O" not in counts:
            return f"{self.name} is a potential of oxides: there is no O"
        charge = sum(q * counts[symbol] for symbol, q in self.charges_of(counts).items())
        if abs(charge) > 1e-6 * sum(counts.values()):
            return f"under {self.name} the formula has a charge of {charge:+.3g} e: it must be 0"
        return ""

    def short_range(self, symbol: str, counts: Mapping[str, int], other: str = "O") -> Short:
        """Short-range part between an element and another one, zero at the cutoff.

        ``counts``: the composition, on which boron's parameters depend.
        """
        bare = self.pair(symbol, counts) if other == "O" else self._between(symbol, other)
        if not self.smoothing:
            (end,), _ = bare(np.array([self.cutoff]))
            return lambda r: (bare(r)[0] - end, bare(r)[1])

        def smooth(r: Array) -> tuple[Array, Array]:
            gap = np.minimum(r - self.cutoff, -1e-4)
            energy, force = bare(r)
            factor = np.exp(-self.smoothing / gap**2)
            return energy * factor, force * factor - energy * factor * 2 * self.smoothing / gap**3

        return smooth

    def _between(self, a: str, b: str) -> Short:
        found = self.cations(a, b) if self.cations is not None else None
        if found is None:
            raise KeyError(f"{self.name}: {a}-{b} has no short-range part")
        return found
