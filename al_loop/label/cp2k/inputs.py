"""CP2K's input of a single point: options and a structure to text. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from ase import Atoms

from al_loop.errors import PhysicsFault
from al_loop.label.cp2k.data import Entry
from al_loop.label.cp2k.options import Cp2kOptions
from al_loop.resources import render_template
from al_loop.units import Array

PROJECT = "frame"
INNER = 25
"""Steps of OT between two builds of its preconditioner."""
D3_CUTOFF = 21.0
"""Å; what lies beyond is some 0.1 meV/atom."""


def electrons(atoms: Atoms, potentials: Mapping[str, Entry], *, charge: int) -> int:
    """Number of valence electrons of the cell.

    Raises
    ------
    PhysicsFault
        There is no pseudopotential for an element.
    """
    symbols = atoms.get_chemical_symbols()
    if unknown := sorted(set(symbols) - potentials.keys()):
        raise PhysicsFault(
            "unknown-element",
            f"no pseudopotential or basis set for {', '.join(unknown)}",
            remedy="name a family that has it: label.options.potential, basis (another method)",
        )
    return sum(potentials[symbol].electrons for symbol in symbols) - charge


def mesh_of(atoms: Atoms, options: Cp2kOptions) -> tuple[int, int, int] | None:
    """Divisions of the k-point mesh; None for Γ alone.

    From a density ρ (points per Å-3 of the reciprocal cell, whose vectors hold 2π): n_i is the
    next whole number above |b_i| ρ^(1/3).
    """
    if options.kpoints == "gamma":
        return None
    if isinstance(options.kpoints, tuple):
        return options.kpoints
    lengths = 2 * math.pi * np.linalg.norm(atoms.cell.reciprocal().array, axis=1)
    a, b, c = (max(1, math.ceil(float(x) * options.kpoints ** (1 / 3) - 1e-9)) for x in lengths)
    return a, b, c


def make_input(
    atoms: Atoms,
    options: Cp2kOptions,
    *,
    basis: Mapping[str, Entry],
    potentials: Mapping[str, Entry],
    basis_file: str,
    potential_file: str,
    d3_file: str,
    guess: str | None,
) -> str:
    """CP2K's input for a frame; with ``guess``, the SCF starts from the orbitals of that file."""
    count = electrons(
        atoms, {e: potentials[e] for e in basis.keys() & potentials.keys()}, charge=options.charge
    )
    symbols = atoms.get_chemical_symbols()
    return render_template(
        "cp2k/single_point.inp.j2",
        project=PROJECT,
        basis_file=basis_file,
        potential_file=potential_file,
        d3_file=d3_file,
        guess=guess,
        charge=options.charge,
        multiplicity=1 + count % 2,
        cutoff=f"{options.cutoff:g}",
        rel_cutoff=f"{options.rel_cutoff:g}",
        eps_default=f"{options.eps_default:g}",
        eps_scf=f"{options.eps_scf:g}",
        mesh=mesh_of(atoms, options),
        solver=options.solver,
        outer=math.ceil(options.max_iterations / INNER),
        max_iterations=options.max_iterations,
        added_mos=max(4, count // 10) if options.electronic_temperature > 0 else 0,
        electronic_temperature=options.electronic_temperature,
        finer_grid=options.finer_grid,
        functional=options.functional,
        d3=options.dispersion == "d3-bj",
        d3_cutoff=f"{D3_CUTOFF:g}",
        cell=list(zip("ABC", map(_numbers, atoms.cell.array), strict=True)),
        coordinates=[
            f"{symbol} {_numbers(place)}"
            for symbol, place in zip(symbols, atoms.positions, strict=True)
        ],
        kinds=[
            {"element": e, "basis": basis[e].name, "potential": potentials[e].name}
            for e in dict.fromkeys(symbols)
        ],
    )


def _numbers(vector: Array) -> str:
    return " ".join(f"{x:.16g}" for x in vector)
