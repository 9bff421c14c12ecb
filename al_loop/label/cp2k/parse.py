"""CP2K's output: text to a result. Pure.

Two layouts of forces are read: that of CP2K up to 2023.1 (``ATOMIC FORCES in [a.u.]``) and the
later one (``FORCES|``). Both print energies in Hartree, forces in Hartree/Bohr; the stress is in
GPa, with ASE's sign turned: CP2K's is positive where the cell is compressed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from ase.units import Bohr, GPa, Hartree

from al_loop.units import Array

_NUMBER = r"[-+]?\d+\.\d+(?:[EeDd][-+]?\d+)?|NaN|[-+]?Infinity|\*+"
_ENERGY = re.compile(rf"ENERGY\| Total FORCE_EVAL \( QS \) energy \[[\w.]+\]:?\s+({_NUMBER})")
_STEPS = re.compile(r"outer SCF loop converged in\s+\d+ iterations or\s+(\d+) steps")
_PLAIN_STEPS = re.compile(r"SCF run converged in\s+(\d+) steps")
_OLD_FORCES = re.compile(
    r"ATOMIC FORCES in \[a\.u\.\]\s+# Atom +Kind +Element +X +Y +Z\n(.*?)\n *SUM OF", re.DOTALL
)
_NEW_FORCE = re.compile(
    rf"^ FORCES\|\s+\d+\s+({_NUMBER})\s+({_NUMBER})\s+({_NUMBER})", re.MULTILINE
)
_STRESS = re.compile(rf"STRESS\|\s+([xyz])\s+({_NUMBER})\s+({_NUMBER})\s+({_NUMBER})")
_VERSION = re.compile(r"CP2K\| version string:\s+CP2K version (\S+)")


@dataclass(frozen=True)
class SinglePoint:
    """What CP2K found: eV, eV/Å, ASE's stress in eV/Å3; None where it printed none.

    The energy is CP2K's total energy, with the electronic entropy where there is smearing: the one
    whose derivatives its forces are.
    """

    version: str
    ended: bool
    converged: bool
    steps: int
    energy: float | None
    forces: Array | None
    stress: Array | None


def read_output(text: str) -> SinglePoint:
    """Read CP2K's protocol, whole or cut off."""
    version = _VERSION.search(text)
    energy = _ENERGY.findall(text)
    steps = _STEPS.findall(text) or _PLAIN_STEPS.findall(text)
    return SinglePoint(
        version=version[1] if version else "",
        ended="PROGRAM ENDED AT" in text,
        converged=bool(steps) and "SCF run NOT converged" not in text.split("outer SCF loop")[-1],
        steps=int(steps[-1]) if steps else 0,
        energy=_number(energy[-1]) * Hartree if energy else None,
        forces=_forces(text),
        stress=_stress(text),
    )


def _forces(text: str) -> Array | None:
    old = _OLD_FORCES.search(text)
    rows = [line.split()[3:6] for line in old[1].splitlines()] if old else _NEW_FORCE.findall(text)
    if not rows or any(len(row) != 3 for row in rows):
        return None
    return np.array([[_number(x) for x in row] for row in rows]) * (Hartree / Bohr)


def _stress(text: str) -> Array | None:
    start = text.find("STRESS| Analytical stress tensor")
    rows = {m[1]: m.groups()[1:] for m in list(_STRESS.finditer(text, max(start, 0)))[:3]}
    if start < 0 or set(rows) != set("xyz"):
        return None
    found = np.array([[_number(x) for x in rows[axis]] for axis in "xyz"])
    return -found * GPa


def _number(word: str) -> float:
    """A number as Fortran prints it; NaN for stars."""
    try:
        return float(word.replace("D", "E").replace("d", "e"))
    except ValueError:
        return float("nan")
