"""Take a potential or a data set out of the store."""

from __future__ import annotations

import importlib.metadata
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
from al_loop.hashing import canonical_json
from al_loop.jobfolder import write_atomically
from al_loop.loop.context import Context
from al_loop.loop.stages.train import leader_of
from al_loop.store import ModelRecord
from al_loop.units import stress_from_virial

DATASET_FORMATS = ("deepmd/npy", "extxyz")


def best_model(ctx: Context) -> ModelRecord:
    """The leader of the last committee that was trained.

    Raises
    ------
    UserError
        No committee has been trained yet.
    """
    latest = ctx.store.iterations.latest(ctx.name)
    for index in range(latest.index if latest else -1, -1, -1):
        good = [m for m in ctx.store.models.of_iteration(ctx.name, index) if m.state == "ok"]
        if len(good) >= 2:
            return leader_of(good)
    raise UserError(
        f"campaign {ctx.name!r} has no trained potential yet",
        remedy=f"`al-loop status {ctx.name}` shows how far it is",
    )


def export_model(ctx: Context, folder: Path) -> list[Path]:
    """Write the potential, what it is, and an input with which LAMMPS runs it at once."""
    model = best_model(ctx)
    _make(folder)
    target = folder / f"{ctx.name}{Path(model.model).suffix}"
    ctx.store.files.fetch(model.files[model.model], target)
    about = {
        "campaign": ctx.name,
        "iteration": model.iteration,
        "member": model.member,
        "elements": list(ctx.spec.elements),
        "trainer": model.trainer,
        "options": model.options,
        "labels": ctx.store.training_sets.count(model.training_set),
        "method": ctx.fingerprint,
        "test_errors": model.test_errors.model_dump() if model.test_errors else None,
        "al_loop": importlib.metadata.version("al-loop"),
    }
    written = [target, folder / "about.json"]
    write_atomically(folder / "about.json", canonical_json(about).replace(',"', ',\n"') + "\n")
    example = getattr(ctx.explorer, "example", None)
    if example is not None:
        atoms = next(iter(ctx.starts.values()))[0].atoms
        texts = example(
            target.name, atoms, temperature=1500.0, steps=2000, elements=ctx.spec.elements
        )
        for name, text in texts.items():
            write_atomically(folder / name, text)
            written.append(folder / name)
    return written


def export_dataset(ctx: Context, folder: Path, *, fmt: str) -> dict[str, int]:
    """Write all good labels, split as the campaign splits them; frames per split.

    ``deepmd/npy``: ``train/``, ``valid/`` and ``test/``, a system per composition and number
    of atoms. ``extxyz``: ``train.xyz``, ``valid.xyz``, ``test.xyz`` with energy, forces, stress.
    """
    chosen = ctx.labelled_frames(ctx.store.selections.hashes(ctx.name))
    if not chosen:
        raise UserError(f"campaign {ctx.name!r} has no labels yet")
    _make(folder)
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


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", where=folder) from None
