"""LAMMPS input of a leg as text, and a pair potential as a table. Pure."""

from __future__ import annotations

from collections import Counter

import numpy as np
from ase import Atoms

from al_loop.explore.quench.legs import QuenchLeg
from al_loop.lammps.data import DATA, data_file
from al_loop.pair_potentials import PairPotential
from al_loop.resources import render_template

TABLE = "potential.table"
_INNERMOST, _ROWS = 0.5, 20_000  # Å; rows are equidistant in r²
_MOST_SEEDS = 900_000_000  # of LAMMPS' Marsaglia generator


def elements_of(atoms: Atoms) -> list[str]:
    """Elements in the order of the atom types."""
    return sorted(set(atoms.get_chemical_symbols()))


def static_files(atoms: Atoms, potential: PairPotential) -> dict[str, str]:
    """What all legs read: file name -> text."""
    data = data_file(atoms, elements_of(atoms), charges=potential.charges)
    return {DATA: data, TABLE: table_file(atoms, potential)}


def table_file(atoms: Atoms, potential: PairPotential) -> str:
    """Short-range parts between each element and oxygen as LAMMPS tables; eV and Å."""
    counts = Counter(atoms.get_chemical_symbols())
    r = np.sqrt(np.linspace(_INNERMOST**2, potential.cutoff**2, _ROWS))
    lines = [f"# {potential.name}: {potential.source}"]
    for symbol in elements_of(atoms):
        energy, force = potential.short_range(symbol, counts)(r)
        lines += ["", f"{symbol}-O", f"N {_ROWS} RSQ {_INNERMOST} {potential.cutoff}", ""]
        lines += [
            f"{i} {a:.10f} {e:.12e} {f:.12e}"
            for i, (a, e, f) in enumerate(zip(r, energy, force, strict=True), start=1)
        ]
    return "\n".join(lines) + "\n"


def force_field(atoms: Atoms, potential: PairPotential) -> str:
    """The lines of a LAMMPS input that define the potential."""
    elements = elements_of(atoms)
    oxygen = elements.index("O") + 1
    pairs = [
        (*sorted((kind, oxygen)), f"{symbol}-O") for kind, symbol in enumerate(elements, start=1)
    ]
    return render_template(
        "lammps/pair_potential.in.j2", potential=potential, pairs=pairs, table=TABLE, rows=_ROWS
    )


def leg_script(
    leg: QuenchLeg,
    *,
    atoms: Atoms,
    potential: PairPotential,
    seed: int,
    timestep: float,
    before: str | None,
    restart: str,
    dump: str,
) -> str:
    """Input of a leg that goes on from restart file ``before``, or begins; ``timestep`` in fs."""
    return render_template(
        "lammps/quench.in.j2",
        leg=leg,
        force_field=force_field(atoms, potential),
        data_file=DATA,
        seed=(seed - 1) % _MOST_SEEDS + 1,
        timestep_ps=f"{timestep * 1e-3:.12g}",
        before=before,
        restart=restart,
        dump=dump,
    )
