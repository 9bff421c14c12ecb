"""Crystals by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from ase import Atoms
from ase.spacegroup import crystal as from_spacegroup
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from ruamel.yaml import YAML

from al_loop.errors import StructureError


def _number(value: object) -> object:
    """A fraction such as 2/3 as the number it is."""
    return float(Fraction(value)) if isinstance(value, str) else value


Coordinate = Annotated[float, BeforeValidator(_number)]


class Crystal(BaseModel):
    """A crystal as published; crystals.yaml holds those that are known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    source: str = Field(min_length=1, description="Who measured it.")
    spacegroup: int = Field(ge=1, le=230, description="Number in the International Tables.")
    cell: tuple[float, float, float, float, float, float] = Field(
        description="a, b, c (Å), alpha, beta, gamma (degrees), conventional."
    )
    sites: tuple[tuple[str, Coordinate, Coordinate, Coordinate], ...] = Field(
        min_length=1,
        description="Element, fractional coordinates: asymmetric unit, standard setting, origin 1.",
    )
    shift: tuple[Coordinate, Coordinate, Coordinate] = Field(
        (0.0, 0.0, 0.0), description="Added to all sites: from the paper's origin to that one."
    )


@cache
def known_crystals() -> Mapping[str, Crystal]:
    """All crystals that have a name."""
    text = Path(__file__).with_name("crystals.yaml").read_text(encoding="utf-8")
    data = YAML(typ="safe", pure=True).load(text)
    return MappingProxyType({name: Crystal.model_validate(one) for name, one in data.items()})


def crystal(name: str, *, supercell: tuple[int, int, int] = (1, 1, 1)) -> Atoms:
    """Conventional cell of a known crystal, repeated along a, b, c.

    Raises
    ------
    StructureError
        No crystal has this name.
    """
    every = known_crystals()
    if name not in every:
        close = difflib.get_close_matches(name, every, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise StructureError(
            f"no crystal is called {name!r}",
            remedy=f"{hint}known: {', '.join(every)}; any other can be read with `file:`",
        )
    known = every[name]
    dx, dy, dz = known.shift
    built = from_spacegroup(
        [symbol for symbol, *_ in known.sites],
        basis=[(x + dx, y + dy, z + dz) for _, x, y, z in known.sites],
        spacegroup=known.spacegroup,
        cellpar=list(known.cell),
    )
    unit = Atoms(numbers=built.numbers, positions=built.positions, cell=built.cell, pbc=True)
    repeated: Atoms = unit.repeat(supercell)
    return repeated
