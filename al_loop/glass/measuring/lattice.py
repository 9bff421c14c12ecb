"""Lattice parameters of a crystal, whatever supercell it was simulated in."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from ase.geometry import cell_to_cellpar

from al_loop.errors import DatasetError
from al_loop.glass.dynamics import paths_of
from al_loop.glass.estimate import Estimate
from al_loop.glass.measuring.options import MeasureOptions
from al_loop.glass.measuring.part import Part
from al_loop.glass.trajectory import Trajectory
from al_loop.units import Array

DISORDERED = ("glass", "melt")
"""Phases that have no lattice."""
TOLERANCE = 0.2
"""Å by which mean positions may miss the symmetry: what is left of heat in a short run."""

_NAMES = ("a", "b", "c", "alpha", "beta", "gamma")


def lattice(sample: Trajectory, options: MeasureOptions) -> Part:
    """Parameters of the conventional cell (the standard setting that spglib chooses).

    Of the mean positions and the mean cell over the frames.
    """
    part = Part()
    if options.phase in DISORDERED:
        return part
    with part.attempt("lattice"):
        sample.ordered_symbols()
        cell = np.mean([atoms.cell.array for atoms in sample.frames], axis=0)
        parameters = cell_to_cellpar(_conventional(cell, _mean_places(sample), sample))
        for name, value in zip(_NAMES, parameters, strict=True):
            unit = "Å" if name in "abc" else "degree"
            part.values[f"lattice_{name}"] = Estimate(float(value), None, len(sample), unit)
    return part


def _mean_places(sample: Trajectory) -> Array:
    """Mean fractional coordinates (atoms, 3); the crystal as a whole may drift."""
    paths = paths_of(sample.frames)
    cells = np.array([atoms.cell.array for atoms in sample.frames])
    places = paths @ np.linalg.inv(cells)
    centres = places.mean(axis=1, keepdims=True)
    mean: Array = (places - centres + centres[0]).mean(axis=0)
    return mean


def _conventional(cell: Array, places: Array, sample: Trajectory) -> Array:
    import spglib

    # Its warning is about how errors will be told one day; both ways are understood here.
    crystal: Any = (cell, places % 1.0, sample.frames[0].numbers)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*OLD_ERROR_HANDLING.*", DeprecationWarning)
        try:
            found: Any = spglib.get_symmetry_dataset(crystal, symprec=TOLERANCE)
        except spglib.SpglibError:
            found = None
    if found is None or found.number == 1:
        raise DatasetError(
            f"the mean positions have no symmetry within {TOLERANCE:g} Å",
            remedy="a longer run, or a colder one; has the crystal melted?",
        )
    lattice_: Array = np.asarray(found.std_lattice, dtype=np.float64)
    return lattice_
