"""A single point's result from VASP's files. Pure.

pymatgen reads vasprun.xml: 4 ms for a single point, dpdata 2.4 ms, both nothing beside VASP; and
pymatgen also tells the version, the SCF cycles and all three energies.

The label's energy is the free energy (``free energy TOTEN``, ``e_fr_energy``), as in dpdata: VASP's
forces and stress are the derivatives of that one. The energies without entropy and for sigma -> 0
are kept beside it.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError

import numpy as np
from numpy.typing import NDArray

from al_loop.errors import PhysicsFault
from al_loop.label.vasp.faults import fault_of
from al_loop.units import EV_PER_A3_IN_GPA, Array

_KBAR_IN_EV_PER_A3 = 0.1 / EV_PER_A3_IN_GPA
_CONVERGED = "aborting loop because EDIFF is reached"
_ENDED = "General timing and accounting informations"
_NOT_CONVERGED = (
    "EDIFF was not reached (unconverged)",
    "electronic self-consistency was not achieved",
)


class Unreadable(Exception):
    """A file is truncated or not there: VASP did not get to its end."""


@dataclass(frozen=True)
class SinglePoint:
    """What VASP found, in the order of POSCAR.

    Energies are eV, ``forces`` (atoms, 3) eV/Å, ``stress`` (3, 3) eV/Å3 with ASE's sign or None,
    ``cell`` (3, 3) and ``positions`` (atoms, 3) Å.
    """

    free_energy: float
    energy_without_entropy: float
    energy_sigma_0: float
    forces: Array
    stress: Array | None
    numbers: NDArray[np.intp]
    cell: Array
    positions: Array
    iterations: int
    max_iterations: int
    version: str

    @property
    def converged(self) -> bool:
        """Whether the SCF ended before its last allowed cycle."""
        return self.iterations < self.max_iterations


def read_vasprun(path: Path) -> SinglePoint:
    """The last ionic step of a vasprun.xml.

    Raises Unreadable when the file is missing, truncated, or holds no forces.
    """
    from pymatgen.io.vasp.outputs import Vasprun

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pymatgen's words on convergence and POTCARs
            run = Vasprun(
                path,
                parse_dos=False,
                parse_eigen=False,
                parse_potcar_file=False,
                exception_on_bad_xml=True,
            )
        step = run.ionic_steps[-1]
        scf = step["electronic_steps"]
        # VASP 5 shuffles the names of the energies after the last cycle; those of the cycles
        # themselves are right.
        energies = {key: float(scf[-1].get(key, np.nan)) for key in ("e_wo_entrp", "e_0_energy")}
        structure = step["structure"]
        stress = step.get("stress")
        return SinglePoint(
            free_energy=float(step["e_fr_energy"]),
            energy_without_entropy=energies["e_wo_entrp"],
            energy_sigma_0=energies["e_0_energy"],
            forces=np.array(step["forces"], dtype=np.float64).reshape(-1, 3),
            stress=None
            if stress is None or len(stress) == 0
            else -np.array(stress, dtype=np.float64) * _KBAR_IN_EV_PER_A3,
            numbers=np.array(structure.atomic_numbers),
            cell=np.array(structure.lattice.matrix),
            positions=np.array(structure.cart_coords),
            iterations=len(scf),
            max_iterations=int(run.parameters["NELM"]),
            version=str(run.vasp_version),
        )
    except (
        OSError,
        ParseError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
    ) as error:
        raise Unreadable(f"{path.name}: {type(error).__name__}: {error}") from None


@dataclass(frozen=True)
class Protocol:
    """What an OUTCAR says of how the run went."""

    version: str
    converged: bool
    """Every ionic step met EDIFF before NELM cycles."""
    ended: bool
    """VASP came to its regular end."""


def read_outcar(text: str) -> Protocol:
    """Version, convergence and end of a run, from the text of its OUTCAR."""
    first = re.match(r"\s*vasp\.(\S+)", text)
    limit = re.search(r"NELM\s*=\s*(\d+);", text)
    cycles: dict[str, int] = {}
    for step, cycle in re.findall(r"-+ Iteration\s+(\d+)\(\s*(\d+)\)", text):
        cycles[step] = int(cycle)
    in_time = limit is not None and all(n < int(limit[1]) for n in cycles.values())
    return Protocol(
        version=first[1] if first else "",
        converged=in_time
        and bool(cycles)
        and text.count(_CONVERGED) >= len(cycles)
        and not any(words in text for words in _NOT_CONVERGED),
        ended=_ENDED in text,
    )


def check_single_point(
    found: SinglePoint, protocol: Protocol, *, numbers: NDArray[np.intp], cell: Array
) -> None:
    """Raise PhysicsFault when the result is none, or not that of the structure that was sent."""
    if not (found.converged and protocol.converged):
        raise fault_of(
            "scf-not-converged",
            f"no self-consistency in {found.iterations} of at most {found.max_iterations} cycles",
        )
    if len(found.numbers) != len(numbers) or (found.numbers != numbers).any():
        raise fault_of("other-frame", "VASP's atoms are not those that it was given")
    if not np.allclose(found.cell, cell, rtol=0.0, atol=1.0e-6):
        raise fault_of("other-frame", "VASP's cell is not the one that it was given")
    if found.stress is None:
        raise fault_of("stress-missing", "VASP wrote no stress")
    if not all(np.isfinite(x).all() for x in (found.free_energy, found.forces, found.stress)):
        raise PhysicsFault(
            "not-finite",
            "VASP's energy, forces or stress are not numbers",
            remedy="look at the frame: its atoms may be too close",
        )
