"""campaign.yaml as typed options. The units stand in the descriptions.

Numbers carry fixed units: Å, eV/Å, K, GPa, fs, g/cm3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ase.formula import Formula
from pydantic import (
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from al_loop.campaign.dispersion import Dispersion, contradictions
from al_loop.campaign.grid import expand
from al_loop.campaign.options import (
    Element,
    Fraction,
    Name,
    Options,
    Positive,
)
from al_loop.campaign.quench import RandomBox
from al_loop.campaign.resources import Resources
from al_loop.campaign.stages import ExploreStage, LabelStage, SelectStage, TrainStage
from al_loop.campaign.strict import meant
from al_loop.campaign.structures import (
    MeltQuenchSource,
    PackedSource,
    RmcSource,
    StructureSource,
    grid_of,
    grids_of,
)
from al_loop.campaign.validate import GateWords, Validation

SCHEMA_VERSION = 1


class SplitOptions(Options):
    """Fractions of the labelled frames that are never trained on; the frame's hash decides."""

    valid: float = Field(0.05, ge=0, lt=0.5, description="Chooses the leader of a committee.")
    test: float = Field(0.15, gt=0, lt=0.5, description="Measures errors, and nothing else.")


class Converge(Options):
    """When the campaign is done: for ``iterations`` in a row all hold, in the last stage."""

    candidate_fraction: Fraction = Field(
        0.05, description="Uncertain frames (candidates and failed) among explored ones."
    )
    audit_force_rmse: Positive = Field(
        0.2, description="Force error on audit frames, eV/Å (RMSE per component)."
    )
    force_error: Positive | None = Field(
        None,
        description="What 95 % of the forces of each stratum (composition and stage) are not off "
        "by, eV/Å; default: 2.8 audit_force_rmse, as of normal errors of that size.",
    )
    percentile: float = Field(
        0.95, gt=0.5, lt=1, description="Share of the forces of which force_error speaks."
    )
    confidence: float = Field(
        0.9, gt=0.5, lt=1, description="With which that is known from the audit frames."
    )
    flat: Fraction | None = Field(
        0.1,
        description="The test error must not have fallen by more than this share since the "
        "iteration before; null: it may.",
    )
    iterations: int = Field(2, ge=1, description="In a row that have to meet all of this.")
    glass: dict[str, GateWords] = Field(
        default_factory=dict,
        description="What the glass of the last committee must be like (`validate`), by the names "
        'of `al-loop glass`: `density: 2 %`, `si4: ">= 98 %"`.',
    )

    @property
    def force_target(self) -> float:
        """``force_error``, or its default: 95 % of Maxwell's distribution; eV/Å."""
        return self.force_error or 2.8 * self.audit_force_rmse


class Budget(Options):
    """What the campaign may spend; reaching it ends the campaign and is reported as such."""

    iterations: int = Field(10, ge=1, le=1000, description="The last training not counted.")
    labels: int | None = Field(None, ge=1, description="Labels, the first ones included.")
    hours: Positive | None = Field(None, description="Wall time since the start, h.")


