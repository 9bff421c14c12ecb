"""campaign.yaml as typed options. The units stand in the descriptions.

Numbers carry fixed units: Å, eV/Å, K, GPa, fs, g/cm3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from ase.data import atomic_numbers
from ase.formula import Formula
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SerializeAsAny,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from al_loop.campaign.dispersion import Dispersion, contradictions
from al_loop.campaign.engines import EngineKind, EngineOptions, engine_class, engine_names
from al_loop.campaign.schedule import Schedule
from al_loop.campaign.strict import StrictModel, meant

SCHEMA_VERSION = 1


def _element(symbol: str) -> str:
    if symbol not in atomic_numbers or symbol == "X":
        raise ValueError(f"{symbol!r} is not a chemical element")
    return symbol


def pair_key(a: str, b: str) -> str:
    """Name of a pair of elements: alphabetical, joined by a hyphen (``O-Si``)."""
    return "-".join(sorted((a, b)))


def _pairs(distances: dict[str, float]) -> dict[str, float]:
    normal: dict[str, float] = {}
    for key, distance in distances.items():
        parts = key.split("-")
        if len(parts) != 2:
            raise ValueError(f"{key!r} is not a pair of elements such as Si-O")
        if not 0 < distance < 10:
            raise ValueError(f"{key}: {distance} Å is not a distance between atoms")
        name = pair_key(_element(parts[0]), _element(parts[1]))
        if name in normal:
            raise ValueError(f"{key} is given twice")
        normal[name] = distance
    return normal


def _formula(text: str) -> str:
    try:
        counts = Formula(text).count()
    except ValueError:
        counts = {}
    if not counts or not all(symbol in atomic_numbers for symbol in counts):
        raise ValueError(f"{text!r} is not a formula such as SiO2")
    return text


Element = Annotated[str, AfterValidator(_element)]
PairDistances = Annotated[dict[str, float], AfterValidator(_pairs)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]


class Options(StrictModel):
    """Base of all parts of a campaign: frozen, and an unknown key is an error."""


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
    """A polymorph that al_loop knows by name."""

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

    formula: Annotated[str, AfterValidator(_formula)] = Field(
        description="Composition, for example SiO2 or Na2Si2O5."
    )
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


def _source_kind(value: Any) -> str | None:
    """Which kind of source a mapping describes, by the key that only that kind has."""
    keys = value if isinstance(value, dict) else type(value).model_fields
    found = [kind for kind in ("crystal", "formula", "file") if kind in keys]
    return found[0] if len(found) == 1 else None


StructureSource = Annotated[
    Annotated[CrystalSource, Tag("crystal")]
    | Annotated[PackedSource, Tag("formula")]
    | Annotated[FileSource, Tag("file")],
    Discriminator(
        _source_kind,
        custom_error_type="structure_source",
        custom_error_message="exactly one of crystal, formula, file must be given",
    ),
]


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
    ensembles: tuple[Literal["nvt", "npt"], ...] = Field(("nvt",), min_length=1)
    temperatures: tuple[Positive, ...] = Field((), description="K.")
    pressures: tuple[float, ...] = Field((0.0,), min_length=1, description="GPa, for npt.")
    steps: int | None = Field(None, ge=1, description="MD steps of a walker.")
    walkers: int = Field(1, ge=1, le=1000, description="Walkers per structure and condition.")
    starts: Literal["structures", "last"] = Field(
        "structures",
        description="last: where the latest walkers of a structure ended, at their last sample "
        "that had not failed (a quench that starts from the melt).",
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
    stages: tuple[ExploreConditions, ...] = Field(min_length=1)
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


class SplitOptions(Options):
    """Fractions of the labelled frames that are never trained on; the frame's hash decides."""

    valid: float = Field(0.05, ge=0, lt=0.5)
    test: float = Field(0.15, gt=0, lt=0.5)


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
    iterations: int = Field(2, ge=1)

    @property
    def force_target(self) -> float:
        """``force_error``, or its default: 95 % of Maxwell's distribution; eV/Å."""
        return self.force_error or 2.8 * self.audit_force_rmse


