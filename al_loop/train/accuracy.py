"""Errors of a model on labelled frames."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from al_loop.frame import Labelled
from al_loop.jobfolder import write_atomically
from al_loop.train.interface import Errors, Predictor
from al_loop.units import Array

_MEV = 1000.0

FRAME_ERRORS = "frame-errors.npz"
"""File of a trained member: its errors on each frame, in the order of the data."""


@dataclass(frozen=True)
class FrameErrors:
    """Errors of a model, frame by frame; each array (frames,).

    ``energy``: predicted minus label, eV/atom. ``force``, ``virial``: root mean square over the
    components, eV/Å and eV/atom; ``virial`` is NaN where the label has none. ``scale``: root mean
    square of the label's own force components, eV/Å.
    """

    atoms: Array
    energy: Array
    force: Array
    virial: Array
    scale: Array
    has_virial: NDArray[np.bool_]


def frame_errors(predictor: Predictor, frames: Sequence[Labelled]) -> FrameErrors:
    """Errors of a model on each frame."""
    rows = np.full((len(frames), 5), np.nan)
    with np.errstate(over="ignore", invalid="ignore"):  # a model that has run away
        for row, frame in zip(rows, frames, strict=True):
            n = len(frame.atoms)
            e, f, v = predictor.predict(frame.atoms)
            row[:3] = n, (e - frame.energy) / n, _rms(f - frame.forces)
            if frame.virial is not None:
                row[3] = _rms(v - frame.virial) / n
            row[4] = _rms(frame.forces)
    has_virial = np.array([frame.virial is not None for frame in frames], dtype=bool)
    atoms, energy, force, virial, scale = rows.T
    return FrameErrors(atoms, energy, force, virial, scale, has_virial)


def errors_of(predictor: Predictor, frames: Sequence[Labelled]) -> Errors:
    """Root-mean-square errors of a model on frames; see :func:`summary`."""
    return summary(frame_errors(predictor, frames))


def summary(errors: FrameErrors) -> Errors:
    """Root-mean-square errors over frames.

    Energy: over frames, of the error per atom. Forces: over all components of all atoms of
    all frames. Virial: over the nine components of the frames that have one, of the error
    per atom. These are the definitions of ``dp test``.
    """
    n = len(errors.atoms)
    if not n:
        return Errors(frames=0, energy_rmse=None, force_rmse=None, virial_rmse=None)
    with np.errstate(over="ignore", invalid="ignore"):
        weights = errors.atoms / errors.atoms.sum()
        force = float(np.sqrt(np.sum(weights * errors.force**2)))
        virial = errors.virial[errors.has_virial]
        return Errors(
            frames=n,
            energy_rmse=_rms(errors.energy) * _MEV,
            force_rmse=force,
            virial_rmse=_rms(virial) * _MEV if len(virial) else None,
        )


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def write_frame_errors(path: Path, errors: Mapping[str, FrameErrors]) -> None:
    """Write errors by the name of their set (train, valid, test), atomically."""
    arrays = {
        f"{name}/{field.name}": getattr(one, field.name)
        for name, one in errors.items()
        for field in fields(FrameErrors)
    }
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    write_atomically(path, stream.getvalue())


def read_frame_errors(content: bytes) -> dict[str, FrameErrors]:
    """What :func:`write_frame_errors` wrote."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        names = dict.fromkeys(key.split("/")[0] for key in file.files)
        return {
            name: FrameErrors(**{f.name: file[f"{name}/{f.name}"] for f in fields(FrameErrors)})
            for name in names
        }
