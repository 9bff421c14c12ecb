"""Choose what to label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import replace

from ase import Atoms

from al_loop.errors import JobFolderError
from al_loop.explore import Walk, collect_walks
from al_loop.hashing import derive_seed
from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.explored import Explored, explored, samples
from al_loop.loop.figures import draw_calibration
from al_loop.loop.keeping import EARLIEST
from al_loop.loop.novelty import GAP_FS, described_candidates, labelled_environments
from al_loop.loop.stages.base import Completed, Note, Waits
from al_loop.loop.stages.explore import DESCRIBE_JOB
from al_loop.loop.stages.rescore import SCORE_JOB
from al_loop.loop.trust import evidence_before, trust_of
from al_loop.select import (
    ACCURATE,
    CANDIDATE,
    FAILED,
    Environments,
    Filter,
    Pick,
    Pool,
    Stranded,
    choose_batch,
    make_filter,
    stranded_systems,
    uncertain_environment,
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
        labelled: list[Environments] = []
        lost = 0
        for job in ctx.store.jobs.of_stage(ctx.name, iteration.index, "explore"):
            if job.state == "quarantined" or job.name == SCORE_JOB:
                continue
            try:
                if job.name == DESCRIBE_JOB:
                    labelled = labelled_environments(ctx.folder_of(job))
                else:
                    walks.extend(collect_walks(ctx.folder_of(job)))
            except JobFolderError as error:
                ctx.store.jobs.reopen(job.id)
                ctx.event("job-lost", f"{job.name}: {error.what}; it is done again")
                lost += 1
        if lost:
            return Completed("explore", note=f"{lost} jobs have lost their results")
        return self._choose(ctx, iteration, walks, labelled)

    def _choose(
        self,
        ctx: Context,
        iteration: IterationRecord,
        walks: list[Walk],
        labelled: list[Environments],
    ) -> Completed:
        spec = ctx.spec.select
        found, planned = explored(ctx, iteration, walks)
        affordable = _affordable(ctx, iteration)
        batch = max(0, min(spec.batch, affordable - spec.audit))
        accept = make_filter(min_distance=spec.min_distance, density=spec.density)
        known = _Known(ctx, iteration)
        stranded = _stranded(found, batch=batch, accept=accept, known=known)
        first = [pick for one in stranded for pick in one.picks][:batch]
        rest = choose_batch(
            [one.pool for one in found],
            batch=batch - len(first),
            audit=max(0, min(spec.audit, affordable)),
            accept=accept,
            known=known,
            seed=derive_seed(ctx.spec.seed, "select", iteration.index),
            described=described_candidates(ctx, iteration, found),
            labelled=labelled,
            gap=GAP_FS,
        )
        picks = [*first, *rest.picks]
        _keep(ctx, iteration, found, picks, failed={pick.frame for pick in first})
        for one in stranded:
            own = [walker for walker in found if walker.system == one.system]
            ctx.event("system-stranded", one.note + ("" if one.picks else _too_close(own)))
        accurate, candidate = samples(found, ACCURATE), samples(found, CANDIDATE)
        counts = iteration.counts.model_copy(
            update={
                "explored": planned,
                "accurate": accurate,
                "candidate": candidate,
                "failed": planned - accurate - candidate,
                "audit": sum(pick.why == "audit" for pick in picks),
            }
        )
        if iteration.calibration is not None:
            evidence = evidence_before(ctx, iteration.index)
            folder = ctx.iteration_folder(iteration.index)
            draw_calibration(evidence, iteration.calibration, folder / "calibration.png")
        chosen = len(picks) - counts.audit
        if few := _short(found, chosen=chosen, batch=batch):
            ctx.event("batch-short", few)
        note = f"{counts.candidate} candidates of {counts.explored} samples, {chosen} chosen"
        if stranded:
            note += f", {len(first)} of them of systems that have no candidate"
        return Completed(
            "label", {"counts": counts, "trust": trust_of(ctx, iteration, "")}, note=note
        )


def _short(found: Sequence[Explored], *, chosen: int, batch: int) -> str | None:
    """Why there was so little to choose from, where most walkers died early."""
    died = [one for one in found if 2 * len(one.walk.step) < one.planned]
    if 2 * chosen >= batch or 2 * len(died) <= len(found):
        return None
    longest = max(int(one.walk.step[-1]) if len(one.walk.step) else 0 for one in died)
    return (
        f"{chosen} frames for a batch of {batch}: {len(died)} of {len(found)} walkers stopped "
        f"within {longest} MD steps, so there are no more. More walkers or boxes, starting "
        "structures that are at rest or of a melt (melt_quench), or lower temperatures first "
        f"would give more{_too_close(died)}"
    )


def _too_close(found: Sequence[Explored]) -> str:
    """A hint where it was min_distance that stopped walkers; else nothing."""
    stopped = sum(one.walk.stop == "distance" for one in found)
    if not stopped:
        return ""
    return (
        f". select.min_distance has stopped {stopped} of {len(found)} walkers: if the potential "
        "that labels brings atoms so close, it is too strict"
    )


def _stranded(
    found: Sequence[Explored], *, batch: int, accept: Filter, known: Container[str]
) -> tuple[Stranded, ...]:
    """Systems of which the committee knows nothing; each may have its share of the batch."""
    systems: dict[str, list[Pool]] = {}
    for one in found:
        systems.setdefault(one.system, []).append(one.whole_pool)
    each = min(EARLIEST, max(1, batch // max(1, len(systems))))
    return stranded_systems(systems, each=each, accept=accept, known=known)


def _keep(
    ctx: Context,
    iteration: IterationRecord,
    found: Sequence[Explored],
    picks: Sequence[Pick],
    *,
    failed: Container[str],
) -> None:
    """Put what was chosen into the store; ``failed`` are frames of stranded systems."""
    by_name = {one.walk.name: one for one in found}

    def kind(pick: Pick) -> tuple[str, int]:
        code = FAILED if pick.frame in failed else CANDIDATE
        return by_name[pick.walker].group, ACCURATE if pick.why == "audit" else code

    drawn = Counter(kind(pick) for pick in picks)
    frames: dict[str, Atoms] = {}
    selections: list[Selection] = []
    for pick in picks:
        one = by_name[pick.walker]
        group, code = kind(pick)
        frames[pick.frame] = one.whole_pool.frames[pick.position]
        chosen = Selection(
            campaign=ctx.name,
            frame=pick.frame,
            iteration=iteration.index,
            chosen=pick.why,
            split=ctx.split(pick.frame),
            source=pick.walker,
            density=density(frames[pick.frame]),
            group=group,
            stands_for=max(1, samples(found, code, group=group)) / drawn[group, code],
        )
        reached = pick.sample < len(one.walk.step)
        selections.append(_measured(chosen, one.walk, pick) if reached else chosen)
    ctx.store.frames.put_many(frames)
    ctx.store.selections.put_many(selections)


def _measured(chosen: Selection, walk: Walk, pick: Pick) -> Selection:
    """With what was measured of the sample; of one beyond the limit nothing is kept."""
    around = uncertain_environment(walk.frames[pick.position], walk.deviations[pick.position])
    return replace(
        chosen,
        step=int(walk.step[pick.sample]),
        temperature=float(walk.temperature[pick.sample]),
        pressure=float(walk.pressure[pick.sample]),
        deviation=float(walk.max_force_deviation[pick.sample]),
        predicted_forces=walk.forces[pick.position],
        atom_deviations=walk.deviations[pick.position],
        environment=around.to_document(),
    )


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
