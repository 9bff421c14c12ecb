"""What a classical melt-quench is asked for: a box, a potential, a schedule, the frames kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from ase.formula import Formula
from pydantic import AfterValidator, Field, model_validator

from al_loop.campaign.options import Composition, Options, PairDistances, Positive
from al_loop.campaign.strict import meant
from al_loop.packing import usual_distances
from al_loop.pair_potentials import POTENTIALS

if TYPE_CHECKING:
    from typing_extensions import Self

Phase = Literal["melt", "path", "glass"]
"""Hot, on the way down, and cold."""


def _published(name: str) -> str:
    if name not in POTENTIALS:
        raise ValueError(f"no pair potential is called {name!r}; {meant(name, list(POTENTIALS))}")
    return name


Potential = Annotated[str, AfterValidator(_published)]
"""Name of a published pair potential."""


class Melt(Options):
    """The melt is held so long; its second half gives frames."""

    temperature: Positive = Field(4000.0, le=20_000, description="K.")
    ps: Positive = Field(10.0, description="Time, ps.")


class Quench(Options):
    """The way down, linear in time."""

    rate: Positive = Field(20.0, description="K/ps.")
    to: Positive = Field(300.0, description="K.")


class Glass(Options):
    """The glass is held so long; its second half gives frames."""

    ps: Positive = Field(2.0, description="Time, ps.")


class Snapshots(Options):
    """Frames of one melt-quench."""

    melt: int = Field(2, ge=0, le=1000, description="Frames of the melt.")
    path: int = Field(4, ge=0, le=1000, description="Frames along the quench.")
    glass: int = Field(2, ge=0, le=1000, description="Frames of the glass.")


class Quenching(Options):
    """How a box is melted and quenched at constant volume under a published potential."""

    potential: Potential = Field(description="Published: bks, pmmcs, du-teter or shik.")
    melt: Melt = Field(default_factory=lambda: Melt.model_validate({}))
    quench: Quench = Field(default_factory=lambda: Quench.model_validate({}))
    glass: Glass = Field(default_factory=lambda: Glass.model_validate({}))
    snapshots: Snapshots = Field(default_factory=lambda: Snapshots.model_validate({}))
    timestep: Positive = Field(1.0, le=2.0, description="fs.")
    samples: int = Field(1, ge=1, le=1000, description="Independent melt-quenches.")

    @model_validator(mode="after")
    def _downwards(self) -> Self:
        if self.quench.to >= self.melt.temperature:
            raise ValueError("quench.to must be below melt.temperature")
        if not self.snapshots.melt + self.snapshots.path + self.snapshots.glass:
            raise ValueError("snapshots: at least one frame must be kept")
        return self


class RandomBox(Options):
    """A random box of whole formula units at a density."""

    formula: Composition = Field(description="Composition, for example Na2Si2O5.")
    atoms: int = Field(ge=2, le=5000, description="Atoms in a box; whole formula units.")
    density: Positive = Field(description="g/cm3.")
    min_distance: PairDistances = Field(
        default_factory=dict,
        description="Smallest distances in the random box, Å; pairs that are not given: 0.85 of "
        "the covalent radii to oxygen, 2 Å for the others.",
    )

    @property
    def distances(self) -> dict[str, float]:
        """Smallest distance of each pair of the formula's elements in the random box, Å."""
        return usual_distances(Formula(self.formula).count()) | self.min_distance


class MeltQuench(Quenching, RandomBox):
    """Random boxes that are melted and quenched at constant volume under a published potential."""

    @model_validator(mode="after")
    def _in_the_potential(self) -> Self:
        if refusal := POTENTIALS[self.potential].refuses(Formula(self.formula).count()):
            raise ValueError(refusal)
        return self
