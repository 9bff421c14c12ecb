"""Qn: how many bridging oxygens a network former has."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Estimate, average
from al_loop.glass.structure.bonds import FORMERS, Bonds, Integers, bond_cutoffs, find_bonds
from al_loop.glass.structure.coordination import percentages
from al_loop.glass.trajectory import Trajectory


@dataclass(frozen=True)
class Qn:
    """``parts``: percent of the formers of an element with n bridging oxygens; ``connectivity``:
    the mean n."""

    parts: dict[int, Estimate]
    connectivity: Estimate


def qn(
    trajectory: Trajectory,
    centre: str = "Si",
    *,
    cutoffs: Mapping[str, float] | None = None,
    formers: Collection[str] = FORMERS,
) -> Qn:
    """Distribution of Qn of an element.

    An oxygen bridges when two or more formers of any kind are bonded to it (three: a tricluster,
    which counts as bridging for each). All atoms of the element count, whatever their
    coordination: a five-fold silicon may be a Q5.

    Raises
    ------
    DatasetError
        The element is not there, or no former.
    """
    if centre not in trajectory.elements or centre not in formers:
        raise DatasetError(
            f"{centre!r} is not among the network formers of {trajectory.source}",
            remedy=f"it must be one of the elements ({', '.join(trajectory.elements)}) and of "
            f"`formers` ({', '.join(formers)})",
        )
    limits = bond_cutoffs(trajectory.elements, cutoffs)
    return qn_of(
        [qn_of_frame(find_bonds(atoms, limits), centre, formers) for atoms in trajectory.frames]
    )


def qn_of_frame(bonds: Bonds, centre: str, formers: Collection[str] = FORMERS) -> Integers:
    """How many formers of the element have 0, 1, ... bridging oxygens."""
    oxygen, network = bonds.are(["O"]), bonds.are(formers)
    bridging = oxygen & (bonds.between(oxygen, network).degrees() >= 2)
    centres = bonds.are([centre])
    return np.bincount(bonds.between(centres, bridging).degrees()[centres]).astype(np.int64)


def qn_of(frames: Sequence[Integers]) -> Qn:
    """Means over frames, with errors."""
    means = [float(np.arange(len(one)) @ one / one.sum()) for one in frames]
    return Qn(percentages(frames), average(means))
