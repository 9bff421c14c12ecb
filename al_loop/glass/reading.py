"""Trajectories out of files of LAMMPS, ASE and VASP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import ase.io
import numpy as np
from ase import Atoms
from ase.io.formats import filetype

from al_loop.errors import DatasetError
from al_loop.glass.dumps import (
    LAMMPS_DUMP,
    UNREADABLE,
    are_paths,
    elements_of_types,
    last_written,
    read_dump_frames,
    steps_between,
)
from al_loop.glass.trajectory import Trajectory
from al_loop.units import Array

LammpsUnits = Literal["metal", "real", "si", "cgs", "electron"]


def read_trajectory(
    path: str | Path,
    *,
    elements: Sequence[str] | None = None,
    interval: float | None = None,
    timestep: float | None = None,
    start: int = 0,
    stop: int | None = None,
    every: int = 1,
    format: str | None = None,
    lammps_units: LammpsUnits = "metal",
    unwrapped: bool | None = None,
) -> Trajectory:
    """Read a LAMMPS text dump, extxyz, ASE trajectory, XDATCAR, or what else ASE reads.

    Parameters
    ----------
    elements
        Element of each LAMMPS atom type, first type first. Needed for dumps without a column
        ``element``.
    interval
        Time between neighbouring frames of the file, ps.
    timestep
        MD time step, fs: the interval of a LAMMPS dump follows from its step numbers.
    start, stop, every
        Frames to read, counted as in a Python slice; no number may be negative.
    format
        Name of ASE's format where the file does not tell it.
    lammps_units
        The ``units`` of the LAMMPS input; lengths become Å, velocities ASE's.
    unwrapped
        Whether positions are paths through the faces of the cell. Default: what the columns of a
        LAMMPS dump say (``xu``, ``xsu``: yes); no other file tells, and its positions are followed
        by their shortest steps.

    Frames of a LAMMPS dump that a restarted run has written again replace the earlier ones.

    Raises
    ------
    DatasetError
        The file cannot be read, has no or unsuitable frames, or does not tell the elements.
    """
    file = Path(path)
    if file.is_dir():
        raise DatasetError("it is a folder", where=file, remedy="give the trajectories in it")
    if not file.is_file():
        raise DatasetError("there is no such file", where=file)
    if file.stat().st_size == 0:
        raise DatasetError("the file is empty", where=file)
    if start < 0 or every < 1 or (stop is not None and stop <= start):
        raise DatasetError(
            f"start {start}, stop {stop}, every {every} are no frames",
            where=file,
            remedy="start >= 0, stop > start, every >= 1",
        )
    if interval is not None and timestep is not None:
        raise DatasetError(
            "both `interval` and `timestep` are given", where=file, remedy="give one of them"
        )
    kind = format or _format_of(file)
    options: dict[str, Any] = {}
    if kind == LAMMPS_DUMP:
        options = {"specorder": elements_of_types(file, elements), "units": lammps_units}
    frames = list(_read(file, slice(start, stop, every), kind, options))
    if start and not frames:
        raise DatasetError(f"it has no frame {start}", where=file, remedy="take a smaller `start`")
    between = None if interval is None else interval * every
    if kind == LAMMPS_DUMP:
        frames = last_written(frames)
        if unwrapped is None:
            unwrapped = are_paths(file)
        if timestep is not None:
            between = timestep * 1.0e-3 * steps_between(frames, file)
    elif timestep is not None:
        raise DatasetError(
            "`timestep` needs a LAMMPS dump, which has step numbers",
            where=file,
            remedy="give `interval` (ps between frames)",
        )
    return Trajectory(
        tuple(map(_bare, frames)), between, str(file), _energies(frames), bool(unwrapped)
    )


def _format_of(file: Path) -> str:
    try:
        return str(filetype(str(file), guess=True))
    except UNREADABLE as error:
        raise DatasetError(
            f"its format is not known: {error}",
            where=file,
            remedy="name it with `format` (lammps-dump-text, extxyz, traj, vasp-xdatcar, ...)",
        ) from None


def _read(file: Path, part: slice, kind: str, options: dict[str, Any]) -> Iterator[Atoms]:
    if kind == LAMMPS_DUMP:  # ase.io.iread would read the whole file first
        yield from read_dump_frames(file, part, options)
        return
    try:
        yield from ase.io.iread(file, index=part, format=kind, **options)
    except UNREADABLE as error:
        raise DatasetError(
            f"it cannot be read: {type(error).__name__}: {error}"[:300],
            where=file,
            remedy=f"it was taken for {kind}; name its format with `format`",
        ) from None


def _energies(frames: list[Atoms]) -> Array | None:
    """(frames,) in eV, that the file has; None where a frame has none or it is no number."""
    found = [np.nan if one.calc is None else one.calc.results.get("energy") for one in frames]
    energies = np.array(found, dtype=np.float64)  # None becomes nan
    return energies if np.isfinite(energies).all() else None


def _bare(atoms: Atoms) -> Atoms:
    """Without calculators, info and further arrays; with velocities where there are any."""
    bare = Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    if atoms.has("momenta"):
        bare.set_momenta(atoms.get_momenta())
    if atoms.has("masses"):
        bare.set_masses(atoms.get_masses())
    return bare
