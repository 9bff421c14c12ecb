"""Trust levels: what the committee's disagreement says about a sample."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from al_loop.campaign.stages import TrustLevels
from al_loop.units import Array

Codes = NDArray[np.int8]

ACCURATE: Final = 0
CANDIDATE: Final = 1
FAILED: Final = 2


def classify(
    force_deviation: Array,
    *,
    levels: TrustLevels,
    virial_deviation: Array | None = None,
    virial_levels: TrustLevels | None = None,
) -> Codes:
    """Code of each sample: ACCURATE, CANDIDATE or FAILED; (samples,) in, (samples,) out.

    Failed is tested first: a deviation that is not finite or not below the upper level, be it
    of the force or of the virial, is failed whatever the other says. Of the rest, a deviation
    not below the lower level makes a candidate. The virial takes part where ``virial_levels``
    are given (in the unit of ``virial_deviation``).
    """
    tested = [(force_deviation, levels)]
    if virial_levels is not None:
        if virial_deviation is None or virial_deviation.shape != force_deviation.shape:
            raise ValueError("virial levels need one virial deviation per force deviation")
        tested.append((virial_deviation, virial_levels))
    codes = np.full(force_deviation.shape, ACCURATE, dtype=np.int8)
    for deviation, level in tested:
        codes[deviation >= level.lower] = CANDIDATE
    for deviation, level in tested:
        codes[~(np.isfinite(deviation) & (deviation < level.upper))] = FAILED
    return codes
