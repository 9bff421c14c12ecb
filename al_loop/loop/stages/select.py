"""Choose what to label."""

from __future__ import annotations

from collections.abc import Container

from ase import Atoms

from al_loop.errors import JobFolderError
from al_loop.explore import Walk, collect_walks
from al_loop.hashing import derive_seed
from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.stages.base import Completed, Note, Waits
from al_loop.loop.stages.explore import walkers_of
from al_loop.loop.stages.rescore import SCORE_JOB
from al_loop.select import (
    ACCURATE,
    CANDIDATE,
    Batch,
    Pool,
    choose_batch,
    classify,
    make_filter,
)
from al_loop.store import IterationRecord, JobRecord, Selection
from al_loop.units import density


class Select(Waits):
    """A control stage: no jobs, all done when it completes."""

    def plan(self, ctx: Context, iteration: IterationRecord) -> list[PlannedJob]:
        """Nothing to compute elsewhere."""
        return []

    def write(self, ctx: Context, job: JobRecord) -> None:
        """There are no jobs."""

    def ingest(self, ctx: Context, job: JobRecord) -> list[Note]:
        """There are no jobs."""
        return []

    def complete(self, ctx: Context, iteration: IterationRecord) -> Completed:
        """Classify all samples, choose a batch and audit frames, put them into the store."""
        walks: list[Walk] = []
        lost = 0
        for job in ctx.store.jobs.of_stage(ctx.name, iteration.index, "explore"):
            if job.state == "quarantined" or job.name == SCORE_JOB:
                continue
            try:
                walks.extend(collect_walks(ctx.folder_of(job)))
            except JobFolderError as error:
                ctx.store.jobs.reopen(job.id)
                ctx.event("job-lost", f"{job.name}: {error.what}; it is done again")
                lost += 1
        if lost:
            return Completed("explore", note=f"{lost} jobs have lost their results")
        return self._choose(ctx, iteration, walks)

    def _choose(self, ctx: Context, iteration: IterationRecord, walks: list[Walk]) -> Completed:
        spec = ctx.spec.select
        codes = {w.name: classify(w.max_force_deviation, levels=spec.trust) for w in walks}
        pools = [
            Pool(
                name=walk.name,
                kept=walk.kept,
                code=codes[walk.name],
                frames=walk.frames,
            )
            for walk in walks
        ]
        affordable = _affordable(ctx, iteration)
        batch = choose_batch(
            pools,
            batch=max(0, min(spec.batch, affordable - spec.audit)),
            audit=max(0, min(spec.audit, affordable)),
            accept=make_filter(min_distance=spec.min_distance, density=spec.density),
            known=_Known(ctx, iteration),
            seed=derive_seed(ctx.spec.seed, "select", iteration.index),
        )
        self._keep(ctx, iteration, walks, batch)
        totals = {
            code: int(sum((codes[w.name] == code).sum() for w in walks))
            for code in (ACCURATE, CANDIDATE)
        }
        explored = _planned_samples(ctx, iteration)
        counts = iteration.counts.model_copy(
            update={
                "explored": explored,
                "accurate": totals[ACCURATE],
                "candidate": totals[CANDIDATE],
                "failed": explored - totals[ACCURATE] - totals[CANDIDATE],
                "audit": sum(pick.why == "audit" for pick in batch.picks),
            }
        )
        chosen = len(batch.picks) - counts.audit
        note = f"{counts.candidate} candidates of {counts.explored} samples, {chosen} chosen"
        return Completed("label", {"counts": counts, "trust": spec.trust}, note=note)

    @staticmethod
    def _keep(ctx: Context, iteration: IterationRecord, walks: list[Walk], batch: Batch) -> None:
        by_name = {walk.name: walk for walk in walks}
        frames: dict[str, Atoms] = {}
        selections: list[Selection] = []
        for pick in batch.picks:
            walk = by_name[pick.walker]
            atoms = walk.frames[pick.position]
            frames[pick.frame] = atoms
            selections.append(
                Selection(
                    campaign=ctx.name,
                    frame=pick.frame,
                    iteration=iteration.index,
                    chosen=pick.why,
                    split=ctx.split(pick.frame),
                    source=pick.walker,
                    step=int(walk.step[pick.sample]),
                    temperature=float(walk.temperature[pick.sample]),
                    pressure=float(walk.pressure[pick.sample]),
                    density=density(atoms),
                    deviation=float(walk.max_force_deviation[pick.sample]),
                    predicted_forces=walk.forces[pick.position],
                )
            )
        ctx.store.frames.put_many(frames)
        ctx.store.selections.put_many(selections)


def _planned_samples(ctx: Context, iteration: IterationRecord) -> int:
    """Samples that the walkers would have given had none left the physical.

    Those that a walker did not reach count as failed: how far an engine ran on after that is
    chance, and a walker that explodes at once has not explored with confidence.
    """
    walkers = walkers_of(ctx, iteration.index).values()
    return sum(walker.steps // walker.sample_every + 1 for walker, _ in walkers)


class _Known(Container[str]):
    """Frames chosen before this iteration; its own do not count, so that it can be done again.

    Asked of the store frame by frame: only those that are considered, whatever the campaign has.
    """

    def __init__(self, ctx: Context, iteration: IterationRecord) -> None:
        self._ctx = ctx
        self._iteration = iteration.index

    def __contains__(self, frame: object) -> bool:
        first = self._ctx.store.selections.first(self._ctx.name, str(frame))
        return first is not None and (first[0] < self._iteration or first[1] == "initial")


def _affordable(ctx: Context, iteration: IterationRecord) -> int:
    """Labels that the budget still allows."""
    limit = ctx.spec.budget.labels
    if limit is None:
        return ctx.spec.select.batch + ctx.spec.select.audit
    again = ctx.store.selections.reasons(ctx.name, iteration.index).values()
    own = sum(why != "initial" for why in again)
    return limit - (ctx.store.selections.count(ctx.name) - own)
