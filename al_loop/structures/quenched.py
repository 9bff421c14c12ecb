"""Melt-quenches as starting structures: the box that is melted, the frames that can be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ase import Atoms

from al_loop.campaign.quench import RandomBox
from al_loop.campaign.spec import CampaignSpec
from al_loop.errors import StructureError
from al_loop.packing import pack
from al_loop.structures.checks import check_structure, smallest_distances


def quench_box(
    wish: RandomBox, *, seed: int, key: str, least: Mapping[str, float] | None = None
) -> Atoms:
    """The random box that is melted, or moved by RMC; ``key`` is how errors call it.

    ``least``: distances in Å that it keeps as well.

    Raises
    ------
    StructureError
        It cannot be packed.
    """
    apart = {pair: max(d, (least or {}).get(pair, 0.0)) for pair, d in wish.distances.items()}
    return pack(
        wish.formula,
        atoms=wish.atoms,
        density=wish.density,
        min_distance=apart,
        seed=seed,
        key=key,
    )


def usable(spec: CampaignSpec, frames: Sequence[Atoms]) -> tuple[list[Atoms], list[str]]:
    """Frames in which no atoms are closer than the campaign allows, and what the others have."""
    distances = smallest_distances(spec.elements, spec.select.min_distance)
    kept, dropped = [], []
    for atoms in frames:
        try:
            check_structure(atoms, elements=spec.elements, min_distance=distances, where="")
            kept.append(atoms)
        except StructureError as error:
            dropped.append(error.what)
    return kept, dropped
