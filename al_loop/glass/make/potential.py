"""Under what a glass is made: a neural-network potential or a published one, with D3 or without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from ase import Atoms
from pydantic import Field, field_validator

from al_loop.campaign.options import Options
from al_loop.campaign.strict import meant
from al_loop.d3 import D3
from al_loop.errors import EngineMissing, StructureError, UserError
from al_loop.lammps.executable import shipped_potential
from al_loop.lammps.force_field import ForceField, elements_of, pair_force_field
from al_loop.pair_potentials import POTENTIALS

TERSOFF = "tersoff"
_TERSOFF_FILE = "SiO.tersoff"
CLASSICAL = (*POTENTIALS, TERSOFF)
"""Published potentials by name."""

_CAUTIONS: Mapping[str, str] = {
    "bks": "BKS is smoothed to zero at 5.5 Å: elastic constants and modes can be taken; silica "
    "under npt comes out denser (2.3 to 2.45 g/cm3) than measured (2.20)",
    "shik": "SHIK is smoothed to zero at 8 Å; silica under npt comes out denser than measured",
    "pmmcs": "PMMCS ends abruptly at 5.5 Å: static elastic constants and modes under it mean "
    "nothing; the cutoff is a part of its parameters",
    "du-teter": "Du-Teter ends abruptly at 8 Å: do not take static elastic constants or modes",
    "tersoff": "Tersoff's silica has many defects (about 10 % of Si threefold, 10 % fivefold): "
    "good for diverse structures, no good glass",
}


def check_name(name: str) -> str:
    """The name of a published potential; ValueError when it is none."""
    if name not in CLASSICAL:
        raise ValueError(f"no potential is called {name!r}; {meant(name, list(CLASSICAL))}")
    return name


class Classical(Options):
    """A published potential by its name."""

    kind: Literal["classical"] = "classical"
    name: str = Field(description=f"One of {', '.join(CLASSICAL)}.")
    dispersion: D3 | None = Field(None, description="D3 that is added.")

    @field_validator("name")
    @classmethod
    def _published(cls, name: str) -> str:
        return check_name(name)


class Network(Options):
    """A DeePMD-kit model."""

    kind: Literal["deepmd"] = "deepmd"
    model: str = Field(min_length=1, description="Model file; of a job, seen from its folder.")
    dispersion: D3 | None = Field(
        None, description="D3 that is added, for models whose labels are without it."
    )


Potential = Annotated[Classical | Network, Field(discriminator="kind")]


def potential_of(text: str, *, dispersion: D3 | None = None) -> Classical | Network:
    """A potential from what a person types: a name, or the path of a model.

    Raises
    ------
    UserError
        It is neither.
    """
    if text in CLASSICAL:
        return Classical(name=text, dispersion=dispersion)
    if Path(text).is_file():
        return Network(model=text, dispersion=dispersion)
    raise UserError(
        f"{text!r} is neither a published potential nor a model file that is here",
        where="--potential",
        remedy=f"{meant(text, list(CLASSICAL))} Or give the path of a DeePMD-kit model",
    )


def caution(potential: Classical | Network) -> str:
    """What to know before results of it are believed; empty where there is nothing known."""
    return _CAUTIONS.get(potential.name, "") if isinstance(potential, Classical) else ""


def check_composition(potential: Classical | Network, counts: Mapping[str, int]) -> None:
    """StructureError where the potential cannot do a composition (element -> number)."""
    if not isinstance(potential, Classical):
        return
    if potential.name == TERSOFF:
        unknown = sorted(set(counts) - {"Si", "O"})
        why = f"tersoff has parameters for Si and O, not for {', '.join(unknown)}"
        refusal = why if unknown else ""
    else:
        refusal = POTENTIALS[potential.name].refuses(counts)
    if refusal:
        raise StructureError(refusal, where="potential")


def field_of(potential: Classical | Network, atoms: Atoms) -> ForceField:
    """The lines with which LAMMPS computes a configuration under it.

    Raises
    ------
    StructureError
        It has no parameters for these elements.
    EngineMissing
        A file that ships with LAMMPS is not here.
    """
    check_composition(potential, Counter(atoms.get_chemical_symbols()))
    elements = elements_of(atoms)
    if isinstance(potential, Network):
        field = ForceField(
            about=f"DeePMD-kit model {potential.model}",
            styles=(("deepmd", f'"{potential.model}"'),),
            coefficients=(("* *", "deepmd", " ".join(elements)),),
            skin=2.0,
        )
    elif potential.name == TERSOFF:
        field = ForceField(
            about="tersoff: Munetoh, Motooka, Moriguchi, Shintani, Comput. Mater. Sci. 39, 334 "
            "(2007)",
            styles=((TERSOFF, ""),),
            coefficients=(("* *", TERSOFF, f"{_TERSOFF_FILE} {' '.join(elements)}"),),
            files={_TERSOFF_FILE: _shipped(_TERSOFF_FILE)},
        )
    else:
        field = pair_force_field(atoms, POTENTIALS[potential.name])
    return field.with_d3(potential.dispersion, elements) if potential.dispersion else field


def _shipped(name: str) -> str:
    found = shipped_potential(name)
    if found is None:
        raise EngineMissing(
            f"LAMMPS' file {name} is not here",
            remedy="set LAMMPS_POTENTIALS to the folder potentials of your LAMMPS",
        )
    return found.read_text()
