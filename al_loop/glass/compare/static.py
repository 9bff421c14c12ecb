"""References for crystals at rest, without heat."""

from __future__ import annotations

from al_loop.glass.compare.reference import Reference
from al_loop.glass.measuring.lattice import DISORDERED

_AT_REST = {
    "density": "density_at_rest",
    "bulk_modulus": "eos_bulk_modulus",
    **{
        f"lattice_{one}": f"lattice_at_rest_{one}"
        for one in ("a", "b", "c", "alpha", "beta", "gamma")
    },
}
_HEAT = "measured with heat, which the spread covers"


def at_rest(reference: Reference) -> Reference | None:
    """What a reference says of the same crystal at rest; None where it says nothing.

    A calculation by DFT is of a crystal at rest, and holds as it is. An experiment is not: it
    counts only where it has a spread, within which heat is; its own uncertainty is much less
    than what heat does.
    """
    name = _AT_REST.get(reference.name)
    if name is None or reference.phase in DISORDERED:
        return None
    if reference.method == "DFT":
        return reference.model_copy(update={"name": name})
    if reference.method != "experiment" or reference.spread is None:
        return None
    note = f"{reference.note}; {_HEAT}" if reference.note else _HEAT
    return reference.model_copy(update={"name": name, "note": note})
