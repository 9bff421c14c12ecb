"""LAMMPS text dumps: the elements of their types, and what a kill has cut off."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from ase.io.formats import UnknownFileTypeError
from ase.io.lammpsrun import iread_lammps_dump_text

from al_loop.errors import DatasetError

# What the readers are seen to raise on files that are not what they seem.
UNREADABLE = (
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
LAMMPS_DUMP = "lammps-dump-text"


def read_dump_frames(file: Path, part: slice, options: dict[str, Any]) -> Iterator[Atoms]:
    """Frames of a part, one at a time; DatasetError where one cannot be read or is not whole."""
    read, whole = 0, _atoms_of_first(file)
    with _opened(file) as lines:
        frame = part.start
        try:
            for atoms in iread_lammps_dump_text(lines, index=part, **options):
                if len(atoms) < whole and _at_end(lines):  # ASE takes the rows that there are
                    raise _cut_off(file, frame, whole=read)
                yield atoms
                read += 1
                frame += part.step
        except UNREADABLE as error:
            if isinstance(error, IndexError) and options["specorder"]:
                known = ", ".join(options["specorder"])
                raise DatasetError(
                    f"frame {frame} has an atom type for which there is no element",
                    where=file,
                    remedy=f"give one for each, first type first; `elements` has only {known}",
                ) from None
            if _at_end(lines):
                raise _cut_off(file, frame, whole=read) from None
            raise DatasetError(
                f"frame {frame} cannot be read: {type(error).__name__}: {error}"[:300],
                where=file,
                remedy=f"it was taken for {LAMMPS_DUMP}; name its format with `format`",
            ) from None


def _cut_off(file: Path, frame: int, *, whole: int) -> DatasetError:
    remedy = f": read the frames before it with stop={frame} (--stop {frame})"
    return DatasetError(
        f"the file ends within frame {frame}",
        where=file,
        remedy="a killed run has cut it off" + (remedy if whole else ", and no frame is whole"),
    )


def _atoms_of_first(file: Path) -> int:
    """Atoms that the first frame of a dump says it has; 0 where it does not."""
    with _opened(file) as lines:
        for line in lines:
            if line.startswith("ITEM: NUMBER OF ATOMS"):
                count = lines.readline().split()
                return int(count[0]) if count and count[0].isdigit() else 0
    return 0


def _at_end(lines: IO[str]) -> bool:
    """Whether nothing is left to read, or a compressed file breaks off here."""
    try:
        return not lines.read(1)
    except EOFError:
        return True


def elements_of_types(file: Path, elements: Sequence[str] | None) -> list[str] | None:
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


def are_paths(file: Path) -> bool:
    """Whether the positions of a dump are unwrapped; ASE takes wrapped ones where it has both."""
    columns = set(_columns(file))
    return bool(columns & {"xu", "xsu"}) and not columns & {"x", "xs"}


def _opened(file: Path) -> IO[str]:
    return cast(IO[str], gzip.open(file, "rt")) if file.suffix == ".gz" else file.open()


def last_written(frames: list[Atoms]) -> list[Atoms]:
    """Without those that a restarted run has written again later."""
    kept: list[Atoms] = []
    for atoms in frames:
        while kept and kept[-1].info["timestep"] >= atoms.info["timestep"]:
            kept.pop()
        kept.append(atoms)
    return kept


def steps_between(frames: list[Atoms], file: Path) -> int:
    """MD steps between neighbouring frames; DatasetError where they differ."""
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
