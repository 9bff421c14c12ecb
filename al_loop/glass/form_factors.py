"""How strongly atoms scatter X-rays."""

from __future__ import annotations

import numpy as np

from al_loop.errors import DatasetError
from al_loop.units import Array


def xray_form_factor(element: str, q: Array) -> Array:
    """f(q) of the neutral atom, in electrons, for q in 1/Å.

    Waasmaier and Kirfel, Acta Cryst. A51, 416 (1995), good to q = 75 1/Å, through periodictable.

    Raises
    ------
    DatasetError
        The table does not have the element.
    """
    from periodictable import cromermann

    try:
        return np.asarray(cromermann.fxrayatq(element, q), dtype=np.float64)
    except KeyError:
        raise DatasetError(f"no X-ray form factor is known of {element!r}") from None
