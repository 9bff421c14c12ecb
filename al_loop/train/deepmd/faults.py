"""What can go wrong in training, as reason and remedy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from al_loop.errors import PhysicsFault
from al_loop.frame import Labelled

USELESS = 10.0
"""A network whose force error is this many times the forces themselves has diverged."""


def diverged(what: str) -> PhysicsFault:
    """The fault of a training that ran away."""
    return PhysicsFault(
        "training-diverged",
        what,
        remedy="lower train.options.start_lr, or look for wrong labels among the frames",
    )


def check_last_error(curve: str, frames: Sequence[Labelled]) -> None:
    """Raise PhysicsFault when the last row of ``lcurve.out`` is worse than no model at all.

    A network can run away without any NaN: tanh keeps it finite.
    """
    error = last_force_error(curve)
    forces = np.concatenate([frame.forces.ravel() for frame in frames])
    typical = float(np.sqrt(np.mean(forces**2)))
    if error is not None and error > USELESS * typical > 0:
        raise diverged(
            f"the force error at the last step is {error:.3g} eV/Å; the forces themselves "
            f"are {typical:.3g} eV/Å"
        )


def last_force_error(curve: str) -> float | None:
    """``rmse_f_trn`` (eV/Å) of the last row of ``lcurve.out``; None without rows."""
    rows = [line.split() for line in curve.splitlines() if line and not line.startswith("#")]
    header = next((line for line in curve.splitlines() if line.startswith("# step")), None)
    if not rows or header is None:
        return None
    return float(rows[-1][header.split()[1:].index("rmse_f_trn")])
