"""LAMMPS input of a leg as text. Pure."""

from __future__ import annotations

from ase import Atoms

from al_loop.explore.quench.legs import QuenchLeg
from al_loop.lammps.data import DATA, data_file
from al_loop.lammps.force_field import elements_of, pair_force_field
from al_loop.pair_potentials import PairPotential
from al_loop.resources import render_template

_MOST_SEEDS = 900_000_000  # of LAMMPS' Marsaglia generator


def static_files(atoms: Atoms, potential: PairPotential) -> dict[str, str]:
    """What all legs read: file name -> text."""
    field = pair_force_field(atoms, potential)
    data = data_file(atoms, elements_of(atoms), charges=field.charges)
    return {DATA: data, **field.files}


def force_field(atoms: Atoms, potential: PairPotential) -> str:
    """The lines of a LAMMPS input that define the potential."""
    return pair_force_field(atoms, potential).lines()


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
