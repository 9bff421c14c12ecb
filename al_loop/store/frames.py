"""Frames: every configuration once, whichever campaign met it first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from ase import Atoms
from ase.formula import Formula

from al_loop.errors import DatasetError
from al_loop.frame import frame_hash
from al_loop.store.arrays import pack, pack_floats, unpack
from al_loop.store.table import Client, Document, Table


def _to_document(key: str, atoms: Atoms) -> Document:
    if frame_hash(atoms) != key:
        raise DatasetError(f"{atoms.get_chemical_formula()}: hash {key[:12]} is not this frame's")
    return {
        "_id": key,
        "formula": atoms.get_chemical_formula(),
        "natoms": len(atoms),
        "numbers": pack(atoms.numbers.astype(np.uint8)),
        "cell": pack_floats(atoms.cell.array, what="cell"),
        "positions": pack_floats(atoms.positions, what=f"{len(atoms)} atoms"),
        "pbc": [bool(periodic) for periodic in atoms.pbc],
    }


def _from_document(document: Document) -> Atoms:
    return Atoms(
        numbers=unpack(document["numbers"]).astype(np.int64),
        cell=unpack(document["cell"]),
        positions=unpack(document["positions"]),
        pbc=document["pbc"],
    )


@lru_cache(maxsize=4096)
def _count(formula: str) -> tuple[tuple[str, int], ...]:
    return tuple(Formula(formula).count().items())


@dataclass(frozen=True)
class Shape:
    """Element -> number of atoms, and the volume of the cell, Å3."""

    counts: dict[str, int]
    volume: float


def _shape(document: Document) -> Shape:
    volume = abs(float(np.linalg.det(unpack(document["cell"]))))
    return Shape(dict(_count(document["formula"])), volume)


class Frames:
    """Collection ``frames``. Key: ``al_loop.frame.frame_hash``.

    Fields: ``formula``, ``natoms``, ``numbers`` (atomic ones), ``cell`` and ``positions`` (Å),
    ``pbc``.
    """

    def __init__(self, client: Client) -> None:
        self.table = Table(client, "frames")

    def put_many(self, frames: Mapping[str, Atoms]) -> None:
        """Store frames (hash -> configuration) that are not there yet.

        The first one stays: a copy with the atoms in another order has the same hash, and
        labels hold forces in the order of the frame that is stored here.
        """
        self.table.insert_absent(_to_document(key, atoms) for key, atoms in frames.items())

    def get_many(self, hashes: Iterable[str]) -> dict[str, Atoms]:
        """Frames that are known among ``hashes``, to the last bit, in the order asked for."""
        wanted = list(dict.fromkeys(hashes))
        found = {d["_id"]: _from_document(d) for d in self.table.find_keys(wanted)}
        return {key: found[key] for key in wanted if key in found}

    def compositions(self, hashes: Iterable[str]) -> dict[str, dict[str, int]]:
        """Element -> number of atoms, for the frames that are known; reads no positions."""
        found = self.table.find_keys(hashes, fields={"formula": 1})
        return {d["_id"]: dict(_count(d["formula"])) for d in found}

    def shapes(self, hashes: Iterable[str]) -> dict[str, Shape]:
        """Atoms and volume of the frames that are known; reads no positions."""
        found = self.table.find_keys(hashes, fields={"formula": 1, "cell": 1})
        return {d["_id"]: _shape(d) for d in found}

    def known(self, hashes: Iterable[str]) -> set[str]:
        """Which of ``hashes`` are stored."""
        return {d["_id"] for d in self.table.find_keys(hashes, fields={"_id": 1})}
