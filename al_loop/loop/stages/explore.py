"""Run walkers under the committee."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms

from al_loop.campaign.spec import CampaignSpec
from al_loop.campaign.stages import ExploreConditions
from al_loop.explore import (
    Committee,
    Limits,
    Walk,
    Walker,
    collect_scores,
    collect_walks,
    paths,
    stage_explore_job,
    stage_score_job,
    staged_walkers,
)
from al_loop.frame import frame_hash
from al_loop.hashing import derive_seed
from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.curriculum import CONDITIONS, is_passed
from al_loop.loop.errors import RETRY, CampaignFailed
from al_loop.loop.glass_starts import glass_walkers
from al_loop.loop.keeping import is_diverse, keep_rule
from al_loop.loop.method import added_in_md
from al_loop.loop.stages.base import Completed, Note, Waits
from al_loop.loop.stages.rescore import SCORE_JOB, drop_sure, frames_to_score
from al_loop.loop.stages.train import leader_of, write_data
from al_loop.loop.trust import calibrated, group_of, trust_of
from al_loop.store import IterationRecord, JobRecord, WalkRecord
from al_loop.structures import Start
from al_loop.train import stage_describe_job

DESCRIBE_JOB = "describe"
"""Beside the walkers: what the committee was trained on, for the choice of the batch."""


class Explore(Waits):
    """Jobs of a few walkers each."""

    def plan(self, ctx: Context, iteration: IterationRecord) -> list[PlannedJob]:
        """Walkers dealt to jobs, long ones first, so that the jobs take about as long.

        Those of one job share their trust levels.
        """
        index = {"index": ctx.conditions(iteration.index)}
        ctx.store.iterations.freeze(ctx.name, iteration.index, CONDITIONS, index)
        _tell_unpassed(ctx, iteration)
        calibrated(ctx, iteration.index)
        walkers = walkers_of(ctx, iteration.index)
        by_cost = sorted(
            walkers, key=lambda name: (-walkers[name][0].steps * len(walkers[name][1]), name)
        )
        groups: dict[str, list[str]] = {}
        for name in by_cost:
            group = group_of(ctx, iteration.index, walkers[name][1])
            groups.setdefault(group, []).append(name)
        deals = []
        for names in groups.values():
            count = -(-len(names) // ctx.spec.explore.walkers_per_job)
            deals += [names[i::count] for i in range(count)]
        # Every other job goes the other way round: jobs that run side by side then load models
        # at different times, and one computes while its neighbour loads.
        jobs = [
            PlannedJob(f"walkers-{i:03d}", tuple(deal[::-1] if i % 2 else deal))
            for i, deal in enumerate(deals)
        ]
        if is_diverse(ctx):
            models = ctx.store.models.of_iteration(ctx.name, iteration.index)
            jobs.append(PlannedJob(DESCRIBE_JOB, (models[0].training_set,)))
        late = frames_to_score(ctx, iteration.index)
        return [*jobs, PlannedJob(SCORE_JOB, late)] if late else jobs

    def write(self, ctx: Context, job: JobRecord) -> None:
        """Write the committee's models and a job's folder."""
        folder = ctx.folder_of(job).path
        committee = write_committee(ctx, job.iteration, folder.parent / "models")
        if job.name == SCORE_JOB:
            frames = ctx.store.frames.get_many(job.items)
            stage_score_job(folder, committee=committee, frames=frames)
            return
        if job.name == DESCRIBE_JOB:
            data = ctx.job_folder(job.iteration, "train", "data").path
            write_data(ctx, training_set=job.items[0], folder=data)
            stage_describe_job(
                folder,
                engine=committee.trainer,
                elements=committee.elements,
                model=committee.models[0],
                data=data,
            )
            return
        walkers = walkers_of(ctx, job.iteration, names=job.items)
        record = ctx.store.iterations.get(ctx.name, job.iteration)
        some_start = walkers[job.items[0]][1]
        trust = trust_of(ctx, record, group_of(ctx, job.iteration, some_start))
        stage = ctx.spec.explore
        stage_explore_job(
            folder,
            engine=stage.engine,
            options=stage.options,
            walkers=[walkers[name] for name in job.items],
            committee=committee,
            limits=Limits(
                deviation=stage.deviation_factor * trust.upper,
                temperature_factor=stage.temperature_factor,
                min_distance=ctx.spec.select.min_distance,
            ),
            keep=keep_rule(ctx, trust, walkers=len(walkers_of(ctx, job.iteration))),
        )

    def ingest(self, ctx: Context, job: JobRecord) -> list[Note]:
        """Keep what each walker measured along its way; drop labels that are not worth it now."""
        if job.name == SCORE_JOB:
            return drop_sure(ctx, job.iteration, collect_scores(ctx.folder_of(job)))
        if job.name == DESCRIBE_JOB:
            return []
        folder = ctx.folder_of(job)
        walkers = {walker.name: walker for walker in staged_walkers(folder)}
        walks = collect_walks(folder)
        lasts = {walk.name: (frame_hash(walk.last), walk.last) for walk in walks if walk.last}
        ctx.store.frames.put_many(dict(lasts.values()))
        ctx.store.walks.put_many(
            replace(
                _record(ctx, job.iteration, walkers[walk.name], walk),
                last=lasts[walk.name][0] if walk.name in lasts else None,
            )
            for walk in walks
        )
        return [
            Note("walker-stopped", f"walker {walk.name}: {walk.detail}")
            for walk in walks
            if walk.stop != "completed"
        ]

    def complete(self, ctx: Context, iteration: IterationRecord) -> Completed:
        """All walkers are in."""
        walks = ctx.store.walks.of_iteration(ctx.name, iteration.index, with_arrays=False)
        if not walks:
            raise CampaignFailed("not one walker has come to an end", remedy=RETRY)
        stopped = sum(walk.stop != "completed" for walk in walks)
        return Completed("select", note=f"{len(walks)} walkers, {stopped} stopped early")


def _tell_unpassed(ctx: Context, iteration: IterationRecord) -> None:
    """Say so when the campaign goes on although its committee is not sure of a stage."""
    before = ctx.store.iterations.get(ctx.name, iteration.index - 1)
    if before is None or ctx.conditions(before.index) == ctx.conditions(iteration.index):
        return
    index = ctx.conditions(before.index)
    stage = ctx.spec.explore.stages[index]
    if not is_passed(stage, before):
        ctx.event(
            "stage-not-passed",
            f"after {stage.at_most} iterations the committee is not sure of exploration stage "
            f"{stage.name or index + 1}; the campaign goes on",
        )


def walkers_of(
    ctx: Context, iteration: int, *, names: Container[str] | None = None
) -> dict[str, tuple[Walker, Atoms]]:
    """The walkers of an iteration by name, the same at every call."""
    stage = ctx.conditions(iteration)
    starts = _begin_at(ctx, iteration, ctx.spec.explore.stages[stage])
    found = walkers_for(ctx.spec, starts, iteration, stage=stage, names=names)
    return {**glass_walkers(ctx, iteration, stage=stage, names=names), **found}


def _begin_at(
    ctx: Context, iteration: int, conditions: ExploreConditions
) -> dict[str, list[Start]]:
    """Where walkers start: the structures, or where walkers of an earlier stage have ended.

    A stage that is repeated begins each time where it began first: a quench in the melt, not at
    its own cold end.
    """
    if conditions.starts == "structures":
        return ctx.starts
    starts = dict(ctx.starts)
    first = iteration
    while first > 0 and ctx.conditions(first - 1) == ctx.conditions(iteration):
        first -= 1
    for structure in ctx.spec.systems(conditions.structures):
        ended = ctx.store.walks.last_frames(ctx.name, structure, before=first)
        atoms = ctx.store.frames.get_many(ended)
        if ended:
            starts[structure] = [Start(frame, atoms[frame], True) for frame in ended]
    return starts


def walkers_for(
    spec: CampaignSpec,
    starts: dict[str, list[Start]],
    iteration: int,
    *,
    stage: int,
    names: Container[str] | None = None,
) -> dict[str, tuple[Walker, Atoms]]:
    """The walkers of an iteration that explores under a stage, by name (some, or all of them).

    Copies of a structure take turns as the start.
    """
    explore = spec.explore
    conditions = explore.stages[stage]
    ways = paths(conditions, timestep=explore.timestep, sample_every=explore.sample_every)
    walkers: dict[str, tuple[Walker, Atoms]] = {}
    for structure in spec.systems(conditions.structures):
        pristine = [start for start in starts[structure] if start.pristine]
        for state, legs in ways.items():
            for n in range(conditions.walkers):
                name = f"{structure}-{state}-{n}"
                if names is not None and name not in names:
                    continue
                walker = Walker(
                    name=name,
                    legs=legs,
                    timestep=spec.explore.timestep,
                    sample_every=spec.explore.sample_every,
                    seed=derive_seed(spec.seed, "explore", iteration, name),
                )
                walkers[name] = (walker, pristine[(n + iteration) % len(pristine)].atoms)
    return walkers


def structure_of(spec: CampaignSpec, walker: str, *, stage: int) -> str:
    """The structure from which a walker of an exploration stage starts."""
    conditions = spec.explore.stages[stage]
    ways = paths(conditions, timestep=spec.explore.timestep, sample_every=spec.explore.sample_every)
    names = spec.systems(conditions.structures)
    known = {f"{name}-{way}": name for name in names for way in ways}
    start = walker.rpartition("-")[0]
    return known[start] if start in known else start.rpartition("-")[0]  # a glass


def write_committee(ctx: Context, iteration: int, folder: Path) -> Committee:
    """Fetch the models of an iteration into a folder, the leader first."""
    good = [m for m in ctx.store.models.of_iteration(ctx.name, iteration) if m.state == "ok"]
    leader = leader_of(good)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for model in [leader, *(m for m in good if m.member != leader.member)]:
        path = folder / f"member-{model.member}{Path(model.model).suffix}"
        ctx.store.files.fetch(model.files[model.model], path)
        files.append(path)
    return Committee(
        model_format=ctx.trainer.model_format,
        trainer=ctx.spec.train.engine,
        elements=ctx.spec.elements,
        models=tuple(files),
        dispersion=added_in_md(ctx.spec),
    )


def _record(ctx: Context, iteration: int, walker: Walker, walk: Walk) -> WalkRecord:
    index = ctx.conditions(iteration)
    structure = structure_of(ctx.spec, walk.name, stage=index)
    last = walker.legs[-1]
    return WalkRecord(
        campaign=ctx.name,
        iteration=iteration,
        walker=walk.name,
        structure=structure,
        ensemble=last.ensemble,
        temperature=last.temperature[1],
        pressure=last.pressure[1],
        stop=walk.stop,
        detail=walk.detail,
        cut=walk.cut,
        step=walk.step,
        max_force_deviation=walk.max_force_deviation,
        target_temperature=np.array([walker.temperature_at(int(step)) for step in walk.step]),
        sample_temperature=walk.temperature,
        sample_pressure=walk.pressure,
    )
