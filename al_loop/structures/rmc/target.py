"""The pair distributions that a structure is to have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms

from al_loop.errors import StructureError
from al_loop.units import Array


@dataclass(frozen=True)
class Target:
    """A curve g(r): r (points,) in Å and g (points,), of a pair or of the whole.

    ``of``: a pair such as ``Si-O``; ``total``, where each atom counts the same; or ``neutron``,
    where it counts by its scattering length. ``sigma``: uncertainty of g, the same at every r.
    """

    of: str
    r: Array
    g: Array
    sigma: float


@dataclass(frozen=True)
class Grid:
    """Targets on bins: what a count of pairs gives, and what it should give.

    ``norm`` (curves, pairs, bins), ``goal`` and ``weight`` (curves, bins); ``width`` in Å.
    """

    pairs: tuple[str, ...]
    width: float
    norm: Array
    goal: Array
    weight: Array

    @property
    def bins(self) -> int:
        """Number of bins, from r = 0."""
        return int(self.goal.shape[1])


def pairs_of(elements: Sequence[str]) -> tuple[str, ...]:
    """All pairs of elements, as they are numbered here (``O-O``, ``O-Si``, ``Si-Si``)."""
    return tuple("-".join(p) for p in combinations_with_replacement(sorted(set(elements)), 2))


def on_bins(
    targets: Sequence[Target],
    atoms: Atoms,
    *,
    width: float = 0.05,
    r_max: float | None = None,
    lengths: Mapping[str, float] | None = None,
) -> Grid:
    """Targets on bins of ``width`` Å for the composition and the right-angled box of ``atoms``.

    g_ab(r) = V n_ab(r) / (N_a N_b 4πr²Δr), with N_a (N_a - 1) / 2 pairs of like atoms, and shells
    of their exact volume; of the whole: sum of c_a c_b w_a w_b g_ab / (sum of c_a w_a)², with
    w = 1 or the scattering ``lengths``. Bins beyond half the box, ``r_max``, or the ends of a curve
    do not count.

    Raises
    ------
    StructureError
        A target of another pair, a scattering length is missing, or no bin is left.
    """
    counts = Counter(atoms.get_chemical_symbols())
    pairs = pairs_of(list(counts))
    half = float(atoms.cell.lengths().min()) / 2
    end = min(half, r_max or half)
    bins = int(end / width + 1e-9)
    if bins < 1:
        raise StructureError(f"no bin of {width:g} Å is within {end:.2f} Å")
    edges = width * np.arange(bins + 1)
    shells = 4 / 3 * np.pi * np.diff(edges**3) / float(atoms.get_volume())
    partial = np.array([1 / (_number(pair, counts) * shells) for pair in pairs])
    middle = (edges[1:] + edges[:-1]) / 2
    norm = np.zeros((len(targets), len(pairs), bins))
    goal, weight = np.zeros((len(targets), bins)), np.zeros((len(targets), bins))
    for n, target in enumerate(targets):
        shares = _shares(target.of, counts, pairs, lengths)
        norm[n] = shares[:, None] * partial
        goal[n] = np.interp(middle, target.r, target.g)
        inside = (middle >= target.r[0] - width / 2) & (middle <= target.r[-1] + width / 2)
        weight[n, inside] = 1 / target.sigma**2
        if not inside.any():
            raise StructureError(
                f"the curve of {target.of} begins at {target.r[0]:g} Å, beyond half the box or "
                f"r_max ({end:.2f} Å)",
                remedy="take more atoms",
            )
    return Grid(pairs, width, norm, goal, weight)


def _number(pair: str, counts: Mapping[str, int]) -> float:
    """Pairs of atoms; of a single atom none, which must not be divided by."""
    a, b = pair.split("-")
    return float(counts[a] * counts[b] if a != b else max(counts[a] * (counts[a] - 1), 1) / 2)


def _shares(
    of: str, counts: Mapping[str, int], pairs: Sequence[str], lengths: Mapping[str, float] | None
) -> Array:
    """How much of each pair's g is in a curve."""
    if of not in ("total", "neutron"):
        name = "-".join(sorted(of.split("-")))
        if name not in pairs:
            raise StructureError(
                f"the curve of {of!r} is of no pair of these atoms",
                remedy=f"there are: {', '.join(pairs)}, total, neutron",
            )
        return np.array([float(pair == name) for pair in pairs])
    known = dict.fromkeys(counts, 1.0) if of == "total" else dict(lengths or {})
    if missing := sorted(set(counts) - set(known)):
        raise StructureError(f"no scattering length is known for {', '.join(missing)}")
    weights = {a: n * known[a] for a, n in counts.items()}
    mean = sum(weights.values())
    ends = [pair.split("-") for pair in pairs]
    return np.array([(1 if a == b else 2) * weights[a] * weights[b] / mean**2 for a, b in ends])
