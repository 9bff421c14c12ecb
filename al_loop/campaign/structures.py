"""Starting structures as options: crystals, random boxes, melt-quenches, files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from al_loop.campaign.options import (
    Composition,
    Name,
    Options,
    PairDistances,
    Positive,
)
from al_loop.campaign.quench import MeltQuench
from al_loop.campaign.rmc import Rmc


class Perturbation(Options):
    """Disturbed copies of a starting structure, for the first labels."""

    copies: int = Field(
        0, ge=0, le=10_000, description="Disturbed copies of each crystal, box or frame."
    )
    rattle: float = Field(
        0.05, ge=0, le=0.5, description="Gaussian displacement of atoms along x, y and z, Å."
    )
    strain: float = Field(
        0.02, ge=0, le=0.2, description="Largest component of a random symmetric strain."
    )
    scale: tuple[Positive, Positive] = Field(
        (1.0, 1.0), description="Smallest and largest factor on the cell lengths (0.9: compressed)."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Perturbation:
        low, high = self.scale
        if not 0.4 <= low <= high <= 1.6:
            raise ValueError(f"scale [{low}, {high}] must be ordered and within 0.4 to 1.6")
        return self


class CrystalSource(Options):
    """A crystal that al_loop knows by name."""

    crystal: str = Field(description="Name of the crystal, for example alpha-quartz.")
    supercell: tuple[int, int, int] = Field((1, 1, 1), description="Repetitions along a, b, c.")
    label: bool = Field(
        True, description="Whether it is labelled at the start, or is a start of walkers only."
    )
    perturb: Perturbation = Field(default_factory=Perturbation)

    @field_validator("supercell")
    @classmethod
    def _counts(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if min(value) < 1:
            raise ValueError("repetitions must be at least 1")
        return value


class PackedSource(Options):
    """Random boxes: atoms placed at random at a density, no closer than given distances."""

    formula: Composition = Field(description="Composition, for example SiO2 or Na2Si2O5.")
    atoms: int = Field(ge=2, le=5000, description="Atoms in a box; whole formula units.")
    density: Positive = Field(description="g/cm3.")
    min_distance: PairDistances = Field(
        description="Smallest distance of each pair of the formula's elements, Å."
    )
    boxes: int = Field(1, ge=1, le=1000, description="Number of independent boxes.")
    label: bool = Field(
        True, description="Whether it is labelled at the start, or is a start of walkers only."
    )
    perturb: Perturbation = Field(default_factory=Perturbation)
    member_of: Name | None = Field(None, description="Grid that it is a composition of.")


class MeltQuenchSource(Options):
    """Melts and glasses of a published pair potential, before there is an NNP."""

    melt_quench: MeltQuench = Field(description="What is melted and quenched, and how.")
    label: bool = Field(
        True, description="Whether it is labelled at the start, or is a start of walkers only."
    )
    perturb: Perturbation = Field(default_factory=Perturbation)
    member_of: Name | None = Field(None, description="Grid that it is a composition of.")


class RmcSource(Options):
    """Boxes with a g(r) that was measured: RMC, hybrid RMC, FEAR."""

    rmc: Rmc = Field(description="Which box, towards which g(r), and how.")
    label: bool = Field(
        True, description="Whether it is labelled at the start, or is a start of walkers only."
    )
    perturb: Perturbation = Field(default_factory=Perturbation)


class FileSource(Options):
    """Structures from a file that ASE reads (POSCAR, CIF, extxyz, LAMMPS data, ...)."""

    file: str = Field(description="Path, relative to the campaign file.")
    format: str | None = Field(
        None, description="ASE's name of the format, if it cannot be guessed."
    )
    index: str = Field(":", description="Which frames, as ASE writes it (0, -1, ::10).")
    label: bool = Field(
        True, description="Whether it is labelled at the start, or is a start of walkers only."
    )
    perturb: Perturbation = Field(default_factory=Perturbation)


KINDS = ("crystal", "formula", "melt_quench", "rmc", "file")
"""The key that only one kind of source has."""


def _source_kind(value: Any) -> str | None:
    """Which kind of source a mapping describes, by the key that only that kind has."""
    keys = value if isinstance(value, dict) else type(value).model_fields
    found = [kind for kind in KINDS if kind in keys]
    return found[0] if len(found) == 1 else None


StructureSource = Annotated[
    Annotated[CrystalSource, Tag("crystal")]
    | Annotated[PackedSource, Tag("formula")]
    | Annotated[MeltQuenchSource, Tag("melt_quench")]
    | Annotated[RmcSource, Tag("rmc")]
    | Annotated[FileSource, Tag("file")],
    Discriminator(
        _source_kind,
        custom_error_type="structure_source",
        custom_error_message=f"exactly one of {', '.join(KINDS)}, grid must be given",
    ),
]


def grid_of(source: StructureSource) -> str | None:
    """The grid that a structure is a composition of."""
    return source.member_of if isinstance(source, PackedSource | MeltQuenchSource) else None


def grids_of(structures: Mapping[str, StructureSource]) -> dict[str, list[str]]:
    """Grid -> the structures at its compositions."""
    found: dict[str, list[str]] = {}
    for name, source in structures.items():
        if grid := grid_of(source):
            found.setdefault(grid, []).append(name)
    return found


def key_of(name: str, source: StructureSource) -> str:
    """Where a structure stands in the campaign file."""
    return f"structures.{grid_of(source) or name}"
