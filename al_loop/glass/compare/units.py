"""Units as people write them, and what they are here."""

from __future__ import annotations

from al_loop.errors import DatasetError

_SAME: dict[str, tuple[str, float]] = {
    "g/cc": ("g/cm3", 1.0),
    "g/cm³": ("g/cm3", 1.0),
    "g/cm^3": ("g/cm3", 1.0),
    "kg/m3": ("g/cm3", 1.0e-3),
    "A": ("Å", 1.0),
    "Angstrom": ("Å", 1.0),
    "angstrom": ("Å", 1.0),
    "pm": ("Å", 0.01),
    "nm": ("Å", 10.0),
    "1/A": ("1/Å", 1.0),
    "A^-1": ("1/Å", 1.0),
    "Å^-1": ("1/Å", 1.0),
    "Å-1": ("1/Å", 1.0),
    "Å⁻¹": ("1/Å", 1.0),
    "1/nm": ("1/Å", 0.1),
    "nm^-1": ("1/Å", 0.1),
    "1/A2": ("1/Å2", 1.0),
    "1/Å^2": ("1/Å2", 1.0),
    "Å^2": ("Å2", 1.0),
    "Å²": ("Å2", 1.0),
    "deg": ("degree", 1.0),
    "degrees": ("degree", 1.0),
    "°": ("degree", 1.0),
    "percent": ("%", 1.0),
    "cm²/s": ("cm2/s", 1.0),
    "cm^2/s": ("cm2/s", 1.0),
    "m2/s": ("cm2/s", 1.0e4),
    "S/m": ("S/cm", 0.01),
    "MPa": ("GPa", 1.0e-3),
    "kbar": ("GPa", 0.1),
    "1/cm": ("THz", 0.0299792458),
    "cm-1": ("THz", 0.0299792458),
    "cm^-1": ("THz", 0.0299792458),
    "meV": ("THz", 0.241798924),
    "fs": ("ps", 1.0e-3),
    "1": ("", 1.0),
    "none": ("", 1.0),
}


def factor(unit: str, wanted: str, *, where: str) -> float:
    """What a number in ``unit`` is multiplied by to be one in ``wanted``.

    Raises
    ------
    DatasetError
        One is not the other's.
    """
    name, scale = _SAME.get(unit, (unit, 1.0))
    if name != wanted:
        raise DatasetError(
            f"unit {unit!r}", where=where, remedy=f"give it in {wanted or 'no unit (1)'}"
        )
    return scale
