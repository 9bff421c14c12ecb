"""A potential as lines of a LAMMPS input, with the files that they read. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms

from al_loop.d3 import D3
from al_loop.lammps.data import neighbours
from al_loop.pair_potentials import PairPotential
from al_loop.resources import render_template

TABLE = "potential.table"
_INNERMOST, _ROWS = 0.5, 20_000  # Å; rows are equidistant in r²


@dataclass(frozen=True)
class ForceField:
    """Pair styles that are summed: (style, its arguments), and (types, style, arguments) of each.

    ``files``: name -> text of what the lines read, in the folder of the input. ``charges`` in e
    of each element; 0 where there are none. ``skin`` in Å.
    """

    about: str
    styles: tuple[tuple[str, str], ...]
    coefficients: tuple[tuple[str, str, str], ...]
    files: Mapping[str, str] = field(default_factory=dict)
    charges: Mapping[str, float] = field(default_factory=dict)
    skin: float = 1.0
    neighbours: int | None = None
    """Neighbours of an atom for which there must be room, beyond LAMMPS' own 2,000."""

    def lines(self) -> str:
        """The lines that define it, after ``read_data`` or ``read_restart``."""
        return render_template("lammps/force_field.in.j2", field=self)

    def with_d3(self, d3: D3, elements: Sequence[str]) -> ForceField:
        """The same, and D3 beside it."""
        arguments = f"{d3.damping} {d3.functional} {d3.cutoff} {d3.cn_cutoff}"
        return ForceField(
            about=f"{self.about}, with {d3}",
            styles=(*self.styles, ("dispersion/d3", arguments)),
            coefficients=(*self.coefficients, ("* *", "dispersion/d3", " ".join(elements))),
            files=self.files,
            charges=self.charges,
            skin=self.skin,
            neighbours=neighbours(d3),
        )


def elements_of(atoms: Atoms) -> list[str]:
    """Elements in the order of the atom types."""
    return sorted(set(atoms.get_chemical_symbols()))


def pair_force_field(atoms: Atoms, potential: PairPotential) -> ForceField:
    """A published pair potential for a configuration's composition, as tables and Coulomb sum."""
    counts = Counter(atoms.get_chemical_symbols())
    kinds = {symbol: kind for kind, symbol in enumerate(elements_of(atoms), start=1)}
    coefficients = [("* *", "coul/dsf", "")]
    for a, b in potential.pairs(counts):
        first, second = sorted((kinds[a], kinds[b]))
        coefficients.append(
            (f"{first} {second}", "table", f"{TABLE} {a}-{b} {potential.cutoff}"),
        )
    return ForceField(
        about=f"{potential.name}: {potential.source}",
        styles=(
            ("coul/dsf", f"{potential.damping} {potential.coulomb_cutoff}"),
            ("table", f"linear {_ROWS}"),
        ),
        coefficients=tuple(coefficients),
        files={TABLE: table_file(atoms, potential)},
        charges=potential.charges_of(counts),
    )


def table_file(atoms: Atoms, potential: PairPotential) -> str:
    """Short-range parts as LAMMPS tables; eV and Å."""
    counts = Counter(atoms.get_chemical_symbols())
    r = np.sqrt(np.linspace(_INNERMOST**2, potential.cutoff**2, _ROWS))
    lines = [f"# {potential.name}: {potential.source}"]
    for a, b in potential.pairs(counts):
        energy, force = potential.short_range(a, counts, b)(r)
        lines += ["", f"{a}-{b}", f"N {_ROWS} RSQ {_INNERMOST} {potential.cutoff}", ""]
        lines += [
            f"{i} {x:.10f} {e:.12e} {f:.12e}"
            for i, (x, e, f) in enumerate(zip(r, energy, force, strict=True), start=1)
        ]
    return "\n".join(lines) + "\n"
