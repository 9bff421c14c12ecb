"""Lattice parameters of a crystal, whatever supercell it was simulated in."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from al_loop.errors import DatasetError
from al_loop.glass.dynamics import paths_of
from al_loop.glass.estimate import Estimate, jackknife
from al_loop.glass.measuring.options import MeasureOptions
from al_loop.glass.measuring.part import Part
from al_loop.glass.trajectory import Trajectory
from al_loop.units import Array

DISORDERED = ("glass", "melt")
"""Phases that have no lattice."""
TOLERANCE = 0.2
"""Å by which mean positions may miss the symmetry: what is left of heat in a short run."""

_ROUNDING = 1.0e-9
_NAMES = ("a", "b", "c", "alpha", "beta", "gamma")


def lattice(sample: Trajectory, options: MeasureOptions) -> Part:
    """Parameters of the conventional cell (the standard setting that spglib chooses).

    Mean positions tell the symmetry, the mean cell the parameters, made to have it. Errors by the
    jackknife over blocks of frames.
    """
    part = Part()
    if options.phase in DISORDERED:
        return part
    with part.attempt("lattice"):
        sample.ordered_symbols()
        cells = np.array([atoms.cell.array for atoms in sample.frames])
        setting = _setting(cells.mean(axis=0), _mean_places(sample), sample)
        values, errors = jackknife(cells, setting.parameters)
        for name, value, error in zip(_NAMES, values, errors, strict=True):
            unit = "Å" if name in "abc" else "degree"
            if error is not None and error < _ROUNDING:  # what symmetry fixes
                value, error = round(float(value), 9), 0.0
            part.values[f"lattice_{name}"] = Estimate(float(value), error, len(sample), unit)
    return part


@dataclass(frozen=True)
class _Setting:
    """``basis`` (3, 3) makes conventional vectors of a cell; ``rotations`` (n, 3, 3) keep them."""

    basis: Array
    rotations: Array

    def parameters(self, cell: Array) -> Array:
        """Lengths (Å) and angles (degrees), (6,), of a cell (3, 3) that has the symmetry."""
        vectors = self.basis @ cell
        metric = vectors @ vectors.T
        metric = np.mean([w.T @ metric @ w for w in self.rotations], axis=0)
        lengths = np.sqrt(np.diag(metric))
        pairs = ((1, 2), (0, 2), (0, 1))
        cosines = [metric[i, j] / (lengths[i] * lengths[j]) for i, j in pairs]
        return np.concatenate([lengths, np.degrees(np.arccos(cosines))])


def _mean_places(sample: Trajectory) -> Array:
    """Mean fractional coordinates (atoms, 3); the crystal as a whole may drift."""
    paths = paths_of(sample)
    cells = np.array([atoms.cell.array for atoms in sample.frames])
    places = paths @ np.linalg.inv(cells)
    centres = places.mean(axis=1, keepdims=True)
    mean: Array = (places - centres + centres[0]).mean(axis=0)
    return mean


def _setting(cell: Array, places: Array, sample: Trajectory) -> _Setting:
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
        group: Any = spglib.get_symmetry_from_database(found.hall_number)
    basis = np.linalg.inv(found.transformation_matrix).T
    return _Setting(basis, np.asarray(group["rotations"], dtype=np.float64))
