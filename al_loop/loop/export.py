"""Take a data set out of the store."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

import ase.io
import dpdata
import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from al_loop.errors import UserError
from al_loop.frame import Labelled
from al_loop.jobfolder import write_atomically
from al_loop.loop.context import Context
from al_loop.loop.potential import ABOUT, as_json, make_folder, method_of
from al_loop.units import stress_from_virial

DATASET_FORMATS = ("deepmd/npy", "extxyz")


def export_dataset(ctx: Context, folder: Path, *, fmt: str) -> dict[str, int]:
    """Write all good labels, split as the campaign splits them; frames per split.

    ``deepmd/npy``: ``train/``, ``valid/`` and ``test/``, a system per composition and number
    of atoms. ``extxyz``: ``train.xyz``, ``valid.xyz``, ``test.xyz`` with energy, forces, stress.
    ``about.json`` has the labels' method, and the dispersion that it is with or without.
    """
    chosen = ctx.labelled_frames(ctx.store.selections.hashes(ctx.name))
    if not chosen:
        raise UserError(f"campaign {ctx.name!r} has no labels yet")
    make_folder(folder)
    write_atomically(folder / ABOUT, as_json({"campaign": ctx.name, **method_of(ctx)}))
    counts: dict[str, int] = {}
    for split in ("train", "valid", "test"):
        frames = [frame for key, frame in chosen if ctx.split(key) == split]
        counts[split] = len(frames)
        if not frames:
            continue
        if fmt == "extxyz":
            ase.io.write(folder / f"{split}.xyz", [_with_results(f) for f in frames])
        else:
            _write_npy(folder / split, frames, ctx.spec.elements)
    return counts


def _with_results(frame: Labelled) -> Atoms:
    atoms: Atoms = frame.atoms.copy()
    results = {"energy": frame.energy, "forces": frame.forces}
    if frame.virial is not None:
        results["stress"] = stress_from_virial(frame.virial, atoms.get_volume())
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def _write_npy(folder: Path, frames: list[Labelled], elements: tuple[str, ...]) -> None:
    """A system for each composition, its atoms in the order of the types."""
    if folder.exists():
        shutil.rmtree(folder)
    systems: dict[str, list[Labelled]] = defaultdict(list)
    for frame in frames:
        systems[frame.atoms.get_chemical_formula()].append(frame)
    for formula, members in systems.items():
        orders = [
            np.argsort([elements.index(s) for s in m.atoms.symbols], kind="stable") for m in members
        ]
        symbols = [members[0].atoms.symbols[i] for i in orders[0]]
        data = {
            "atom_names": list(elements),
            "atom_numbs": [symbols.count(element) for element in elements],
            "atom_types": np.array([elements.index(s) for s in symbols]),
            "orig": np.zeros(3),
            "cells": np.array([m.atoms.cell.array for m in members]),
            "coords": np.array(
                [m.atoms.positions[o] for m, o in zip(members, orders, strict=True)]
            ),
            "energies": np.array([m.energy for m in members]),
            "forces": np.array([m.forces[o] for m, o in zip(members, orders, strict=True)]),
        }
        virials = [m.virial for m in members]
        if all(v is not None for v in virials):
            data["virials"] = np.array(virials)
        dpdata.LabeledSystem(data=data).to("deepmd/npy", str(folder / formula))