class Budget(Options):
    """What the campaign may spend; reaching it ends the campaign and is reported as such."""

    iterations: int = Field(10, ge=1, le=1000)
    labels: int | None = Field(None, ge=1, description="Labels, the first ones included.")
    hours: Positive | None = Field(None, description="Wall time since the start, h.")


def _walltime(value: Any) -> Any:
    """Seconds from ``HH:MM:SS``, ``D-HH:MM:SS`` or a number of seconds (YAML 1.1: sexagesimal)."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(?:(\d+)-)?(\d{1,3}):([0-5]\d):([0-5]\d)", value.strip())
    if not found:
        raise ValueError(f"{value!r} is not a time such as 04:00:00 or 2-00:00:00")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


class JobResources(Options):
    """What one job of a stage needs of a cluster; what is not given is left to the site's files."""

    queue: Name | None = Field(
        None,
        description="Kind of node: the category of a file in fworkers/; default: any.",
    )
    cores: int | None = Field(None, ge=1, description="CPU cores of a job.")
    gpus: int | None = Field(None, ge=0, description="GPUs of a job.")
    memory: Positive | None = Field(None, description="Memory of a job, GB.")
    walltime: Annotated[int, BeforeValidator(_walltime)] | None = Field(
        None, ge=60, description="HH:MM:SS; a job that needs longer stops cleanly and goes on."
    )


class Resources(Options):
    """What jobs may use, here and on a cluster. Changes nothing of what is computed."""

    cores: int | None = Field(
        None, ge=1, description="Jobs at a time of `al-loop run`; default: all cores."
    )
    train: JobResources = Field(default_factory=JobResources)
    explore: JobResources = Field(default_factory=JobResources)
    label: JobResources = Field(default_factory=JobResources)


class CampaignSpec(Options):
    """A campaign, as asked for."""

    name: Name
    description: str = ""
    elements: tuple[Element, ...] = Field(
        min_length=1, description="All elements, in the order of the potential's atom types."
    )
    seed: int = Field(1, ge=0, description="Of every random choice of the campaign.")
    folder: str | None = Field(
        None, description="Folder of the campaign's files; default: its name, here."
    )
    structures: dict[Name, StructureSource] = Field(min_length=1)
    train: TrainStage = Field(default_factory=lambda: TrainStage.model_validate({}))
    explore: ExploreStage
    select: SelectStage
    label: LabelStage = Field(default_factory=lambda: LabelStage.model_validate({}))
    dispersion: Dispersion | None = Field(
        None, description="D3 that is added; default: labels are as the labeller computes them."
    )
    split: SplitOptions = Field(default_factory=SplitOptions)
    converge: Converge = Field(default_factory=Converge)
    budget: Budget = Field(default_factory=Budget)
    resources: Resources = Field(default_factory=Resources)

    @model_validator(mode="after")
    def _consistent(self) -> CampaignSpec:
        """What no part can see alone; each error stands at its own key."""
        errors = [
            InitErrorDetails(type=PydanticCustomError("inconsistent", message), loc=loc, input=None)
            for loc, message in self._contradictions()
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
            if isinstance(source, PackedSource):
                here = ("structures", name, "formula")  # as pydantic: with the kind of source
                pairs.append(((*here, "min_distance"), source.min_distance))
                for symbol in Formula(source.formula).count():
                    if symbol not in self.elements:
                        yield (*here, "formula"), f"{symbol} is not among elements"
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
        for i, stage in enumerate(self.explore.stages):
            for key, message in stage.contradictions():
                yield ("explore", "stages", i, key), message
            for j, name in enumerate(stage.structures):
                if name not in self.structures:
                    message = f"no structure is called {name!r}; "
                    yield (
                        ("explore", "stages", i, "from", j),
                        message + meant(name, list(self.structures)),
                    )
