"""INCAR, KPOINTS and POSCAR of a single point: options and a structure to text. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from al_loop.label.options import AnyKpoints
from al_loop.label.vasp.incar import OF_THE_MACHINE, OF_THE_RUN, OF_THE_SOLVER
from al_loop.label.vasp.options import VaspOptions
from al_loop.units import Array

_FUNCTIONALS: Mapping[str, Mapping[str, Any]] = {
    "PBE": {"GGA": "PE"},
    "PBEsol": {"GGA": "PS"},
    "AM05": {"GGA": "AM"},
    "SCAN": {"METAGGA": "SCAN", "LMIXTAU": True, "ALGO": "All"},
    "r2SCAN": {"METAGGA": "R2SCAN", "LMIXTAU": True, "ALGO": "All"},
}
_SMEARINGS = {"gaussian": 0, "fermi": -1, "tetrahedron": -5}
_DISPERSIONS = {"d3-zero": 11, "d3-bj": 12}


@dataclass(frozen=True)
class Inputs:
    """Texts of the input files. ``order[i]`` is the atom of the frame that is atom i of POSCAR."""

    incar: str
    kpoints: str
    poscar: str
    order: NDArray[np.intp]
    elements: tuple[str, ...]
    """In the order of POSCAR, hence of POTCAR."""
    cell: Array
    """As in POSCAR, (3, 3) in Å."""


def tags_of(options: VaspOptions) -> dict[str, Any]:
    """INCAR tags of a single point with forces and stress.

    No symmetry (the atoms of a melt have none, and the forces must not be symmetrised), the
    exact projection of the POTCARs (LREAL), aspherical corrections inside the spheres.
    """
    tags: dict[str, Any] = {
        "ALGO": "Normal",
        "EDIFF": options.ediff,
        "ENCUT": options.encut,
        "IBRION": -1,
        "ISIF": 2,
        "ISMEAR": _SMEARINGS[options.smearing],
        "ISYM": 0,
        "LASPH": True,
        "LCHARG": False,
        "LREAL": False,
        "LWAVE": False,
        "NELM": options.max_iterations,
        "NELMIN": 4,
        "NSW": 0,
        "PREC": "Accurate",
        "SIGMA": options.sigma,
    }
    tags.update(_FUNCTIONALS[options.functional])
    if options.dispersion != "none":
        tags["IVDW"] = _DISPERSIONS[options.dispersion]
    tags.update(options.incar)
    return tags


def tags_of_the_method(options: VaspOptions) -> dict[str, Any]:
    """Those tags that a label's numbers depend on."""
    others = OF_THE_MACHINE | OF_THE_RUN | OF_THE_SOLVER
    tags = tags_of(options)
    return {name: tags[name] for name in sorted(tags) if name not in others}


def make_inputs(atoms: Atoms, options: VaspOptions) -> Inputs:
    """Input files of a frame. Atoms are sorted by element; a left-handed cell is turned.

    VASP refuses a left-handed cell: two of its vectors change places, which is the same crystal.
    """
    from pymatgen.core import Lattice, Structure
    from pymatgen.io.vasp.inputs import Incar, Poscar

    symbols = np.array(atoms.get_chemical_symbols())
    order = np.argsort(symbols, kind="stable")
    turned = bool(np.linalg.det(atoms.cell.array) < 0)
    cell = turn(atoms.cell.array) if turned else atoms.cell.array
    structure = Structure(
        Lattice(cell), list(symbols[order]), atoms.positions[order], coords_are_cartesian=True
    )
    poscar = Poscar(structure, comment="a frame of al_loop")
    return Inputs(
        incar=Incar(tags_of(options)).get_str(sort_keys=True) + "\n",
        kpoints=str(_kpoints(structure, options.kpoints, turned=turned)),
        poscar=poscar.get_str(direct=True, significant_figures=16),
        order=order,
        elements=tuple(poscar.site_symbols),
        cell=cell,
    )


def turn(cell: Array) -> Array:
    """The cell with its last two vectors exchanged."""
    return cell[[0, 2, 1]]


def _kpoints(structure: Any, wanted: AnyKpoints, *, turned: bool) -> Any:
    from pymatgen.io.vasp.inputs import Kpoints as KpointsFile

    if wanted == "gamma":
        return KpointsFile.gamma_automatic((1, 1, 1))
    if isinstance(wanted, tuple):
        a, b, c = wanted
        return KpointsFile.gamma_automatic((a, c, b) if turned else (a, b, c))
    return KpointsFile.automatic_density_by_vol(structure, wanted, force_gamma=True)
