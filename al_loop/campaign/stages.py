"""The stages of an iteration as options: train, explore, select, label."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import (
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationInfo,
    field_validator,
    model_validator,
)

from al_loop.campaign.engines import EngineKind, EngineOptions, engine_class, engine_names
from al_loop.campaign.options import (
    Element,
    Fraction,
    Name,
    Options,
    PairDistances,
    Positive,
)
from al_loop.campaign.schedule import Schedule
from al_loop.campaign.strict import meant


class _EngineStage(Options):
    """A stage that an engine does; its options are checked by the engine's own model."""

    kind: ClassVar[EngineKind]

    engine: str
    options: SerializeAsAny[EngineOptions] = Field(
        default_factory=EngineOptions, description="The engine's own options."
    )

    @field_validator("engine")
    @classmethod
    def _registered(cls, name: str) -> str:
        names = engine_names(cls.kind)
        if name not in names:
            raise ValueError(f"no {cls.kind} engine is called {name!r}; {meant(name, names)}")
        return name

    @field_validator("options", mode="before")
    @classmethod
    def _by_engine(cls, given: Any, info: ValidationInfo) -> Any:
        if "engine" not in info.data:
            return EngineOptions()  # the engine's name is the error
        model = engine_class(cls.kind, info.data["engine"]).Options
        if given is None or type(given) is EngineOptions:
            given = {}
        return model.model_validate(given)


class TrainStage(_EngineStage):
    """How the committee is trained."""

    kind = "train"

    engine: str = Field("deepmd", description="Registered name of the trainer.")
    members: int = Field(4, ge=2, le=20, description="Models in the committee.")
    warm_start: bool = Field(True, description="Start each member from its predecessor.")
    warm_effort: Positive = Field(
        1.0, description="Training steps of a warm-started member, in units of a cold start's."
    )
    final_effort: Positive = Field(
        2.0, description="Training steps of the last training on all labels, in the same units."
    )


