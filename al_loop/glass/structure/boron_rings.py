"""Three-membered rings of boron: boroxol and its relatives with four-fold boron."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Estimate, average
from al_loop.glass.structure.bonds import Integers, bond_cutoffs, find_bonds
from al_loop.glass.structure.rings import rings_of_frame
from al_loop.glass.trajectory import Trajectory

_SIZE = 3


@dataclass(frozen=True)
class BoronRings:
    """Rings of three borons and three oxygens; percentages are of all borons.

    ``rings``: rings in a frame. ``in_rings``: borons in any such ring. ``in_boroxol``: borons in a
    ring whose borons all have three oxygens, the f of the boroxol literature. ``by_four_fold``:
    rings in a frame with 0 (boroxol), 1 (triborate), 2 (di-triborate), 3 four-fold borons.
    """

    rings: Estimate
    in_rings: Estimate
    in_boroxol: Estimate
    by_four_fold: dict[int, Estimate]


def boron_rings(
    trajectory: Trajectory, *, cutoffs: Mapping[str, float] | None = None
) -> BoronRings:
    """Three-membered rings that have no other former than boron.

    Raises
    ------
    DatasetError
        There is no boron.
    """
    if "B" not in trajectory.elements:
        raise DatasetError("there is no boron", where=trajectory.source)
    limits = bond_cutoffs(trajectory.elements, cutoffs)
    return boron_rings_of([boron_rings_of_frame(one, limits) for one in trajectory.frames])


@dataclass(frozen=True)
class FrameBoronRings:
    """One frame: borons, borons in rings and in boroxol rings, rings by four-fold borons (4,)."""

    borons: int
    in_rings: int
    in_boroxol: int
    by_four_fold: Integers


def boron_rings_of_frame(atoms: Atoms, cutoffs: Mapping[str, float]) -> FrameBoronRings:
    """Count one frame; ``cutoffs`` as :func:`bond_cutoffs` gives them."""
    # A ring of three is primitive unless two of its borons have another oxygen in common.
    found = rings_of_frame(atoms, "king", cutoffs=cutoffs, formers=["B"], largest=_SIZE)
    members = found.atoms[found.sizes == _SIZE]
    boron = atoms.numbers == 5
    borons = members[boron[members]].reshape(-1, _SIZE)
    bonds = find_bonds(atoms, cutoffs)
    oxygens = bonds.between(boron, bonds.are(["O"])).degrees()
    four_fold = (oxygens[borons] == 4).sum(axis=1)
    three_fold = (oxygens[borons] == 3).all(axis=1)
    return FrameBoronRings(
        int(boron.sum()),
        len(np.unique(borons)),
        len(np.unique(borons[three_fold])),
        np.bincount(four_fold, minlength=_SIZE + 1).astype(np.int64),
    )


def boron_rings_of(frames: Sequence[FrameBoronRings]) -> BoronRings:
    """Means over frames, with errors."""
    table = np.array([one.by_four_fold for one in frames])
    return BoronRings(
        average(table.sum(axis=1)),
        average([100.0 * one.in_rings / one.borons for one in frames], unit="%"),
        average([100.0 * one.in_boroxol / one.borons for one in frames], unit="%"),
        {n: average(table[:, n]) for n in range(_SIZE + 1)},
    )
