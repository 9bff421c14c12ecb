"""The starting structures of a campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import ParseError, read
from ase.io.formats import UnknownFileTypeError

from al_loop.campaign.spec import CampaignSpec
from al_loop.campaign.structures import (
    CrystalSource,
    FileSource,
    MeltQuenchSource,
    PackedSource,
    RmcSource,
    key_of,
)
from al_loop.crystals import crystal
from al_loop.errors import StructureError
from al_loop.hashing import derive_seed
from al_loop.packing import pack
from al_loop.structures.checks import check_structure, smallest_distances
from al_loop.structures.perturb import perturb
from al_loop.structures.quenched import usable

_REDRAWS = 50

# What ASE's readers are seen to raise on files that are not what they seem.
_UNREADABLE = (
    OSError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    ParseError,
    RuntimeError,
    StopIteration,
    SyntaxError,
    TypeError,
    UnknownFileTypeError,
    ValueError,
    np.linalg.LinAlgError,
)


@dataclass(frozen=True)
class Start:
    """A starting structure: as built or read (``pristine``), or a disturbed copy of one."""

    name: str
    atoms: Atoms
    pristine: bool


def build_structures(
    spec: CampaignSpec, *, base: Path, quenched: Mapping[str, Sequence[Atoms]] | None = None
) -> dict[str, list[Start]]:
    """All starting structures by the name they have in the campaign, the same at every call.

    ``base`` is the folder that file names are relative to, ``quenched`` the frames of each entry
    that is a melt-quench or RMC; those with atoms too close are left out. Of each entry come first
    the crystal (``quartz``), the boxes or frames (``melt-0``, ``melt-1``), then the copies
    (``melt-1-copy-0``). Copies whose atoms come too close are drawn again.

    Raises
    ------
    StructureError
        Names the key or the file.
    """
    distances = smallest_distances(spec.elements, spec.select.min_distance)
    starts: dict[str, list[Start]] = {}
    for name, source in spec.structures.items():
        key = key_of(name, source)
        if isinstance(source, MeltQuenchSource | RmcSource):
            where, originals = key, _quenched(spec, name, quenched or {})
        elif isinstance(source, FileSource):
            where = f"{key}.file: {base / source.file}"
            originals = _from_file(source, base=base, key=key, where=where)
        elif isinstance(source, PackedSource):
            where, originals = key, _boxes(spec, name, source)
        else:
            where, originals = f"{key}.crystal", [_crystal(source, key)]
        for i, atoms in enumerate(originals):
            which = f"{where} (frame {i})" if len(originals) > 1 else where
            check_structure(atoms, elements=spec.elements, min_distance=distances, where=which)
        single = len(originals) == 1 and isinstance(source, CrystalSource | FileSource)
        names = [name if single else f"{name}-{i}" for i in range(len(originals))]
        starts[name] = [
            *(Start(one, atoms, True) for one, atoms in zip(names, originals, strict=True)),
            *(
                Start(f"{one}-copy-{k}", _disturbed(spec, name, atoms, (i, k), distances), False)
                for i, (one, atoms) in enumerate(zip(names, originals, strict=True))
                for k in range(source.perturb.copies)
            ),
        ]
    return starts


def _crystal(source: CrystalSource, key: str) -> Atoms:
    try:
        return crystal(source.crystal, supercell=source.supercell)
    except StructureError as error:
        raise StructureError(error.what, where=f"{key}.crystal", remedy=error.remedy) from None


def _boxes(spec: CampaignSpec, name: str, source: PackedSource) -> list[Atoms]:
    """Boxes that keep their own distances and, where those are larger, the campaign's."""
    asked = spec.select.min_distance
    distances = {pair: max(d, asked.get(pair, 0.0)) for pair, d in source.min_distance.items()}
    return [
        pack(
            source.formula,
            atoms=source.atoms,
            density=source.density,
            min_distance=distances,
            seed=derive_seed(spec.seed, "structures", name, i),
            key=key_of(name, source),
        )
        for i in range(source.boxes)
    ]


def _quenched(
    spec: CampaignSpec, name: str, quenched: Mapping[str, Sequence[Atoms]]
) -> list[Atoms]:
    key = key_of(name, spec.structures[name])
    if name not in quenched:
        raise StructureError(
            "its melt-quenches, or boxes by RMC, have not been computed",
            where=key,
            remedy="wait for the quench stage; frames that were lost are computed again before "
            "the next iteration",
        )
    kept, dropped = usable(spec, quenched[name])
    if not kept:
        raise StructureError(
            f"none of its {len(dropped)} frames can be used: {dropped[0] if dropped else 'none'}",
            where=key,
            remedy="lower select.min_distance, or melt at a lower temperature; of RMC: minimise, "
            "or set rmc.min_distance",
        )
    return kept


def _from_file(source: FileSource, *, base: Path, key: str, where: str) -> list[Atoms]:
    path = base / source.file
    if not path.is_file():
        raise StructureError("there is no such file", where=where)
    try:
        frames = read(path, index=source.index, format=source.format, do_not_split_by_at_sign=True)
    except _UNREADABLE as error:
        raise StructureError(
            f"ASE cannot read it: {type(error).__name__}: {error}",
            where=where,
            remedy=f"give {key}.format, or check {key}.index ({source.index!r})",
        ) from error
    frames = [frames] if isinstance(frames, Atoms) else list(frames)
    if not frames:
        raise StructureError(f"no frame at index {source.index!r}", where=where)
    return [Atoms(numbers=f.numbers, positions=f.positions, cell=f.cell, pbc=f.pbc) for f in frames]


def _disturbed(
    spec: CampaignSpec,
    name: str,
    atoms: Atoms,
    which: tuple[int, int],
    distances: Mapping[str, float],
) -> Atoms:
    """Copy ``which`` (original, copy), drawn again until no atoms are too close."""
    wish = spec.structures[name].perturb
    for attempt in range(_REDRAWS):
        copy = perturb(
            atoms,
            rattle=wish.rattle,
            strain=wish.strain,
            scale=wish.scale,
            seed=derive_seed(spec.seed, "structures", name, "copy", *which, attempt),
        )
        try:
            check_structure(copy, elements=spec.elements, min_distance=distances, where="")
        except StructureError as error:
            last = error.what
            continue
        return copy
    raise StructureError(
        f"{_REDRAWS} disturbed copies all have {last}",
        where=f"{key_of(name, spec.structures[name])}.perturb",
        remedy="disturb less (rattle, strain, scale), or lower select.min_distance",
    )
