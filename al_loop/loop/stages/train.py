"""Train the committee on every good label."""

from __future__ import annotations

from pathlib import Path

from al_loop.hashing import derive_seed
from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.errors import NEW_NAME, CampaignFailed
from al_loop.loop.stages.base import Completed, Note, Waits
from al_loop.store import ErrorSummary, IterationRecord, JobRecord, ModelRecord, Stage
from al_loop.train import (
    Errors,
    TrainOutcome,
    collect_training,
    stage_train_job,
    write_training_data,
)


class Train(Waits):
    """One job a member."""

    def plan(self, ctx: Context, iteration: IterationRecord) -> list[PlannedJob]:
        """The members; which labels they see is fixed here."""
        states = ctx.store.labels.states(ctx.store.selections.hashes(ctx.name), ctx.method)
        good = sorted(frame for frame, state in states.items() if state == "ok")
        self._check_method(ctx, iteration)
        # Labels may come in while this is done again: the first set holds.
        first = {"key": ctx.store.training_sets.put(ctx.method, good)}
        fixed = ctx.store.iterations.freeze(ctx.name, iteration.index, "training_set", first)
        training_set = str(fixed["key"])
        return [PlannedJob(f"member-{k}", (training_set,)) for k in range(ctx.spec.train.members)]

    def write(self, ctx: Context, job: JobRecord) -> None:
        """Write the iteration's data folder and a member's job folder."""
        folder = ctx.folder_of(job).path
        data = folder.parent / "data"
        write_data(ctx, training_set=job.items[0], folder=data)
        parent = self._parent(ctx, job)
        restart = _fetch_restart(ctx, parent, folder.parent / f"parent-{job.name}")
        spec = ctx.spec.train
        iteration = ctx.store.iterations.get(ctx.name, job.iteration)
        assert iteration is not None
        effort = spec.warm_effort if restart else 1.0
        if ctx.is_final(iteration):
            effort *= spec.final_effort
        stage_train_job(
            folder,
            engine=spec.engine,
            options=spec.options,
            elements=ctx.spec.elements,
            seed=derive_seed(ctx.spec.seed, "train", _member(job)),
            effort=effort,
            data=data,
            parent=restart,
        )

    def ingest(self, ctx: Context, job: JobRecord) -> list[Note]:
        """Keep the member's files and errors."""
        outcome = collect_training(ctx.folder_of(job))
        member = outcome.member
        folder = ctx.folder_of(job).path
        names = (member.model, *member.restart, *member.extra) if member else ()
        parent = self._parent(ctx, job)
        ctx.store.models.put(
            ModelRecord(
                campaign=ctx.name,
                iteration=job.iteration,
                member=_member(job),
                seed=derive_seed(ctx.spec.seed, "train", _member(job)),
                parent=parent.id if parent else None,
                trainer=ctx.spec.train.engine,
                options=ctx.spec.train.options.model_dump(mode="json"),
                training_set=job.items[0],
                state=outcome.state,
                reason=outcome.reason,
                files={name: ctx.store.files.put(folder / name) for name in names},
                model=member.model if member else "",
                restart=member.restart if member else (),
                valid_errors=_record(outcome.valid),
                test_errors=_record(outcome.test),
                seconds=outcome.seconds,
            )
        )
        if outcome.state == "failed":
            return [Note("training-failed", f"{job.name}: {_words(outcome)}")]
        return []

    def complete(self, ctx: Context, iteration: IterationRecord) -> Completed:
        """The committee's test errors; two members at least must have come through."""
        models = ctx.store.models.of_iteration(ctx.name, iteration.index)
        good = [m for m in models if m.state == "ok"]
        if len(good) < 2:
            reasons = sorted({m.reason for m in models if m.state != "ok"})
            raise CampaignFailed(
                f"only {len(good)} of {len(models)} members of iteration {iteration.index} "
                f"could be trained: {'; '.join(reasons)}",
                remedy=NEW_NAME,
            )
        errors = mean_errors([m.test_errors for m in good if m.test_errors])
        force = f"{errors.force_rmse:.3f} eV/Å" if errors.force_rmse is not None else "unknown"
        to: Stage = "assess" if ctx.is_final(iteration) else "explore"
        return Completed(
            to,
            {"test_errors": errors},
            note=f"{len(good)} members trained, force error {force} on {errors.frames} test frames",
        )

    @staticmethod
    def _check_method(ctx: Context, iteration: IterationRecord) -> None:
        """Labels of two methods never train one campaign's models."""
        before = ctx.store.models.of_iteration(ctx.name, iteration.index - 1)
        found = ctx.store.training_sets.get(before[0].training_set) if before else None
        if found is not None and found.method != ctx.method:
            raise CampaignFailed(
                f"the labeller has changed: this campaign's labels are by "
                f"{ctx.store.methods.get(found.method)}, and now they would be by "
                f"{dict(ctx.labeller.fingerprint())}",
                remedy="go back to the version that labelled them, or give the campaign a new name",
            )

    @staticmethod
    def _parent(ctx: Context, job: JobRecord) -> ModelRecord | None:
        """The member's predecessor; any good one when its own has failed."""
        if job.iteration == 0 or not ctx.spec.train.warm_start:
            return None
        models = ctx.store.models.of_iteration(ctx.name, job.iteration - 1)
        good = [m for m in models if m.state == "ok"]
        own = [m for m in good if m.member == _member(job)]
        return next(iter(own or good), None)


def write_data(ctx: Context, *, training_set: str, folder: Path) -> None:
    """Write the frames of a training set, split by their hashes."""
    chosen = ctx.labelled_frames(ctx.training_frames(training_set))
    write_training_data(
        folder,
        train=[one for frame, one in chosen if ctx.split(frame) == "train"],
        valid=[one for frame, one in chosen if ctx.split(frame) == "valid"],
        test=[one for frame, one in chosen if ctx.split(frame) == "test"],
    )


def leader_of(models: list[ModelRecord]) -> ModelRecord:
    """The member that explores and is exported: lowest force error on validation frames.

    Test frames have no say in it; without validation frames the first member leads.
    """

    def error(model: ModelRecord) -> float:
        rmse = model.valid_errors.force_rmse if model.valid_errors else None
        return rmse if rmse is not None else float("inf")

    return min(models, key=lambda model: (error(model), model.member))


def mean_errors(errors: list[ErrorSummary]) -> ErrorSummary:
    """Mean over the members of a committee, on the same frames."""

    def mean(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known else None

    return ErrorSummary(
        frames=errors[0].frames,
        energy_rmse=mean([e.energy_rmse for e in errors]),
        force_rmse=mean([e.force_rmse for e in errors]),
        virial_rmse=mean([e.virial_rmse for e in errors]),
    )


def _fetch_restart(
    ctx: Context, parent: ModelRecord | None, folder: Path
) -> dict[str, Path] | None:
    if parent is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / name for name in parent.restart}
    for name, path in paths.items():
        ctx.store.files.fetch(parent.files[name], path)
    return paths


def _member(job: JobRecord) -> int:
    return int(job.name.removeprefix("member-"))


def _record(errors: Errors | None) -> ErrorSummary | None:
    if errors is None:
        return None
    return ErrorSummary(
        frames=errors.frames,
        energy_rmse=errors.energy_rmse,
        force_rmse=errors.force_rmse,
        virial_rmse=errors.virial_rmse,
    )


def _words(outcome: TrainOutcome) -> str:
    return " ".join(part for part in (outcome.reason, outcome.detail) if part)
