"""The learning curve of a training, as DeePMD-kit writes it and any trainer may."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from al_loop.units import Array

CURVE = "lcurve.out"
"""Name of the file among ``Member.extra``."""


@dataclass(frozen=True)
class LearningCurve:
    """Rows of a learning curve, in order of time.

    ``step`` (rows,) integer. ``columns``: name as DeePMD-kit has it (``rmse_f_trn``,
    ``rmse_e_val``, ``lr``, ...) -> values (rows,); forces eV/Å, energies and virials eV/atom; of
    one batch.
    """

    step: NDArray[np.int64]
    columns: dict[str, Array]


def read_curve(text: str) -> LearningCurve:
    """Read ``lcurve.out``; without a header there are no columns. Rows that are cut off are left
    out, as a kill leaves them."""
    lines = text.splitlines()
    header = next((line.split()[1:] for line in lines if line.startswith("# step")), [])
    rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    table = [[float(word) for word in row] for row in rows if len(row) == len(header)]
    values = np.array(table, dtype=np.float64).reshape(len(table), len(header))
    columns = {name: values[:, i] for i, name in enumerate(header)}
    step = columns.pop("step", np.empty(0)).astype(np.int64)
    return LearningCurve(step=step, columns=columns)
