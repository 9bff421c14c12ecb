"""What one group finds in one sample, and the mean over samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from al_loop.errors import DatasetError, PhysicsFault
from al_loop.glass.estimate import Curve, Estimate, combine_curves
from al_loop.glass.structure import combine_values


@dataclass
class Part:
    """Named values and curves, and why others are not there."""

    values: dict[str, Estimate] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    overlaps: tuple[str, ...] = ()
    """Sentences on atoms that are too close."""

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """Where what is done inside cannot be done, say why under the name ``what``."""
        try:
            yield
        except (DatasetError, PhysicsFault) as error:
            self.missing[what] = error.in_brackets

    def join(self, other: Part) -> None:
        """Take in what another group has found."""
        self.values |= other.values
        self.curves |= other.curves
        self.missing |= other.missing
        self.overlaps += other.overlaps

    def finite(self) -> Part:
        """Without what is no number."""
        kept = Part(missing=dict(self.missing), overlaps=self.overlaps)
        for name, one in self.values.items():
            if not np.isfinite(one.value):
                kept.missing[name] = "it could not be told from the curve"
                continue
            known = one.error is not None and np.isfinite(one.error)
            kept.values[name] = one if known else Estimate(one.value, None, one.n, one.unit)
        for name, curve in self.curves.items():
            if np.isfinite(curve.y).all():
                kept.curves[name] = curve
            else:
                kept.missing[name] = "the curve has points that are no numbers"
        return kept


def _in_families(names: Iterable[str]) -> list[str]:
    """Names that differ in a number at their end (si3, si4) beside one another, in its order.

    What one sample has and another lacks would come last otherwise.
    """
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(name.rstrip("0123456789"), []).append(name)
    return [
        name
        for stem, family in families.items()
        for name in sorted(family, key=lambda one: int(one[len(stem) :] or 0))
    ]


def mean_of(samples: Sequence[Part]) -> Part:
    """Means over samples, of those that have a value; what one lacks is told.

    Percentages and numbers of rings that a sample does not have are zero there, unless its
    structure could not be measured. Closest approaches are the smallest.
    """
    found = Part()
    for i, one in enumerate(samples):
        for name, why in one.missing.items():
            found.missing.setdefault(name, why if len(samples) == 1 else f"sample {i + 1}: {why}")
        found.overlaps += one.overlaps
    looked = sum("structure" not in one.missing for one in samples)
    found.values |= combine_values([one.values for one in samples], looked=looked)
    found.values = {name: found.values[name] for name in _in_families(found.values)}
    for name in dict.fromkeys(name for one in samples for name in one.curves):
        curves = [one.curves[name] for one in samples if name in one.curves]
        if name == "energy_volume":  # each sample has its own volumes, as far from its own rest
            volumes = np.mean([one.x for one in curves], axis=0)
            curves = [replace(one, x=volumes) for one in curves]
        if len(curves) == len(samples):
            with found.attempt(name):
                found.curves[name] = combine_curves(curves)
    return found
