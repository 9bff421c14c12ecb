"""Look at a campaign before anything is run: engines, structures, cost, first inputs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ase import Atoms

from al_loop.campaign import CampaignSpec, make_engine
from al_loop.campaign.stages import ExploreConditions, ExploreStage
from al_loop.campaign.structures import grid_of
from al_loop.d3 import check_d3
from al_loop.errors import UserError
from al_loop.explore import Committee, Explorer, Walker, paths
from al_loop.explore.quench import legs_of
from al_loop.frame import frame_hash, split_of
from al_loop.loop.gates_check import check_gates
from al_loop.loop.method import added_in_md, labeller_of
from al_loop.loop.protocols import planned_of
from al_loop.loop.quenching import computed_of, explorer_of, stand_ins, wishes_of
from al_loop.loop.small_starts import too_large
from al_loop.loop.stages.explore import walkers_for
from al_loop.loop.validating import course_of
from al_loop.structures import Start, build_structures
from al_loop.train import Trainer

_ODD = '"$`\\\n'
"""Characters that a job script would take for something else."""


@dataclass(frozen=True)
class Quenching:
    """What a melt-quench will cost and give: jobs, MD steps and ps of each, frames of all."""

    potential: str
    jobs: int
    steps: int
    picoseconds: float
    frames: int


@dataclass(frozen=True)
class Validating:
    """What a validation will cost: glasses of all compositions at least and at most, MD of each
    (of the longest)."""

    glasses: tuple[int, int]
    steps: int
    picoseconds: float
    too_large: dict[str, str | None]
    """Systems whose glasses are not labelled where they fail -> the structure whose boxes are
    quenched and labelled instead; None: there is none."""


@dataclass(frozen=True)
class Checked:
    """What a check found: engines with versions, structures, counts, and the first inputs."""

    engines: dict[str, str]
    dispersion: str | None
    """Program and version that adds it, where the campaign has it added."""
    structures: dict[str, list[Start]]
    starting_labels: dict[str, int]
    """Starting frames per split."""
    quenches: dict[str, Quenching]
    """Melt-quenches by the name of the structure, or of the grid. A box stands for each of their
    frames above."""
    quenched_labels: int
    """Starting frames that they will give at most, disturbed copies included."""
    walkers: list[int]
    """Walkers of each exploration stage."""
    largest_campaign: int
    """Labels when every iteration fills its batch."""
    inputs: dict[str, str]
    """Rendered inputs, name -> text."""
    validating: Validating | None = None
    """Where glasses are made at the end."""


def check_campaign(spec: CampaignSpec, *, base: Path) -> Checked:
    """Check everything that can be checked without computing.

    Raises
    ------
    UserError
        What would stop the campaign: a missing engine, a structure that cannot be made, ...
    """
    trainer = cast(Trainer, make_engine("train", spec.train.engine, spec.train.options))
    explorer = cast(Explorer, make_engine("explore", spec.explore.engine, spec.explore.options))
    labeller = labeller_of(spec)
    if explorer.formats and trainer.model_format not in explorer.formats:
        raise UserError(
            f"explorer {spec.explore.engine!r} cannot run models of trainer {spec.train.engine!r}",
            where="explore.engine",
            remedy=f"it runs: {', '.join(sorted(explorer.formats))}; `ase` runs any",
        )
    engines = {
        "train": trainer.check(),
        "explore": explorer.check(),
        "label": labeller.check(),
    }
    dispersion = None if spec.dispersion is None else check_d3()
    check_folder(Path(spec.folder or spec.name).absolute())
    check_gates(spec, base=base)
    starts = build_structures(spec, base=base, quenched=stand_ins(spec))
    quenches = computed_of(spec)
    if wishes_of(spec):
        engines["quench"] = explorer_of(spec).check()
    splits = {"train": 0, "valid": 0, "test": 0}
    labelled = {name: group for name, group in starts.items() if spec.structures[name].label}
    unseen = sum(len(group) for name, group in labelled.items() if name in quenches)
    seen = [s for name, group in labelled.items() if name not in quenches for s in group]
    for frame in {frame_hash(start.atoms) for start in seen}:
        splits[split_of(frame, valid=spec.split.valid, test=spec.split.test)] += 1
    imports = not all(source.label for source in spec.structures.values())
    if splits["train"] + unseen < 2 and not imports:
        raise UserError(
            f"only {splits['train']} starting frames are for training",
            where="structures",
            remedy="ask for more boxes or perturb.copies",
        )
    batches = spec.budget.iterations * (spec.select.batch + spec.select.audit)
    largest = sum(splits.values()) + unseen + batches
    if spec.budget.labels is not None:
        largest = min(largest, spec.budget.labels)
    stages = [walkers_for(spec, starts, i, stage=i) for i in range(len(spec.explore.stages))]
    return Checked(
        engines=engines,
        dispersion=dispersion,
        structures=starts,
        starting_labels=splits,
        quenches=_quenches(spec),
        quenched_labels=unseen,
        walkers=[len(walkers) for walkers in stages],
        largest_campaign=largest,
        inputs=_first_inputs(spec, trainer, explorer, stages[0]),
        validating=_validating(spec, starts, base=base),
    )


def _validating(
    spec: CampaignSpec, starts: dict[str, list[Start]], *, base: Path
) -> Validating | None:
    wish = spec.validation
    if wish is None:
        return None
    course = course_of(spec, seed=spec.seed)
    systems = len(wish.systems)
    steps = course.way.steps + course.hold.steps
    lengths = [
        (planned.steps, planned.protocol.timestep) if planned else (steps, course.way.timestep)
        for planned in (planned_of(spec, system, base=base) for system in wish.systems)
    ]
    steps, timestep = max(lengths, key=lambda one: one[0] * one[1])
    return Validating(
        glasses=(systems * wish.samples, systems * wish.most_samples),
        steps=steps,
        picoseconds=steps * timestep / 1000.0,
        too_large=too_large(spec, starts),
    )


def _quenches(spec: CampaignSpec) -> dict[str, Quenching]:
    found: dict[str, Quenching] = {}
    for name, wish in wishes_of(spec).items():
        given = grid_of(spec.structures[name]) or name
        legs = legs_of(wish)
        steps = sum(leg.steps for leg in legs)
        before = found.get(given)  # another composition of the grid, with the same schedule
        found[given] = Quenching(
            potential=wish.potential,
            jobs=wish.samples + (before.jobs if before else 0),
            steps=steps,
            picoseconds=steps * wish.timestep / 1000.0,
            frames=wish.samples * sum(leg.keep for leg in legs) + (before.frames if before else 0),
        )
    return found


def lengths(conditions: ExploreConditions, stage: ExploreStage) -> dict[str, float]:
    """How long each kind of walker of a stage takes, ps, by the name of its schedule."""
    ways = paths(conditions, timestep=stage.timestep, sample_every=stage.sample_every)
    return {
        name: sum(leg.steps for leg in legs) * stage.timestep / 1000.0
        for name, legs in ways.items()
    }


def check_folder(folder: Path) -> None:
    """UserError unless the campaign's folder is there, or can be made, and can be written to."""
    if odd := sorted(set(str(folder)) & set(_ODD)):
        raise UserError(
            f"the campaign's folder has {' '.join(odd)} in its path, which job scripts misread",
            where=folder,
            remedy="set `folder` in the campaign file to a place without such characters",
        )
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UserError(
            f"the campaign's folder cannot be written: {there} is "
            + ("not yours to write to" if there.is_dir() else "not a folder"),
            where=folder,
            remedy="set `folder` in the campaign file to a place where you may write",
        )


def _first_inputs(
    spec: CampaignSpec,
    trainer: Trainer,
    explorer: Explorer,
    walkers: dict[str, tuple[Walker, Atoms]],
) -> dict[str, str]:
    models = tuple(Path(f"member-{k}.model") for k in range(spec.train.members))
    committee = Committee(
        model_format=trainer.model_format,
        trainer=spec.train.engine,
        elements=spec.elements,
        models=models,
        dispersion=added_in_md(spec),
    )
    name, (walker, atoms) = next(iter(walkers.items()))
    texts = explorer.render(walker, atoms, committee)
    inputs = {f"explore/{name}/{file}": text for file, text in texts.items()}
    render = getattr(trainer, "render", None)
    if render is not None:
        inputs.update({f"train/{k}": v for k, v in render(spec.elements).items()})
    return inputs
