"""Errors of a model on labelled frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from al_loop.frame import Labelled
from al_loop.train.interface import Errors, Predictor
from al_loop.units import Array

_MEV = 1000.0


def errors_of(predictor: Predictor, frames: Sequence[Labelled]) -> Errors:
    """Root-mean-square errors of a model on frames.

    Energy: over frames, of the error per atom. Forces: over all components of all atoms of
    all frames. Virial: over the nine components of the frames that have one, of the error
    per atom. These are the definitions of ``dp test``.
    """
    if not frames:
        return Errors(frames=0, energy_rmse=None, force_rmse=None, virial_rmse=None)
    energy: list[Array] = []
    force: list[Array] = []
    virial: list[Array] = []
    for frame in frames:
        n = len(frame.atoms)
        e, f, v = predictor.predict(frame.atoms)
        energy.append(np.atleast_1d((e - frame.energy) / n))
        force.append((f - frame.forces).ravel())
        if frame.virial is not None:
            virial.append((v - frame.virial).ravel() / n)
    return Errors(
        frames=len(frames),
        energy_rmse=_rms(energy) * _MEV,
        force_rmse=_rms(force),
        virial_rmse=_rms(virial) * _MEV if virial else None,
    )


def _rms(parts: Sequence[Array]) -> float:
    with np.errstate(over="ignore", invalid="ignore"):  # a model that has run away: infinity, NaN
        return float(np.sqrt(np.mean(np.square(np.concatenate(parts)))))
