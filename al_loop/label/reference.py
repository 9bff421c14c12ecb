"""One zero of energy for all compositions: an energy for each element.

Isolated atoms by the same method give cohesive energies. Where nobody has computed them, a fit to
the labels does: E = sum_el n_el e_el, by least squares. Then only differences between the
compositions that were fitted have a meaning, and where they are fewer than the elements (SiO2
alone) the solution of smallest norm is taken: it is exact for those compositions and says nothing
of others (``rank`` tells).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from al_loop.units import Array

_ROUNDS = 5
_SPREADS = 6.0


class ReferenceEnergies(BaseModel):
    """Energies per element, eV, and where they come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["isolated", "fitted"]
    energies: dict[str, float]
    labels: int = 0
    """Labels that were fitted."""
    rank: int = 0
    """Independent compositions among them."""
    rmse: float | None = None
    """Of the fit, eV/atom."""

    def of(self, compositions: Mapping[str, Mapping[str, int]]) -> Array:
        """Energy (eV) of the bare elements of each composition, in their order."""
        return np.array(
            [
                sum(n * self.energies.get(symbol, 0.0) for symbol, n in one.items())
                for one in compositions.values()
            ]
        )


def fit_references(compositions: Sequence[Mapping[str, int]], energies: Array) -> ReferenceEnergies:
    """Fit an energy to each element.

    ``energies`` (labels,), eV. Least squares of the energy per atom, repeated without what lies
    further off than six robust standard deviations, so that a wrong label does not bend it.
    """
    symbols = sorted({symbol for one in compositions for symbol in one})
    counts = np.array([[one.get(symbol, 0) for symbol in symbols] for one in compositions], float)
    atoms = counts.sum(axis=1)
    fractions, target = counts / atoms[:, None], np.asarray(energies, float) / atoms
    kept = np.ones(len(target), dtype=bool)
    for _ in range(_ROUNDS):
        solution, _, rank, _ = np.linalg.lstsq(fractions[kept], target[kept], rcond=1.0e-8)
        off = target - fractions @ solution
        centre = np.median(off)
        spread = 1.4826 * np.median(np.abs(off - centre))
        now = np.abs(off - centre) <= _SPREADS * spread + 1.0e-9
        if (now == kept).all():
            break
        kept = now
    return ReferenceEnergies(
        kind="fitted",
        energies={symbol: float(e) for symbol, e in zip(symbols, solution, strict=True)},
        labels=int(kept.sum()),
        rank=int(rank),
        rmse=float(np.sqrt(np.mean(off[kept] ** 2))),
    )