class CampaignSpec(Options):
    """A campaign, as asked for."""

    name: Name = Field(description="Of the campaign, in the database and for its folder.")
    description: str = Field("", description="For people.")
    elements: tuple[Element, ...] = Field(
        min_length=1, description="All elements, in the order of the potential's atom types."
    )
    seed: int = Field(1, ge=0, description="Of every random choice of the campaign.")
    folder: str | None = Field(
        None, description="Folder of the campaign's files; default: its name, here."
    )
    structures: dict[Name, StructureSource] = Field(
        min_length=1, description="Where the first labels and the walkers start, by a name each."
    )
    train: TrainStage = Field(default_factory=lambda: TrainStage.model_validate({}))
    explore: ExploreStage
    select: SelectStage
    label: LabelStage = Field(default_factory=lambda: LabelStage.model_validate({}))
    dispersion: Dispersion | None = Field(
        None, description="D3 that is added; default: labels are as the labeller computes them."
    )
    split: SplitOptions = Field(default_factory=SplitOptions)
    converge: Converge = Field(default_factory=Converge)
    validation: Validation | None = Field(
        None,
        alias="validate",
        description="Glasses to be made and measured before the campaign calls itself converged.",
    )
    budget: Budget = Field(default_factory=Budget)
    resources: Resources = Field(default_factory=Resources)

    @field_validator("structures", mode="before")
    @classmethod
    def _without_grids(cls, given: Any) -> Any:
        return expand(given)

    def systems(self, names: Iterable[str]) -> tuple[str, ...]:
        """Structures by their names, or by that of a grid, which means all of its members."""
        grids = grids_of(self.structures)
        found = (one for name in names for one in grids.get(name, [name]))
        return tuple(dict.fromkeys(found))

    @model_validator(mode="after")
    def _consistent(self) -> CampaignSpec:
        """What no part can see alone; each error stands at its own key."""
        errors = [
            InitErrorDetails(type=PydanticCustomError("inconsistent", message), loc=loc, input=None)
            for loc, message in dict.fromkeys(self._contradictions())
        ]
        if errors:
            raise ValidationError.from_exception_data("CampaignSpec", errors)
        return self

    def _contradictions(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        for i, element in enumerate(self.elements):
            if element in self.elements[:i]:
                yield ("elements", i), f"{element} is listed twice"
        pairs: list[tuple[tuple[str | int, ...], dict[str, float]]] = [
            (("select", "min_distance"), self.select.min_distance)
        ]
        for name, source in self.structures.items():
            # As pydantic says where: with the kind of source.
            here: tuple[str | int, ...] = ("structures", name, "formula")
            asked: object = source
            if isinstance(source, MeltQuenchSource):
                here, asked = ("structures", name, "melt_quench", "melt_quench"), source.melt_quench
            if isinstance(source, RmcSource):
                here, asked = ("structures", name, "rmc", "rmc"), source.rmc
            if isinstance(asked, PackedSource | RandomBox):
                formula = (*here, "formula")
                if grid := grid_of(source):  # its distances are those of its elements
                    formula = ("structures", grid, "grid", "grid")
                else:
                    pairs.append(((*here, "min_distance"), asked.min_distance))
                for symbol in Formula(asked.formula).count():
                    if symbol not in self.elements:
                        yield formula, f"{symbol} is not among elements"
        yield from self._about_glass()
        for where, distances in pairs:
            for pair in distances:
                if not set(pair.split("-")) <= set(self.elements):
                    yield where, f"{pair} is not a pair of elements of this campaign"
        if given := self.label.references:
            for symbol in set(self.elements) - given.keys():
                yield ("label", "references"), f"no energy is given for {symbol}"
        if self.label.declared and self.dispersion and self.dispersion.where == "labels":
            yield (
                ("label", "declared"),
                "whether imported labels hold dispersion is not known: set dispersion.where: md, "
                "or import them as the labeller's own",
            )
        if self.dispersion is not None:
            yield from contradictions(
                self.dispersion,
                elements=self.elements,
                labeller=self.label.engine,
                options=self.label.options,
                explorer=self.explore.engine,
            )
        names = [*self.structures, *grids_of(self.structures)]
        for i, stage in enumerate(self.explore.stages):
            for key, message in stage.contradictions():
                yield ("explore", "stages", i, key), message
            for j, name in enumerate(stage.structures):
                if name not in names:
                    message = f"no structure is called {name!r}; "
                    yield (
                        ("explore", "stages", i, "from", j),
                        message + meant(name, names),
                    )

    def _about_glass(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        if self.validation is None:
            if self.converge.glass:
                yield (
                    ("converge", "glass"),
                    "no glass is made: `validate` says of what and how (docs/convergence.md)",
                )
            return
        for name, system in self.validation.systems.items():
            for symbol in Formula(system.formula).count():
                if symbol not in self.elements:
                    where = ("validate", "systems", name, "formula")
                    yield where, f"{symbol} is not among elements"
        member = self.validation.model
        if isinstance(member, int) and member >= self.train.members:
            yield ("validate", "model"), f"members are numbered from 0 to {self.train.members - 1}"
