"""Labelled frames out of files of any format that dpdata or ASE reads, one at a time."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from ase.io.formats import UnknownFileTypeError, ioformats

from al_loop.errors import UserError
from al_loop.frame import Labelled
from al_loop.units import Array, virial_from_stress

_ASE_WITHOUT_CONVERGENCE = {"vasp-out": "vasp/outcar", "vasp-xml": "vasp/xml"}
"""ASE's readers that do not look whether the SCF converged, and dpdata's that do."""
_FILES_OF = {"vasp/outcar": "OUTCAR*", "vasp/xml": "vasprun*.xml"}
_MANY_SYSTEMS = ("deepmd/npy/mixed", "deepmd/hdf5", "deepmd/hdf5/mixed")

# What the readers are seen to raise on files that are not what they seem.
_UNREADABLE = (
    OSError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    RuntimeError,
    StopIteration,
    SyntaxError,
    TypeError,
    UnknownFileTypeError,
    ValueError,
)


@dataclass(frozen=True)
class Found:
    """A frame as it stands in a file: its label, or why there is none."""

    where: str
    label: Labelled | None
    reason: str = ""


def guess_format(path: Path) -> str | None:
    """Name of the format, where a look at the path tells it; None leaves it to ASE."""
    if path.is_dir() and next(path.rglob("type.raw"), None):
        return "deepmd/npy"
    for fmt, pattern in _FILES_OF.items():
        if path.match(pattern) or (path.is_dir() and next(path.rglob(pattern), None)):
            return fmt
    return None


def read_data_set(path: Path, fmt: str | None = None) -> Iterator[Found]:
    """Frames of a file or folder, in a fixed order. A system at a time is in memory.

    Energies are free energies where the format tells them apart (the forces are their
    derivatives), eV; the virial is None where there is none.

    Raises
    ------
    UserError
        There is no such path or format, or the format does not tell what has to be known.
    """
    from dpdata.format import Format

    if not path.exists():
        raise UserError("there is no such file or folder", where=path)
    fmt = fmt or guess_format(path)
    if fmt in _ASE_WITHOUT_CONVERGENCE:
        raise UserError(
            f"{fmt} does not tell whether the SCF converged",
            where="--format",
            remedy=f"use {_ASE_WITHOUT_CONVERGENCE[fmt]}",
        )
    if fmt is None or fmt in ioformats:
        return _by_ase(path, fmt)
    if fmt in Format.get_formats():
        return _by_dpdata(path, fmt)
    raise UserError(
        f"neither dpdata nor ASE knows a format {fmt!r}",
        where="--format",
        remedy="deepmd/npy, vasp/outcar, vasp/xml, extxyz, traj, ...: the lists are in the "
        "documentation of dpdata and ASE",
    )


def _by_ase(path: Path, fmt: str | None) -> Iterator[Found]:
    i = 0
    try:
        for i, atoms in enumerate(ase.io.iread(path, index=":", format=fmt)):
            yield _of_ase(atoms, f"{path}: frame {i}")
    except _UNREADABLE as error:
        yield Found(f"{path}: after frame {i}", None, f"unreadable: {_words(error)}")


def _of_ase(atoms: Atoms, where: str) -> Found:
    results: dict[str, Any] = {} if atoms.calc is None else atoms.calc.results
    energy = results.get("free_energy", results.get("energy"))
    if energy is None or "forces" not in results:
        return Found(where, None, "it has no energy or no forces")
    virial = None
    if results.get("stress") is not None:
        virial = virial_from_stress(atoms.get_stress(voigt=False), atoms.get_volume())
    if "virial" in atoms.info:
        given = np.asarray(atoms.info["virial"], dtype=np.float64).reshape(3, 3)
        if virial is not None and not np.allclose(virial, given, rtol=1e-4, atol=1e-4):
            return Found(where, None, "its virial and its stress contradict each other")
        virial = given
    return Found(where, Labelled(_bare(atoms), float(energy), results["forces"], virial))


def _bare(atoms: Atoms) -> Atoms:
    return Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)


def _by_dpdata(path: Path, fmt: str) -> Iterator[Found]:
    for place in _places(path, fmt):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                systems = _systems(place, fmt)
            except _UNREADABLE as error:
                yield Found(str(place), None, f"unreadable: {_words(error)}")
                continue
        yield from _unconverged(place, [str(one.message) for one in caught])
        for name, system in systems:
            yield from _frames(system.data, f"{place}{name}")


def _places(path: Path, fmt: str) -> list[Path]:
    """The folders of systems, or the files, that a path stands for; sorted."""
    if path.is_dir() and fmt in ("deepmd/npy", "deepmd/raw", "deepmd/comp"):
        return sorted(one.parent for one in path.rglob("type.raw"))
    if path.is_dir() and fmt in _FILES_OF:
        return sorted(path.rglob(_FILES_OF[fmt]))
    return [path]


def _systems(place: Path, fmt: str) -> list[tuple[str, Any]]:
    import dpdata

    if fmt in _MANY_SYSTEMS:
        many = dpdata.MultiSystems().load_systems_from_file(str(place), fmt=fmt)
        return [(f"/{name}", system) for name, system in sorted(many.systems.items())]
    return [("", dpdata.LabeledSystem(str(place), fmt=fmt))]


def _unconverged(place: Path, words: list[str]) -> Iterator[Found]:
    """Frames that dpdata leaves out because their SCF did not converge."""
    for text in words:
        if "unconverged" in text:
            for number in re.findall(r"\d+", text) or ["some"]:
                yield Found(f"{place}: step {number}", None, "its SCF did not converge")


def _frames(data: dict[str, Any], place: str) -> Iterator[Found]:
    count = len(data["coords"])
    if "energies" not in data or "forces" not in data:
        for i in range(count):
            yield Found(f"{place}: frame {i}", None, "it has no energy or no forces")
        return
    symbols = np.array(data["atom_names"])[data["atom_types"]].tolist()
    virials = data.get("virials")
    for i in range(count):
        atoms = Atoms(
            symbols=symbols,
            positions=np.asarray(data["coords"][i], dtype=np.float64),
            cell=np.asarray(data["cells"][i], dtype=np.float64),
            pbc=not data.get("nopbc", False),
        )
        forces: Array = np.array(data["forces"][i], dtype=np.float64)
        virial = None if virials is None else np.array(virials[i], dtype=np.float64)
        label = Labelled(atoms, float(data["energies"][i]), forces, virial)
        yield Found(f"{place}: frame {i}", label)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]
