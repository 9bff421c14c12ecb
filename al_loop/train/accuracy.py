"""Errors of a model on labelled frames."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
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


FORCE_PARITY = "force-parity.npz"
"""File of a trained member: what it says of forces of test frames, and their labels."""

MOST_COMPONENTS = 4000

Prediction = tuple[float, Array, Array]
"""Of a predictor: energy (eV), forces (eV/Å), virial (eV)."""


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


@dataclass(frozen=True)
class ForceParity:
    """Force components of some frames, by label and by a model; each (components,), eV/Å."""

    label: Array
    predicted: Array


def frame_errors(predictor: Predictor, frames: Sequence[Labelled]) -> FrameErrors:
    """Errors of a model on each frame."""
    return compare((predictor.predict(frame.atoms) for frame in frames), frames)


def compare(predictions: Iterable[Prediction], frames: Sequence[Labelled]) -> FrameErrors:
    """Errors of what a model has predicted of each frame."""
    rows = np.full((len(frames), 5), np.nan)
    with np.errstate(over="ignore", invalid="ignore"):  # a model that has run away
        for row, (e, f, v), frame in zip(rows, predictions, frames, strict=True):
            n = len(frame.atoms)
            row[:3] = n, (e - frame.energy) / n, _rms(f - frame.forces)
            if frame.virial is not None:
                row[3] = _rms(v - frame.virial) / n
            row[4] = _rms(frame.forces)
    has_virial = np.array([frame.virial is not None for frame in frames], dtype=bool)
    atoms, energy, force, virial, scale = rows.T
    return FrameErrors(atoms, energy, force, virial, scale, has_virial)


def predict_all(predictor: Predictor, frames: Sequence[Labelled]) -> list[Prediction]:
    """What a model says of each frame."""
    with np.errstate(over="ignore", invalid="ignore"):  # a model that has run away
        return [predictor.predict(frame.atoms) for frame in frames]


def force_parity(predictions: Sequence[Prediction], frames: Sequence[Labelled]) -> ForceParity:
    """At most 4,000 components, evenly from all frames; x, y and z alike."""
    label = np.concatenate([np.ravel(frame.forces) for frame in frames] or [np.empty(0)])
    predicted = np.concatenate([np.ravel(f) for _, f, _ in predictions] or [np.empty(0)])
    step = -(-len(label) // MOST_COMPONENTS) or 1
    step += step > 1 and step % 3 == 0  # else it would be always the same component
    return ForceParity(label[::step], predicted[::step])


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
    _save(path, arrays)


def write_force_parity(path: Path, parity: ForceParity) -> None:
    """Write it atomically."""
    _save(path, {"label": parity.label, "predicted": parity.predicted})


def read_force_parity(content: bytes) -> ForceParity:
    """What :func:`write_force_parity` wrote."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return ForceParity(label=file["label"], predicted=file["predicted"])


def _save(path: Path, arrays: Mapping[str, NDArray[np.float64] | NDArray[np.bool_]]) -> None:
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]  # its options are none of these names
    write_atomically(path, stream.getvalue())


def read_frame_errors(content: bytes) -> dict[str, FrameErrors]:
    """What :func:`write_frame_errors` wrote."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        names = dict.fromkeys(key.split("/")[0] for key in file.files)
        return {
            name: FrameErrors(**{f.name: file[f"{name}/{f.name}"] for f in fields(FrameErrors)})
            for name in names
        }