class ExploreConditions(Options):
    """One stage of exploration: every structure at every condition.

    Each iteration explores under the next of these; one with ``passes`` is repeated until the
    committee is sure of it, and the last one until the campaign ends.
    """

    structures: tuple[Name, ...] = Field(
        alias="from", min_length=1, description="Names of starting structures."
    )
    schedule: Schedule | None = Field(
        None, description="What happens, in words; default: held, by the four keys that follow."
    )
    ensembles: tuple[Literal["nvt", "npt"], ...] = Field(
        ("nvt",), min_length=1, description="nvt: at constant volume; npt: at constant pressure."
    )
    temperatures: tuple[Positive, ...] = Field((), description="K.")
    pressures: tuple[float, ...] = Field((0.0,), min_length=1, description="GPa, for npt.")
    steps: int | None = Field(None, ge=1, description="MD steps of a walker.")
    walkers: int = Field(1, ge=1, le=1000, description="Walkers per structure and condition.")
    starts: Literal["structures", "last"] = Field(
        "structures",
        description="last: where the latest walkers of a structure in an earlier stage ended, at "
        "their last sample that had not failed (a quench that starts from the melt).",
    )

    name: Name | None = Field(
        None, description="For example melt; default: stage and its number, from 1."
    )
    bearable_error: Positive | None = Field(
        None, description="As select.bearable_error, for this stage alone; eV/Å."
    )
    passes: Fraction | None = Field(
        None,
        description="The stage is repeated until at most this fraction of its samples is "
        "uncertain; default: one iteration.",
    )
    at_most: int = Field(
        5, ge=1, description="Iterations of a stage with passes; then the campaign goes on."
    )

    model_config = ConfigDict(populate_by_name=True)

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Keys that are missing, or that the schedule has already: (key, what is wrong)."""
        fields = type(self).model_fields
        for key in ("temperatures", "steps", "ensembles", "pressures"):
            given = getattr(self, key) != fields[key].default
            if self.schedule is not None and given:
                yield key, "the schedule says this: take one of the two out"
            elif self.schedule is None and not given and key in ("temperatures", "steps"):
                yield key, "this is needed where there is no schedule"


class ExploreStage(_EngineStage):
    """How configurations are sampled."""

    kind = "explore"

    engine: str = Field("lammps", description="Registered name of the explorer.")
    timestep: Positive = Field(1.0, le=5.0, description="fs.")
    sample_every: int = Field(10, ge=1, description="MD steps between two samples.")
    walkers_per_job: int = Field(4, ge=1, description="Walkers that share one process, in turn.")
    stages: tuple[ExploreConditions, ...] = Field(
        min_length=1, description="One after the other, iteration by iteration."
    )
    temperature_factor: float = Field(
        4.0, gt=1, description="A walker stops above this multiple of its temperature."
    )
    deviation_factor: float = Field(
        3.0, ge=1, description="A walker stops above this multiple of the upper trust level."
    )


class TrustLevels(Options):
    """Levels of the maximum force deviation: accurate < lower <= candidate < upper <= failed."""

    lower: Positive = Field(description="eV/Å.")
    upper: Positive = Field(description="eV/Å.")

    @model_validator(mode="after")
    def _ordered(self) -> TrustLevels:
        if self.lower >= self.upper:
            raise ValueError(
                f"lower ({self.lower}) must be below upper ({self.upper}): "
                "no frame could be a candidate"
            )
        return self


class SelectStage(Options):
    """Which frames are labelled."""

    trust: TrustLevels = Field(
        description="Fixed levels; with bearable_error: until there are labels enough."
    )
    bearable_error: Positive | None = Field(
        None,
        description="Error of a force (the largest of a frame) that you can bear, eV/Å: trust "
        "levels then follow from the campaign's own labels.",
    )
    missed: float = Field(
        0.1,
        gt=0,
        lt=0.5,
        description="Share of the frames called accurate whose error may be larger than that.",
    )
    batch: int = Field(ge=1, description="Candidates to label in an iteration.")
    diversity: bool = Field(
        True,
        description="Those candidates first whose atoms have environments that no labelled frame "
        "has; false: at random, walker by walker.",
    )
    audit: int = Field(
        4, ge=0, description="Frames to label that the committee calls accurate, drawn at random."
    )
    min_distance: PairDistances = Field(
        default_factory=dict, description="Candidates with a closer pair are refused, Å."
    )
    density: tuple[Positive, Positive] | None = Field(
        None, description="Smallest and largest density of a candidate, g/cm3."
    )

    @field_validator("density")
    @classmethod
    def _window(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] >= value[1]:
            raise ValueError(f"[{value[0]}, {value[1]}] must be ordered: no frame could pass")
        return value


class LabelQuality(Options):
    """Which labels are not believed: they are kept in quarantine, and nothing trains on them."""

    max_force: Positive | None = Field(
        100.0,
        description="Largest force on an atom, eV/Å; null where a campaign wants such frames.",
    )
    net_force: Positive = Field(
        0.05, description="Noise that a net force betrays, |sum F| / sqrt(3 atoms), eV/Å."
    )
    energy_window: Positive = Field(
        5.0,
        description="How far an energy may lie outside the range of the middle 80 % of the labels "
        "of its composition, eV/atom.",
    )


class LabelStage(_EngineStage):
    """How frames are labelled."""

    kind = "label"

    engine: str = Field("xtb", description="Registered name of the labeller.")
    frames_per_job: int | None = Field(
        None, ge=1, description="Frames that one job labels, in turn; default: minutes_per_job."
    )
    minutes_per_job: Positive = Field(
        10.0,
        description="A job holds as many frames as should take so long, by the labels so far.",
    )
    quorum: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Training starts when this fraction is labelled; the rest joins later.",
    )
    declared: tuple[Name, ...] = Field(
        (),
        description="Methods by name (`al-loop import --method NAME`) whose labels are taken "
        "beside the labeller's own.",
    )
    relabel: Fraction = Field(
        0.0,
        description="Fraction of the frames that are labelled twice, to know the noise of labels "
        "(0.001 is plenty).",
    )
    quality: LabelQuality = Field(default_factory=LabelQuality)
    references: dict[Element, float] = Field(
        default_factory=dict,
        description="Energy of each isolated atom by this method, eV; default: fitted to labels.",
    )
