"""The last word: every iteration's committee on all held-out frames.

Test errors of different iterations were measured on the test frames of their time. Here
all are measured on one and the same set, so that they can be compared.
"""

from __future__ import annotations

from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.stages.base import Completed, Note, Waits
from al_loop.loop.stages.explore import write_committee
from al_loop.loop.stages.train import mean_errors, write_data
from al_loop.store import ErrorSummary, IterationRecord, JobRecord
from al_loop.train import collect_evaluation, stage_evaluate_job


class Assess(Waits):
    """One job an iteration."""

    def plan(self, ctx: Context, iteration: IterationRecord) -> list[PlannedJob]:
        """The iterations with a committee."""
        training_set = ctx.store.models.of_iteration(ctx.name, iteration.index)[0].training_set
        return [
            PlannedJob(f"iteration-{index:06d}", (str(index), training_set))
            for index in range(iteration.index)
        ]

    def write(self, ctx: Context, job: JobRecord) -> None:
        """Write the models and the test frames."""
        folder = ctx.folder_of(job).path
        data = folder.parent / "data"
        write_data(ctx, training_set=job.items[1], folder=data)
        committee = write_committee(ctx, int(job.items[0]), folder.parent / f"models-{job.name}")
        stage_evaluate_job(
            folder,
            engine=ctx.spec.train.engine,
            options=ctx.spec.train.options,
            elements=ctx.spec.elements,
            models={path.stem: path for path in committee.models},
            data=data,
        )

    def ingest(self, ctx: Context, job: JobRecord) -> list[Note]:
        """Keep the committee's errors with its iteration."""
        outcome = collect_evaluation(ctx.folder_of(job))
        errors = [
            ErrorSummary(
                frames=e.frames,
                energy_rmse=e.energy_rmse,
                force_rmse=e.force_rmse,
                virial_rmse=e.virial_rmse,
            )
            for e in outcome.errors.values()
        ]
        ctx.store.iterations.record(
            ctx.name, int(job.items[0]), final_test_errors=mean_errors(errors)
        )
        return []

    def complete(self, ctx: Context, iteration: IterationRecord) -> Completed:
        """The campaign is over; the last committee was measured when it was trained."""
        return Completed(
            "done",
            {
                "final_test_errors": iteration.test_errors,
                "decision": "final",
                "reason": "trained on all labels",
            },
            note="every committee measured on all test frames",
        )
