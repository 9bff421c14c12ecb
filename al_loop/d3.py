"""The D3 dispersion correction of a periodic configuration, by s-dftd3 (package ``dftd3``).

D3: Grimme, Antony, Ehrlich, Krieg, J. Chem. Phys. 132, 154104 (2010). BJ damping: Grimme,
Ehrlich, Goerigk, J. Comput. Chem. 32, 1456 (2011). Two-body terms alone, as in VASP, CP2K and
LAMMPS by default.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import numpy as np
from ase import Atoms
from ase.units import Bohr, Hartree
from pydantic import BaseModel, ConfigDict

from al_loop.errors import EngineMissing, PhysicsFault
from al_loop.threads import one_thread
from al_loop.units import Array

LAST_ELEMENT = 94
"""Plutonium: D3 has no parameters beyond."""

Damping = Literal["bj", "zero"]

_INSTALL = 'pip install "al-loop[dispersion]"'
_DAMPING: dict[Damping, tuple[str, str]] = {
    "bj": ("RationalDampingParam", "d3bj"),
    "zero": ("ZeroDampingParam", "d3zero"),
}


class D3(BaseModel):
    """A D3 correction: all that its numbers depend on.

    ``functional`` by s-dftd3's name (``pbe``); ``cutoff`` of the pairs and ``cn_cutoff`` of the
    coordination numbers in Å. Both are sharp.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    functional: str
    damping: Damping
    cutoff: float
    cn_cutoff: float

    def __str__(self) -> str:
        damping = "BJ" if self.damping == "bj" else "zero"
        return f"D3({damping}) of {self.functional.upper()}, {self.cutoff:g}/{self.cn_cutoff:g} Å"


@dataclass(frozen=True)
class Correction:
    """What D3 adds: energy in eV, forces (atoms, 3) in eV/Å, virial (3, 3) in eV."""

    energy: float
    forces: Array
    virial: Array


def check_d3() -> str:
    """``s-dftd3 1.7.0``, or EngineMissing."""
    found = d3_version()
    try:
        importlib.import_module("dftd3.interface")
        importlib.import_module("threadpoolctl")
    except ImportError as error:
        raise EngineMissing(
            f"dftd3 {found} is installed but cannot be loaded: {error.__cause__ or error}",
            remedy=_INSTALL,
        ) from error
    return f"s-dftd3 {found}"


def d3_version() -> str:
    """Version of the package ``dftd3``, or EngineMissing."""
    try:
        return version("dftd3")
    except PackageNotFoundError:
        raise EngineMissing("dftd3 (s-dftd3) is not installed here", remedy=_INSTALL) from None


def correction(atoms: Atoms, d3: D3) -> Correction:
    """The correction of a periodic configuration; milliseconds for some hundred atoms.

    s-dftd3's virial is dE/d(strain); ours has the opposite sign.

    Raises
    ------
    PhysicsFault
        s-dftd3 has no answer: atoms are at one place.
    EngineMissing
        The package ``dftd3`` is not installed here.
    """
    check_d3()
    from dftd3 import interface

    with one_thread("dftd3.interface"):
        try:
            model = interface.DispersionModel(
                atoms.numbers, atoms.positions / Bohr, atoms.cell.array / Bohr, atoms.pbc
            )
            cutoff = d3.cutoff / Bohr
            model.set_realspace_cutoff(disp2=cutoff, disp3=cutoff, cn=d3.cn_cutoff / Bohr)
            damping = getattr(interface, _DAMPING[d3.damping][0])
            result = model.get_dispersion(damping(method=d3.functional, atm=False), grad=True)
        except RuntimeError as error:
            raise PhysicsFault(
                "atoms-too-close",
                f"s-dftd3: {error}",
                remedy="refuse such frames with select.min_distance",
            ) from None
    return Correction(
        energy=float(result["energy"]) * Hartree,
        forces=np.asarray(result["gradient"]) * (-Hartree / Bohr),
        virial=np.asarray(result["virial"]) * -Hartree,
    )


def calculator_arguments(d3: D3) -> dict[str, Any]:
    """Keyword arguments with which ``dftd3.ase.DFTD3`` computes the same."""
    return {
        "damping": _DAMPING[d3.damping][1],
        "params_tweaks": {"method": d3.functional, "atm": False},
        "realspace_cutoff": {"disp2": d3.cutoff, "disp3": d3.cutoff, "cn": d3.cn_cutoff},
    }
