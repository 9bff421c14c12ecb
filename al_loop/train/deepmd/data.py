"""Labelled frames as DeePMD-kit's systems (``deepmd/npy``), by dpdata."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from al_loop.frame import Labelled


def write_systems(
    frames: Sequence[Labelled], *, elements: tuple[str, ...], folder: Path
) -> list[str]:
    """Write one system per composition, with and without virial apart; return their names.

    Atoms are sorted by type. An older content of the folder goes.
    """
    groups: dict[str, list[Labelled]] = defaultdict(list)
    for frame in frames:
        groups[system_name(frame, elements)].append(frame)
    if folder.exists():
        shutil.rmtree(folder)
    for name, members in groups.items():
        _write_system(members, elements, folder / name)
    return sorted(groups)


def system_name(frame: Labelled, elements: tuple[str, ...]) -> str:
    """Composition of a frame in the order of the elements, for example ``Si12O24``."""
    counts = [(e, int((frame.atoms.symbols == e).sum())) for e in elements]
    formula = "".join(f"{e}{n}" for e, n in counts if n)
    return formula if frame.virial is not None else f"{formula}-no-virial"


def _write_system(frames: Sequence[Labelled], elements: tuple[str, ...], folder: Path) -> None:
    import dpdata  # a third of a second: only where it is needed

    types = [
        np.array([elements.index(symbol) for symbol in frame.atoms.symbols]) for frame in frames
    ]
    order = [np.argsort(t, kind="stable") for t in types]
    first = types[0][order[0]]
    data = {
        "atom_names": list(elements),
        "atom_numbs": [int((first == k).sum()) for k in range(len(elements))],
        "atom_types": first,
        "orig": np.zeros(3),
        "cells": np.array([f.atoms.cell.array for f in frames]),
        "coords": np.array([f.atoms.positions[o] for f, o in zip(frames, order, strict=True)]),
        "energies": np.array([f.energy for f in frames]),
        "forces": np.array([f.forces[o] for f, o in zip(frames, order, strict=True)]),
    }
    if frames[0].virial is not None:
        data["virials"] = np.array([f.virial for f in frames])
    dpdata.LabeledSystem(data=data).to("deepmd/npy", str(folder), prec=np.float64)
