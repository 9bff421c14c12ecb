"""Parts of atoms and numbers of rings are counts: what never occurred may be rare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from al_loop.glass.estimate import Estimate, coverage
from al_loop.glass.measuring.names import elements_of
from al_loop.glass.trajectory import Trajectory

_OF_OXYGEN = ("bridging_oxygen", "non_bridging_oxygen")


def counted(
    values: Mapping[str, Estimate], samples: Sequence[Trajectory], *, formers: Sequence[str]
) -> dict[str, Estimate]:
    """Values over samples, whose 95 % bars reach over three atoms (rings) of all, or more.

    Two glasses of 216 silicon without a five-fold one, or with one each, have no scatter; that
    there is never another does not follow: what has not occurred in n has a part below 3/n
    (Hanley and Lippman-Hand, JAMA 249, 1743 (1983)). Frames are no new atoms. Where the count
    decides, the ``n`` of an estimate is that of the atoms.
    """
    atoms: Counter[str] = Counter()
    for one in samples:
        atoms.update(one.counts)
    return {name: _coarsened(name, one, atoms, formers) for name, one in values.items()}


def _coarsened(
    name: str, value: Estimate, atoms: Mapping[str, int], formers: Sequence[str]
) -> Estimate:
    if name.startswith("rings_"):
        n, one = sum(atoms.get(element, 0) for element in formers), 1.0
    else:
        n, one = atoms.get(_element(name, value.unit), 0), 100.0
    if value.error is None or not n or value.bar >= 3.0 * one / n:
        return value
    return replace(value, error=3.0 * one / n / coverage(n), n=n)


def _element(name: str, unit: str) -> str:
    """Of whose atoms a value is the part; empty where it is none."""
    if name in _OF_OXYGEN:
        return "O"
    found = elements_of(name) if unit == "%" else set()
    return found.pop() if len(found) == 1 else ""
