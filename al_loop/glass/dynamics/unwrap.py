"""Paths of atoms without the jumps through the faces of the cell."""

from __future__ import annotations

import numpy as np

from al_loop.errors import DatasetError
from al_loop.glass.trajectory import Trajectory
from al_loop.units import Array

_LONGEST_STEP = 0.45
"""Of the cell, between two frames: near one half nobody can tell a step from its image."""


def paths_of(run: Trajectory) -> Array:
    """Unwrapped paths (frames, atoms, 3) in Å; atoms stand in the same order in all frames.

    Positions that are known to be unwrapped (``run.unwrapped``) stay what they are in a cell that
    does not change, however far atoms move between two frames. All others are followed by their
    shortest steps, unwrapped ones in a cell that changes, too: see :func:`unwrapped`.

    Raises
    ------
    DatasetError
        As :func:`unwrapped`.
    """
    positions = np.array([atoms.positions for atoms in run.frames])
    if run.unwrapped and run.fixed_cell:
        return positions
    return unwrapped(positions, np.array([atoms.cell.array for atoms in run.frames]))


def unwrapped(positions: Array, cells: Array) -> Array:
    """Positions (frames, atoms, 3) in Å, with the jumps between periodic images taken out.

    ``cells`` is (3, 3), or (frames, 3, 3) where the cell changes; rows are its vectors, Å. The path
    of an atom is the sum of the shortest steps between its images in the cell, so that diffusion
    at constant pressure is right as well (Bullerjahn, von Bülow, Heidari, Hénin and Hummer, J.
    Chem. Theory Comput. 19, 3406 (2023)); scaled coordinates would add the cell's fluctuations,
    more the farther an atom has gone.

    Raises
    ------
    DatasetError
        An atom moves so far between two frames that its step cannot be told from an image of it.
    """
    frames = len(positions)
    all_cells = np.broadcast_to(np.asarray(cells, dtype=np.float64), (frames, 3, 3))
    inverse = np.linalg.inv(all_cells)
    paths = np.empty(positions.shape, dtype=np.float64)
    paths[0] = positions[0]
    before = _inside(positions[0], all_cells[0], inverse[0])
    for t in range(1, frames):
        now = _inside(positions[t], all_cells[t], inverse[t])
        step = (now - before) @ inverse[t]
        step -= np.rint(step)
        if (longest := float(np.abs(step).max(initial=0.0))) > _LONGEST_STEP:
            raise DatasetError(
                f"an atom moves by {longest:.2f} of the cell between frames {t - 1} and {t}: its "
                "path cannot be followed",
                remedy="write frames more often; or, at constant volume, unwrapped coordinates "
                "(LAMMPS: xu yu zu; of other files say `unwrapped`)",
            )
        paths[t] = paths[t - 1] + step @ all_cells[t]
        before = now
    return paths


def _inside(positions: Array, cell: Array, inverse: Array) -> Array:
    fractions = positions @ inverse
    inside: Array = (fractions - np.floor(fractions)) @ cell
    return inside
