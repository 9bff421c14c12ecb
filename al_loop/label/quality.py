"""Is a label to be trusted? What numbers alone can tell, before anything is trained on them.

An engine says when it has no answer. This says when an answer is not to be believed: it is kept,
in quarantine, with the reason, until a person looks at it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np

from al_loop.campaign.stages import LabelQuality
from al_loop.label.interface import Label
from al_loop.label.reference import ReferenceEnergies
from al_loop.units import Array

Composition = Mapping[str, int]
"""Element -> number of atoms."""

ENOUGH = 20
"""Labels of a composition that make a window of their own; with fewer, all are taken together."""
FEWEST = 5
"""Labels without which nothing can be called odd."""
MIDDLE = (0.1, 0.9)
"""Quantiles between which a composition's usual energies lie: crystal and melt may be far apart,
and up to a tenth of the labels may be wrong on either side."""

_ASYMMETRY = 1.0e-3
"""Of a virial, relative to its largest component: an engine's rounding stays far below."""


@dataclass(frozen=True)
class Doubt:
    """Why a label is not to be believed: a code of the taxonomy, and what was seen."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Numbers:
    """What the judgement of a set of labels needs of each: energy (eV), composition, virial.

    ``source``: who computed it. Only labels of one source must all have a virial.
    """

    energy: float
    composition: Composition
    has_virial: bool
    source: str = ""


def doubt(label: Label, bounds: LabelQuality) -> Doubt | None:
    """What is wrong with one label by itself; None when nothing is seen.

    The net force of an isolated set of atoms is zero. If the errors of the forces were independent
    with a standard deviation s per component, the net force of N atoms would be s * sqrt(3 N): so
    |sum F| / sqrt(3 N) is the noise that a net force betrays. Real VASP labels at 400 eV reach
    0.011 eV/Å.
    """
    forces = label.forces
    if not np.isfinite(label.energy) or not np.isfinite(forces).all():
        return Doubt("not-finite", "a value is NaN or infinite")
    noise = float(np.linalg.norm(forces.sum(axis=0)) / np.sqrt(3 * len(forces)))
    if noise > bounds.net_force:
        return Doubt(
            "net-force",
            f"the forces do not add up to zero: noise of {noise:.3g} eV/Å, "
            f"label.quality.net_force is {bounds.net_force:g}",
        )
    largest = float(np.linalg.norm(forces, axis=1).max())
    if bounds.max_force is not None and largest > bounds.max_force:
        return Doubt(
            "force-too-large",
            f"a force of {largest:.3g} eV/Å, label.quality.max_force is {bounds.max_force:g}",
        )
    if label.virial is not None and _asymmetry(label.virial) > _ASYMMETRY:
        return Doubt("virial-asymmetric", f"relative asymmetry {_asymmetry(label.virial):.2g}")
    return None


def _asymmetry(virial: Array) -> float:
    scale = float(np.abs(virial).max())
    return float(np.abs(virial - virial.T).max()) / scale if scale > 1.0 else 0.0


def doubts_of_set(
    labels: Mapping[str, Numbers], references: ReferenceEnergies, bounds: LabelQuality
) -> dict[str, Doubt]:
    """What is wrong with labels (by frame) beside the others of one method.

    - energy-odd: the energy per atom above that of the elements (:mod:`al_loop.label.reference`)
      lies further than ``bounds.energy_window`` outside the range of the middle 80 % of the labels
      of its composition; of all labels, where there are few.
    - stress-missing: others have a virial.
    """
    found: dict[str, Doubt] = {}
    if with_virial := {one.source for one in labels.values() if one.has_virial}:
        for frame, one in labels.items():
            if one.source in with_virial and not one.has_virial:
                found[frame] = Doubt("stress-missing", "other labels of this method have a virial")
    frames = list(labels)
    atoms = np.array([sum(labels[f].composition.values()) for f in frames])
    bare = references.of({f: labels[f].composition for f in frames})
    above = (np.array([labels[f].energy for f in frames]) - bare) / atoms
    for judged, beside in _groups([reduced(labels[f].composition) for f in frames]):
        low = np.quantile(above[beside], MIDDLE[0], method="higher")
        high = np.quantile(above[beside], MIDDLE[1], method="lower")
        for i in judged:
            off = above[i] - float(np.clip(above[i], low, high))
            if abs(off) > bounds.energy_window:
                found[frames[i]] = Doubt(
                    "energy-odd",
                    f"{off:+.3g} eV/atom outside the range of the middle 80 % of "
                    f"{len(beside)} labels, label.quality.energy_window is "
                    f"{bounds.energy_window:g}",
                )
    return found


def _groups(compositions: Sequence[object]) -> list[tuple[list[int], list[int]]]:
    """Who is judged, and beside whom: indices of labels."""
    by_composition: dict[object, list[int]] = defaultdict(list)
    for i, composition in enumerate(compositions):
        by_composition[composition].append(i)
    groups = [(one, one) for one in by_composition.values() if len(one) >= ENOUGH]
    rest = [i for one in by_composition.values() if len(one) < ENOUGH for i in one]
    beside = rest if len(rest) >= ENOUGH else list(range(len(compositions)))
    if rest and len(beside) >= FEWEST:
        groups.append((rest, beside))
    return groups


def reduced(composition: Composition) -> tuple[tuple[str, int], ...]:
    """A composition in its smallest whole numbers, by symbol: Si8O16 and Si2O4 are one."""
    divisor = gcd(*composition.values())
    return tuple((symbol, n // divisor) for symbol, n in sorted(composition.items()))
