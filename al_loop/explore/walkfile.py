"""A walk on disk: ``<walker>.deviation.npz`` (arrays) and ``<walker>.frames.traj`` (ASE).

``ase gui <walker>.frames.traj`` shows the kept configurations with the leader's forces. The
table is written last and vouches for the frames.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io.trajectory import Trajectory

from al_loop.explore.interface import Walk
from al_loop.frame import write_frames
from al_loop.hashing import file_digest
from al_loop.jobfolder import write_atomically
from al_loop.units import Array

_COLUMNS = (
    "step",
    "max_force_deviation",
    "mean_force_deviation",
    "max_virial_deviation",
    "temperature",
    "pressure",
    "kept",
)


def walk_files(name: str) -> tuple[str, str]:
    """Names of the table and of the frames of a walker."""
    return f"{name}.deviation.npz", f"{name}.frames.traj"


def save_walk(folder: Path, walk: Walk, *, key: str) -> None:
    """Write a walk so that a later reader sees all of it or none; ``key`` is its job's."""
    table, frames = (folder / file for file in walk_files(walk.name))
    write_frames(frames, _with_forces(walk))
    values: dict[str, Any] = {column: getattr(walk, column) for column in _COLUMNS}
    values |= {"key": key, "stop": walk.stop, "detail": walk.detail, "cut": walk.cut}
    values["deviations"] = np.array(walk.deviations)
    if walk.described is not None:
        values |= {"described": walk.described, "descriptors": walk.descriptors}
    values |= _columns_of("last", walk.last) | _columns_of("beyond", walk.beyond)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **values, frames=np.array(file_digest(frames)))
    write_atomically(table, buffer.getvalue())


def load_walk(folder: Path, name: str, *, key: str) -> Walk | None:
    """The walk that was saved, or None when it is absent, damaged or of another job."""
    table, frames = (folder / file for file in walk_files(name))
    try:
        with table.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            data = {column: stored[column] for column in stored.files}
        if str(data["key"]) != key or str(data["frames"]) != file_digest(frames):
            return None
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error):
        return None
    kept, forces = _read(frames)
    return Walk(
        name=name,
        stop=str(data["stop"]),  # type: ignore[arg-type]  # written from a StopReason
        detail=str(data["detail"]),
        cut=int(data["cut"]),
        frames=kept,
        forces=forces,
        deviations=list(data["deviations"]),
        described=data.get("described"),
        descriptors=data.get("descriptors"),
        last=_restored("last", data),
        beyond=_restored("beyond", data),
        **{column: data[column] for column in _COLUMNS},
    )


def _columns_of(name: str, atoms: Atoms | None) -> dict[str, Any]:
    if atoms is None:
        return {}
    columns = {"numbers": atoms.numbers, "positions": atoms.positions, "cell": atoms.cell.array}
    return {f"{name}_{column}": value for column, value in columns.items()}


def _restored(name: str, data: Mapping[str, Any]) -> Atoms | None:
    columns = {c: data.get(f"{name}_{c}") for c in ("numbers", "positions", "cell")}
    return None if columns["numbers"] is None else Atoms(**columns, pbc=True)


def _with_forces(walk: Walk) -> Iterator[Atoms]:
    for frame, forces in zip(walk.frames, walk.forces, strict=True):
        atoms = frame.copy()
        atoms.calc = SinglePointCalculator(atoms, forces=forces)
        yield atoms


def _read(path: Path) -> tuple[list[Atoms], list[Array]]:
    frames: list[Atoms] = []
    forces: list[Array] = []
    with Trajectory(str(path)) as trajectory:
        for atoms in trajectory:
            forces.append(np.asarray(atoms.calc.results["forces"], dtype=np.float64))
            atoms.calc = None
            frames.append(atoms)
    return frames, forces
