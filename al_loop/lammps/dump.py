"""Snapshots that LAMMPS wrote, as arrays and configurations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from al_loop.lammps.cell import wrapped
from al_loop.units import Array


@dataclass(frozen=True)
class Snapshot:
    """One sample of a dump, in LAMMPS' restricted cell.

    ``kinds`` (atoms,) are atom types from 1; ``positions`` (atoms, 3) are relative to the
    cell's corner; ``cell`` (3, 3) is lower triangular. Lost atoms are absent.
    """

    step: int
    kinds: NDArray[np.int64]
    positions: Array
    forces: Array
    cell: Array


def read_dump(lines: Iterable[str]) -> Iterator[Snapshot]:
    """Snapshots of a custom dump (id type x y z fx fy fz), in a triclinic box, sorted by id.

    One snapshot is held at a time; an incomplete last one is left out.
    """
    stream = iter(lines)
    for line in stream:
        if line.strip() != "ITEM: TIMESTEP":
            continue
        try:
            head = [next(stream) for _ in range(8)]
            step, count = int(head[0]), int(head[2])
            bounds = np.array([row.split() for row in head[4:7]], dtype=np.float64)
            table = [next(stream) for _ in range(count)]
            if table and not table[-1].endswith("\n"):
                return
            rows = np.array([row.split() for row in table], dtype=np.float64).reshape(count, 8)
        except (StopIteration, ValueError, IndexError):
            return
        if bounds.shape != (3, 3):
            return
        corner, cell = box(bounds)
        yield Snapshot(
            step=step,
            kinds=rows[:, 1].astype(np.int64),
            positions=rows[:, 2:5] - corner,
            forces=rows[:, 5:8],
            cell=cell,
        )


def box(bounds: Array) -> tuple[Array, Array]:
    """Corner (3,) and cell (3, 3) from the BOX BOUNDS of a triclinic dump.

    The bounds are those of the orthogonal box around the cell (LAMMPS manual, Howto_triclinic).
    """
    xy, xz, yz = bounds[:, 2]
    xlo = bounds[0, 0] - min(0.0, xy, xz, xy + xz)
    xhi = bounds[0, 1] - max(0.0, xy, xz, xy + xz)
    ylo = bounds[1, 0] - min(0.0, yz)
    yhi = bounds[1, 1] - max(0.0, yz)
    zlo, zhi = bounds[2, 0], bounds[2, 1]
    cell = np.array([[xhi - xlo, 0.0, 0.0], [xy, yhi - ylo, 0.0], [xz, yz, zhi - zlo]])
    return np.array([xlo, ylo, zlo]), cell


def frame_of(snapshot: Snapshot, start: Atoms, rotation: Array) -> Atoms:
    """A snapshot as a configuration, turned by ``rotation`` (3, 3)."""
    positions = wrapped(snapshot.positions, snapshot.cell)
    return Atoms(
        numbers=start.numbers,
        positions=positions @ rotation,
        cell=snapshot.cell @ rotation,
        pbc=True,
    )
