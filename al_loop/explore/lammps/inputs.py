"""LAMMPS input as text. Pure: a walker, a configuration and options in, text out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from ase import Atoms

from al_loop.d3 import D3
from al_loop.explore.interface import Limits, Walker
from al_loop.explore.lammps.options import LammpsOptions
from al_loop.explore.legs import Leg, begins, leg_at, stretch_at
from al_loop.explore.reduce import HEADROOM
from al_loop.lammps.cell import RestrictedCell
from al_loop.lammps.data import DATA, data_file, neighbours
from al_loop.resources import render_template

SCRIPT = "in.lammps"
DEVIATION = "deviation.out"
DUMP = "samples.dump"
LOG = "log.lammps"
STOP = "stop"
CONTINUE = "in.continue"
RESTARTS = ("restart.a", "restart.b")

BEGIN, END = "al_loop: begin ", "al_loop: end "
"""What the joint script prints before and after each walker."""

_BAR_PER_GPA = 1.0e4
_PS_PER_FS = 1.0e-3


def walker_script(
    walker: Walker,
    *,
    atoms: Atoms,
    models: Sequence[str],
    elements: Sequence[str],
    limits: Limits,
    options: LammpsOptions,
    dispersion: D3 | None = None,
    restart: str | None = None,
    step: int = 0,
    restarts: tuple[str, str] = RESTARTS,
) -> str:
    """``in.lammps`` of one walker, complete: ``lmp -in in.lammps`` in its folder runs it.

    ``models`` are paths as seen from that folder. With ``restart``, the restart file of a step, it
    goes on from there; ``restarts`` are those that LAMMPS writes in turn.
    """
    samples = -(-options.restart_every // walker.sample_every)
    return render_template(
        "lammps/explore.in.j2",
        walker=walker,
        atoms=len(atoms),
        models=[f'"{model}"' for model in models],
        elements=elements,
        dispersion=dispersion,
        neighbours=neighbours(dispersion),
        data_file=DATA,
        deviation_file=DEVIATION,
        dump_file=DUMP,
        stop_file=STOP,
        restart=restart,
        restarts=restarts,
        restart_every=samples * walker.sample_every,
        legs=_legs(walker, atoms, first=leg_at(walker.legs, step)[0]),
        temperature_factor=limits.temperature_factor,
        headroom=HEADROOM,
        timestep_ps=f"{walker.timestep * _PS_PER_FS:.12g}",
        tdamp_ps=f"{options.tdamp * _PS_PER_FS:.12g}",
        pdamp_ps=f"{options.pdamp * _PS_PER_FS:.12g}",
        barostat=options.barostat,
    )


def _legs(walker: Walker, atoms: Atoms, *, first: int) -> list[dict[str, Any]]:
    """What the template needs to know of each leg from the first one on, numbered from 1.

    ``cell`` are changes of lengths and tilts in a deformation, Å, in LAMMPS' orientation.
    """
    cell = RestrictedCell.of(atoms.cell.array).lower
    found = []
    for index, begin in enumerate(begins(walker.legs)):
        leg = walker.legs[index]
        end = begin + leg.steps
        values: dict[str, Any] = {
            "number": index + 1,
            "about": _about(leg),
            "begin": begin,
            "end": end,
            "steps": leg.steps,
            "ensemble": leg.ensemble,
            "temperature": leg.temperature,
            "cell": None,
            "bar": [f"{pressure * _BAR_PER_GPA:.12g}" for pressure in leg.pressure],
        }
        if leg.deforms:
            factors = np.array([stretch_at(walker.legs, step) for step in (begin, end)])
            change = cell * (factors[1] - factors[0])[:, np.newaxis]
            places = {"x": (0, 0), "y": (1, 1), "z": (2, 2)}
            places |= {"xy": (1, 0), "xz": (2, 0), "yz": (2, 1)}
            values["cell"] = {name: f"{change[at]:.17g}" for name, at in places.items()}
        found.append(values)
    return found[first:]


def _about(leg: Leg) -> str:
    words = [f"{leg.steps} steps of {leg.ensemble}", f"{_span(leg.temperature)} K"]
    if leg.ensemble == "npt":
        words.append(f"{_span(leg.pressure)} GPa")
    if leg.deforms:
        words.append("cell times " + ", ".join(f"{factor:g}" for factor in leg.stretch))
    return ", ".join(words)


def _span(ends: tuple[float, float]) -> str:
    return f"{ends[0]:g}" if ends[0] == ends[1] else f"{ends[0]:g} to {ends[1]:g}"


def joint_script(names: Sequence[str], *, continued: Collection[str] = ()) -> str:
    """One script that runs walkers in turn, each in its folder, in one LAMMPS process.

    Those that are ``continued`` run their ``in.continue`` and not their ``in.lammps``.
    """
    blocks = [
        "\n".join(
            [
                f'print "{BEGIN}{name}"',
                f"shell cd {name}",
                f"log {LOG}",
                f"include {CONTINUE if name in continued else SCRIPT}",
                "log none",
                "clear",
                "shell cd ..",
                f'print "{END}{name}"',
            ]
        )
        for name in names
    ]
    return "\n\n".join(blocks) + "\n"


def nvt_example(
    model_file: str,
    atoms: Atoms,
    *,
    temperature: float,
    steps: int,
    elements: Sequence[str],
    dispersion: D3 | None = None,
) -> dict[str, str]:
    """Input that runs an exported model at once: file name -> text.

    ``model_file`` is its path as seen from the folder of the input; ``dispersion`` is what it has
    to be run with.
    """
    script = render_template(
        "lammps/example.in.j2",
        formula=atoms.get_chemical_formula(),
        temperature=temperature,
        steps=steps,
        model=f'"{model_file}"',
        elements=elements,
        dispersion=dispersion,
        neighbours=neighbours(dispersion),
        data_file=DATA,
    )
    return {SCRIPT: script, DATA: data_file(atoms, elements)}
