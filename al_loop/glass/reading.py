"""Trajectories out of files of LAMMPS, ASE and VASP."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal, cast

import ase.io
import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from ase.io.formats import UnknownFileTypeError, filetype
from ase.io.lammpsrun import iread_lammps_dump_text

from al_loop.errors import DatasetError
from al_loop.glass.trajectory import Trajectory
from al_loop.units import Array

LammpsUnits = Literal["metal", "real", "si", "cgs", "electron"]

# What the readers are seen to raise on files that are not what they seem.
_UNREADABLE = (
    OSError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    RuntimeError,
    StopIteration,
    TypeError,
    UnknownFileTypeError,
    ValueError,
)
_DUMP = "lammps-dump-text"


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
    if not file.is_file():
        raise DatasetError("there is no such file", where=file)
    if start < 0 or every < 1 or (stop is not None and stop <= start):
        raise DatasetError(
            f"frames {start}:{stop}:{every} are none",
            where=file,
            remedy="start >= 0, stop > start, every >= 1",
        )
    if interval is not None and timestep is not None:
        raise DatasetError(
            "both `interval` and `timestep` are given", where=file, remedy="give one of them"
        )
    kind = format or _format_of(file)
    options: dict[str, Any] = {}
    if kind == _DUMP:
        options = {"specorder": _kinds(file, elements), "units": lammps_units}
    frames = list(_read(file, slice(start, stop, every), kind, options))
    between = None if interval is None else interval * every
    if kind == _DUMP:
        frames = _last_written(frames)
        if unwrapped is None:
            unwrapped = _are_paths(file)
        if timestep is not None:
            between = timestep * 1.0e-3 * _steps_between(frames, file)
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
    except _UNREADABLE as error:
        raise DatasetError(
            f"its format is not known: {error}",
            where=file,
            remedy="name it with `format` (lammps-dump-text, extxyz, traj, vasp-xdatcar, ...)",
        ) from None


def _read(file: Path, part: slice, kind: str, options: dict[str, Any]) -> Iterator[Atoms]:
    read = 0
    try:
        if kind == _DUMP:  # ase.io.iread would read the whole file first
            with _opened(file) as lines:
                for atoms in iread_lammps_dump_text(lines, index=part, **options):
                    yield atoms
                    read += 1
        else:
            yield from ase.io.iread(file, index=part, format=kind, **options)
    except _UNREADABLE as error:
        whole = part.start + read * part.step
        raise DatasetError(
            (f"frame {whole}" if kind == _DUMP else "it")
            + f" cannot be read: {type(error).__name__}: {error}"[:300],
            where=file,
            remedy=f"if a killed run has cut it off, read the frames before it with stop={whole}"
            if read
            else f"it was taken for {kind}; name its format with `format`",
        ) from None


def _kinds(file: Path, elements: Sequence[str] | None) -> list[str] | None:
    """Element per atom type; None where the dump has a column of elements."""
    columns = _columns(file)
    if "element" in columns:
        return None
    if "type" not in columns:
        raise DatasetError(
            "the dump has neither a column `element` nor `type`",
            where=file,
            remedy="dump `id type element x y z`",
        )
    if not elements:
        raise DatasetError(
            "the dump has atom types and does not tell their elements",
            where=file,
            remedy="give `elements`, first type first (for example Si O)",
        )
    if unknown := [symbol for symbol in elements if symbol not in atomic_numbers]:
        raise DatasetError(f"elements: there is no element {', '.join(unknown)}", where=file)
    return list(elements)


def _columns(file: Path) -> list[str]:
    with _opened(file) as lines:
        for line in lines:
            if found := re.match(r"ITEM: ATOMS\s+(.*)", line):
                return found.group(1).split()
    raise DatasetError("the dump has no `ITEM: ATOMS`", where=file)


def _are_paths(file: Path) -> bool:
    """Whether the positions of a dump are unwrapped; ASE takes wrapped ones where it has both."""
    columns = set(_columns(file))
    return bool(columns & {"xu", "xsu"}) and not columns & {"x", "xs"}


def _opened(file: Path) -> IO[str]:
    return cast(IO[str], gzip.open(file, "rt")) if file.suffix == ".gz" else file.open()


def _last_written(frames: list[Atoms]) -> list[Atoms]:
    kept: list[Atoms] = []
    for atoms in frames:
        while kept and kept[-1].info["timestep"] >= atoms.info["timestep"]:
            kept.pop()
        kept.append(atoms)
    return kept


def _steps_between(frames: list[Atoms], file: Path) -> int:
    steps = np.array([atoms.info["timestep"] for atoms in frames])
    gaps = np.unique(np.diff(steps))
    if len(gaps) != 1:
        raise DatasetError(
            "one frame has no time between frames"
            if len(steps) == 1
            else f"frames are {', '.join(map(str, gaps[:5]))} steps apart; time needs even spacing",
            where=file,
            remedy="read an evenly spaced part (start, stop), or leave out `timestep`",
        )
    return int(gaps[0])


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
