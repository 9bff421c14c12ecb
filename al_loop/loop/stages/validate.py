"""Make glasses of the trained potential, measure them, and hold them against the gates."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from al_loop.explore import Committee
from al_loop.frame import frame_hash
from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.errors import RETRY, CampaignFailed
from al_loop.loop.gates_check import AMENDED, conditions_of, insist_on_gates
from al_loop.loop.glass_gates import judged, mendable, say, undecided, unmet
from al_loop.loop.glass_starts import said_of
from al_loop.loop.glassmaking import collect_validation, stage_validate_job
from al_loop.loop.judge import budget_spent
from al_loop.loop.measuring import MEASURED, collect_measurement, stage_measure_job
from al_loop.loop.protocols import collect_protocol, planned_of, stage_protocol_job
from al_loop.loop.stages.base import Completed, Note, Waits, last_words
from al_loop.loop.stages.explore import write_committee
from al_loop.loop.stages.train import leader_of
from al_loop.loop.validating import (
    ask_for,
    box_of,
    course_of,
    job_of,
    rounds_of,
    seed_of,
    validation_of,
)
from al_loop.store import (
    GateRecord,
    GlassMeasurement,
    GlassRecord,
    GlassState,
    IterationRecord,
    JobRecord,
    MeasuredValue,
    ModelRecord,
)

_MAKE, _MEASURE = "make", "measure"
"""First item of a job."""


class Validate(Waits):
    """A job for each glass; then one for each composition that measures its glasses.

    Where error bars do not allow a verdict, more glasses are made before the stage is complete.
    """

    def plan(self, ctx: Context, iteration: IterationRecord) -> list[PlannedJob]:
        """The glasses that are asked for so far; what can be measured of those that are there."""
        insist_on_gates(ctx)
        if not rounds_of(iteration):
            ask_for(ctx, iteration, validation_of(ctx).samples)
            iteration = ctx.store.iterations.get(ctx.name, iteration.index) or iteration
        samples = rounds_of(iteration)[-1]
        makes = [
            PlannedJob(job_of(system, k), (_MAKE, system, str(k)))
            for system in validation_of(ctx).systems
            for k in range(samples)
        ]
        measures = [
            PlannedJob(f"measure.{system}-{len(ready)}", (_MEASURE, system, *map(str, ready)))
            for system, ready in self._unmeasured(ctx, iteration).items()
        ]
        return [*makes, *measures]

    def write(self, ctx: Context, job: JobRecord) -> None:
        """Write the folder of a glass, or of what measures glasses."""
        folder = ctx.folder_of(job).path
        committee = committee_of(ctx, job.iteration, folder.parent / "models")
        if job.items[0] == _MEASURE:
            self._write_measure(ctx, job, committee)
            return
        system, sample = job.items[1], int(job.items[2])
        if (planned := planned_of(ctx.spec, system, base=Path(ctx.record.base))) is not None:
            stage_protocol_job(
                folder, planned=planned, sample=sample, spec=ctx.spec, committee=committee
            )
            return
        seed = seed_of(ctx, job.iteration, system, sample)
        course = course_of(ctx.spec, seed=seed)
        stage_validate_job(
            folder,
            engine=ctx.spec.explore.engine,
            options=ctx.spec.explore.options,
            box=box_of(ctx, system, sample),
            way=course.way,
            hold=course.hold,
            melted=course.melted,
            skip=course.skip,
            temperature_factor=ctx.spec.explore.temperature_factor,
            committee=committee,
        )

    def ingest(self, ctx: Context, job: JobRecord) -> list[Note]:
        """Keep a glass with the states on the way to it, or what was measured."""
        if job.items[0] == _MEASURE:
            self._take_measurement(ctx, job)
            return []
        system, sample = job.items[1], int(job.items[2])
        folder = ctx.folder_of(job)
        by_protocol = folder.spec().kind == "glass"
        made = collect_protocol(folder) if by_protocol else collect_validation(folder)
        states = [(frame_hash(atoms), one) for one, atoms in made.states]
        ctx.store.frames.put_many({frame_hash(atoms): atoms for _, atoms in made.states})
        ctx.store.glasses.put(
            GlassRecord(
                campaign=ctx.name,
                iteration=job.iteration,
                system=system,
                sample=sample,
                model=model_of(ctx, job.iteration).id,
                seed=made.seed,
                stop=made.stop,
                detail=made.detail,
                states=tuple(
                    GlassState(
                        frame=frame,
                        phase=one.phase,
                        temperature=one.temperature,
                        deviation=one.deviation,
                    )
                    for frame, one in states
                ),
                frames=made.frames,
                interval=made.interval,
                trajectory=ctx.store.files.put(made.glass) if made.glass else None,
            )
        )
        if made.stop == "completed":
            return []
        return [Note("glass-stopped", f"glass {job.name}: {made.detail or made.stop}")]

    def complete(self, ctx: Context, iteration: IterationRecord) -> Completed:
        """Measure, make more, or judge: then the campaign ends, or explores what went wrong."""
        samples, most = rounds_of(iteration)[-1], validation_of(ctx).most_samples
        jobs = {job.name for job in ctx.store.jobs.of_stage(ctx.name, iteration.index, "validate")}
        if any(job_of(name, samples - 1) not in jobs for name in validation_of(ctx).systems):
            return Completed("validate", note="glasses are made")  # whoever asked for them has died
        self._insist(ctx, iteration)
        if self._unmeasured(ctx, iteration):
            return Completed("validate", note="glasses are measured")
        records = judged(ctx, iteration.index)
        if undecided(records) and samples < most:
            more = min(most, samples + validation_of(ctx).samples)
            ask_for(ctx, iteration, more)
            return Completed(
                "validate", note=f"{say(records)}; up to {more} glasses of each are made"
            )
        if not unmet(records):
            return Completed("assess", {"glass": records}, note=f"passed: {say(records)}")
        return self._go_on(ctx, iteration, records)

    def _go_on(
        self, ctx: Context, iteration: IterationRecord, records: tuple[GateRecord, ...]
    ) -> Completed:
        """Say what is wrong; explore from the glasses while the budget lasts."""
        before = ctx.store.iterations.get(ctx.name, iteration.index - 1)
        spent = budget_spent(ctx, iterations=iteration.index)
        ends = spent or before is None or before.decision != "converged"
        if not ends and not mendable(records):
            raise CampaignFailed(
                f"glasses were made, and do not say whether the gates are passed: {say(records)}",
                where="converge.glass",
                remedy=f"change or take out what cannot be judged, {AMENDED}",
            )
        systems = sorted({one.system for one in unmet(records)})
        following = (
            f"the campaign ends ({spent or 'its budget is spent'})"
            if ends
            else said_of(ctx, systems)
        )
        ctx.event("glass-failed", f"{say(records)}; {following}")
        return Completed(
            "assess" if ends else "explore", {"glass": records}, note=f"not passed: {say(records)}"
        )

    def _insist(self, ctx: Context, iteration: IterationRecord) -> None:
        """CampaignFailed where the machine has given nothing to judge."""
        glasses = ctx.store.glasses.of_iteration(ctx.name, iteration.index)
        there = Counter(one.system for one in glasses)
        words = "; ".join(sorted(last_words(ctx, iteration))) or "no reason known"
        least = min(validation_of(ctx).samples, rounds_of(iteration)[-1])
        for name in validation_of(ctx).systems:
            if there[name] < least:
                raise CampaignFailed(
                    f"{there[name]} of {least} glasses of {name} could be run: {words}",
                    remedy=RETRY,
                )
        asked = {
            tuple(job.items[1:])
            for job in ctx.store.jobs.of_stage(ctx.name, iteration.index, "validate")
            if job.items[0] == _MEASURE and job.state != "due"
        }
        for system, ready in self._unmeasured(ctx, iteration).items():
            if (system, *map(str, ready)) in asked:
                raise CampaignFailed(
                    f"the glasses of {system} could not be measured: {words}", remedy=RETRY
                )

    @staticmethod
    def _unmeasured(ctx: Context, iteration: IterationRecord) -> dict[str, list[int]]:
        """System -> its glasses, where all jobs are in and they were not measured together."""
        due = {
            job.items[1]
            for job in ctx.store.jobs.due(ctx.name, iteration.index, "validate")
            if job.items[0] == _MAKE
        }
        ready: dict[str, list[int]] = {}
        for one in ctx.store.glasses.of_iteration(ctx.name, iteration.index):
            if one.trajectory is not None and one.system not in due:
                ready.setdefault(one.system, []).append(one.sample)
        measured = ctx.store.glasses.measured(ctx.name, iteration.index)
        return {
            system: samples
            for system, samples in ready.items()
            if system not in measured or measured[system].samples != tuple(samples)
        }

    @staticmethod
    def _write_measure(ctx: Context, job: JobRecord, committee: Committee) -> None:
        from al_loop.glass import MeasureOptions

        folder = ctx.folder_of(job).path
        folder.mkdir(parents=True, exist_ok=True)
        wish, wanted = validation_of(ctx), {int(k) for k in job.items[2:]}
        made = conditions_of(ctx.spec, job.items[1], base=Path(ctx.record.base))
        glasses = [
            one
            for one in ctx.store.glasses.of_iteration(ctx.name, job.iteration)
            if one.system == job.items[1] and one.sample in wanted
        ]
        names = []
        for one in glasses:
            assert one.trajectory is not None  # only such glasses are measured
            names.append(f"sample-{one.sample}.traj")
            ctx.store.files.fetch(one.trajectory, folder / names[-1])
        stage_measure_job(
            folder,
            options=MeasureOptions.model_validate(
                {
                    "groups": wish.measure,
                    "phase": made.phase,
                    "temperature": made.temperature,
                    "pressure": made.pressure,
                    "modes_up_to": wish.modes_up_to,
                }
            ),
            samples=names,
            intervals=[one.interval or 0.0 for one in glasses],
            committee=committee,
        )

    @staticmethod
    def _take_measurement(ctx: Context, job: JobRecord) -> None:
        folder = ctx.folder_of(job)
        found = collect_measurement(folder)
        ctx.store.glasses.put_measured(
            GlassMeasurement(
                campaign=ctx.name,
                iteration=job.iteration,
                system=job.items[1],
                samples=tuple(int(k) for k in job.items[2:]),
                values=tuple(
                    MeasuredValue(
                        name=name, value=one.value, error=one.error, n=one.n, unit=one.unit
                    )
                    for name, one in found.values.items()
                ),
                overlaps=found.overlaps,
                file=ctx.store.files.put(folder.path / MEASURED),
            )
        )


def model_of(ctx: Context, iteration: int) -> ModelRecord:
    """The member that makes the glasses; the leader where the one asked for has failed."""
    good = [m for m in ctx.store.models.of_iteration(ctx.name, iteration) if m.state == "ok"]
    wanted = validation_of(ctx).model
    return next((m for m in good if m.member == wanted), leader_of(good))


def committee_of(ctx: Context, iteration: int, folder: Path) -> Committee:
    """The committee in a folder, the member that makes the glasses first."""
    whole = write_committee(ctx, iteration, folder)
    first = f"member-{model_of(ctx, iteration).member}"
    models = sorted(whole.models, key=lambda path: path.stem != first)
    return Committee(
        model_format=whole.model_format,
        trainer=whole.trainer,
        elements=whole.elements,
        models=tuple(models),
        dispersion=whole.dispersion,
    )
