"""What a protocol begins with: a random box, a crystal, or a structure that there is."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Annotated, Literal

from ase import Atoms
from ase.formula import Formula
from pydantic import Field, model_validator

from al_loop.campaign.composition import title, whole_units
from al_loop.campaign.options import Composition, Name, Options, PairDistances, Positive
from al_loop.crystals import crystal, known_crystals
from al_loop.packing import pack, usual_distances

if TYPE_CHECKING:
    from typing_extensions import Self


class Glass(Options):
    """A composition and its density."""

    formula: Composition | None = Field(None, description="Composition, for example Na2Si2O5.")
    oxides: dict[Composition, Positive] | None = Field(
        None, description="Composition instead as oxide -> mol %, for example {SiO2: 70, Na2O: 30}."
    )
    density: Positive = Field(description="g/cm3.")

    @model_validator(mode="after")
    def _one_composition(self) -> Self:
        if (self.formula is None) == (self.oxides is None):
            raise ValueError("give either formula or oxides")
        if self.oxides and abs(sum(self.oxides.values()) - 100.0) > 0.01:
            raise ValueError(f"the oxides add up to {sum(self.oxides.values()):g} mol %, not 100")
        return self

    @property
    def title(self) -> str:
        """What it is called: the formula, or ``30Na2O-70SiO2``."""
        return self.formula or title(self.oxides or {})


@lru_cache(maxsize=256)
def _whole(shares: tuple[tuple[str, float], ...], atoms: int) -> tuple[tuple[str, int], ...]:
    return tuple(whole_units(dict(shares), atoms=atoms).counts.items())


class Pack(Glass):
    """Atoms at random in a cube, no two closer than they may be."""

    kind: Literal["pack"]
    atoms: int = Field(
        ge=2,
        le=1_000_000,
        description="Atoms: the nearest number of whole formula units; of oxides in mol % the "
        "nearest that meets the composition.",
    )
    min_distance: PairDistances = Field(
        default_factory=dict,
        description="Smallest distances in the random box, Å; pairs that are not given: 0.85 of "
        "the covalent radii to oxygen, 2 Å for the others.",
    )

    def counts(self) -> dict[str, int]:
        """Element -> atoms."""
        if self.oxides:
            return dict(_whole(tuple(self.oxides.items()), self.atoms))
        counts: dict[str, int] = Formula(self.formula or "").count()
        units = max(1, round(self.atoms / sum(counts.values())))
        return {symbol: n * units for symbol, n in counts.items()}

    def build(self, seed: int) -> Atoms:
        """The box of a seed; StructureError when it cannot be packed."""
        counts = self.counts()
        pairs = combinations_with_replacement(sorted(counts), 2)
        apart = usual_distances(counts) | self.min_distance
        return pack(
            "".join(f"{symbol}{n}" for symbol, n in counts.items()),
            atoms=sum(counts.values()),
            density=self.density,
            min_distance={f"{a}-{b}": apart[f"{a}-{b}"] for a, b in pairs},
            seed=seed,
            key="start",
        )


class CrystalStart(Options):
    """A crystal by name, as al_loop knows it."""

    kind: Literal["crystal"]
    name: Name = Field(description="Name of the crystal, for example alpha-quartz.")
    supercell: tuple[int, int, int] = Field((1, 1, 1), description="Times along a, b and c.")

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.name not in known_crystals():
            known = ", ".join(known_crystals())
            raise ValueError(f"no crystal is called {self.name!r}; known: {known}")
        if min(self.supercell) < 1:
            raise ValueError("supercell: one cell at least along each axis")
        return self

    def build(self, seed: int) -> Atoms:
        """The supercell, whatever the seed."""
        return crystal(self.name, supercell=self.supercell)


class FileStart(Options):
    """A structure that there is, for example a glass that was made before."""

    kind: Literal["file"]
    path: str = Field(
        "", description="File, beside the protocol; its last frame. Empty: given with the job."
    )


Start = Annotated[Pack | CrystalStart | FileStart, Field(discriminator="kind")]
