"""Trust levels: accurate, candidate or failed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_loop.campaign.spec import TrustLevels
from al_loop.units import Array

ACCURATE, CANDIDATE, FAILED = 0, 1, 2

Codes = NDArray[np.int8]


def classify(
    force_deviation: Array,
    *,
    levels: TrustLevels,
    virial_deviation: Array | None = None,
    virial_levels: TrustLevels | None = None,
) -> Codes:
    """Code of each sample from its maximum force deviation (samples,), eV/Å.

    Failed is tested first: NaN or infinity is failed, and a sample above the upper level of the
    force is failed even where its virial is not. With ``virial_levels`` (eV/atom) a sample is
    accurate only if its virial deviation is below the lower level too.
    """
    codes = _codes(force_deviation, levels)
    if virial_levels is not None:
        if virial_deviation is None:
            raise ValueError("virial_levels need virial_deviation")
        codes = np.maximum(codes, _codes(virial_deviation, virial_levels))
    return codes


def _codes(deviation: Array, levels: TrustLevels) -> Codes:
    codes = np.full(np.shape(deviation), FAILED, dtype=np.int8)
    codes[deviation < levels.upper] = CANDIDATE
    codes[deviation < levels.lower] = ACCURATE
    codes[~np.isfinite(deviation)] = FAILED
    return codes
