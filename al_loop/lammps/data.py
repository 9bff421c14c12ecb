"""A configuration as LAMMPS data. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ase import Atoms
from ase.data import atomic_masses, atomic_numbers

from al_loop.d3 import D3
from al_loop.errors import StructureError
from al_loop.lammps.cell import RestrictedCell, wrapped

DATA = "start.data"

DISPERSION_FUNCTIONALS = frozenset({"pbe", "pbesol", "revpbe", "rpbe", "tpss", "pbe0", "hse06"})
"""Those for which ``pair_style dispersion/d3`` has parameters, and they are s-dftd3's."""

_SKIN = 2.0
_DENSEST = 0.15
"""Atoms per Å3; silica has 0.07, stishovite 0.12."""


def neighbours(dispersion: D3 | None) -> int | None:
    """Most neighbours of an atom within D3's cutoff, where LAMMPS' 2,000 may not do."""
    if dispersion is None:
        return None
    return max(2000, round(4.19 * (dispersion.cutoff + _SKIN) ** 3 * _DENSEST))


def data_file(
    atoms: Atoms, elements: Sequence[str], *, charges: Mapping[str, float] | None = None
) -> str:
    """A configuration as LAMMPS data; atom types are numbered as in ``elements``.

    With ``charges`` (element -> e) it is for ``atom_style charge``.

    Raises
    ------
    StructureError
        An element has no atom type.
    """
    symbols = atoms.get_chemical_symbols()
    if unknown := sorted(set(symbols) - set(elements)):
        raise StructureError(
            f"{', '.join(unknown)}: no such element in the potential ({', '.join(elements)})"
        )
    cell = RestrictedCell.of(atoms.cell.array)
    positions = wrapped(atoms.positions @ cell.rotation.T, cell.lower)
    (xx, _, _), (xy, yy, _), (xz, yz, zz) = cell.lower
    lines = [
        f"{atoms.get_chemical_formula()}, written by al_loop",
        "",
        f"{len(atoms)} atoms",
        f"{len(elements)} atom types",
        "",
        f"0 {xx:.17g} xlo xhi",
        f"0 {yy:.17g} ylo yhi",
        f"0 {zz:.17g} zlo zhi",
        f"{xy:.17g} {xz:.17g} {yz:.17g} xy xz yz",
        "",
        "Masses",
        "",
        *(
            f"{kind} {atomic_masses[atomic_numbers[symbol]]:.10g}  # {symbol}"
            for kind, symbol in enumerate(elements, start=1)
        ),
        "",
        "Atoms # atomic" if charges is None else "Atoms # charge",
        "",
    ]
    kinds = {symbol: kind for kind, symbol in enumerate(elements, start=1)}
    for index, (symbol, (x, y, z)) in enumerate(zip(symbols, positions, strict=True), start=1):
        charge = "" if charges is None else f"{charges[symbol]:.10g} "
        lines.append(f"{index} {kinds[symbol]} {charge}{x:.17g} {y:.17g} {z:.17g}")
    return "\n".join(lines) + "\n"
