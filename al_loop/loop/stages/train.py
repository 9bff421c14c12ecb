"""Train the committee on every good label."""

from __future__ import annotations

import time
from pathlib import Path

from al_loop.errors import JobFolderError
from al_loop.frame import Labelled, Split
from al_loop.hashing import derive_seed
from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.door import judge_together
from al_loop.loop.errors import NEW_NAME, RETRY, CampaignFailed
from al_loop.loop.second_look import suspect_labels
from al_loop.loop.stages.base import Completed, Note, Waits, last_words
from al_loop.loop.validating import is_due
from al_loop.naming import inside
from al_loop.store import IMPORTED, ErrorSummary, IterationRecord, JobRecord, ModelRecord, Stage
from al_loop.train import (
    Errors,
    TrainOutcome,
    collect_training,
    is_written,
    join_data_parts,
    stage_train_job,
    write_data_part,
)


class Train(Waits):
    """One job a member."""

    def plan(self, ctx: Context, iteration: IterationRecord) -> list[PlannedJob]:
        """The members; which labels they see is fixed here."""
        training_set = fixed_training_set(iteration) or self._fix_training_set(ctx, iteration)
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
            reasons = {m.reason for m in models if m.state != "ok"}
            given_up = last_words(ctx, iteration)
            raise CampaignFailed(
                f"only {len(good)} of {ctx.spec.train.members} members of iteration "
                f"{iteration.index} could be trained: {'; '.join(sorted(reasons | given_up))}",
                remedy=RETRY if given_up else NEW_NAME,
            )
        suspects = suspect_labels(ctx, iteration, good)
        which = "1 label is an outlier" if suspects == 1 else f"{suspects} labels are outliers"
        review = f"; {which}: al-loop labels review {ctx.name}"
        errors = mean_errors([m.test_errors for m in good if m.test_errors])
        force = f"{errors.force_rmse:.3f} eV/Å" if errors.force_rmse is not None else "unknown"
        to: Stage = "assess" if ctx.is_final(iteration) else "explore"
        if is_due(ctx, iteration):
            to = "validate"
        return Completed(
            to,
            {"test_errors": errors},
            note=f"{len(good)} members trained, force error {force} on {errors.frames} test frames"
            + (review if suspects else ""),
        )

    @staticmethod
    def _fix_training_set(ctx: Context, iteration: IterationRecord) -> str:
        """What the iteration before trained on, and the good labels that have come since.

        Only frames that were chosen or waited for then are looked at, not the whole campaign;
        but when a label that was trained on is no longer believed, all are, and a new line of
        sets begins.
        """
        labels, sets = ctx.store.labels, ctx.store.training_sets
        before = ctx.store.iterations.get(ctx.name, iteration.index - 1)
        key = fixed_training_set(before) if before else None
        parent = sets.get(key) if key else None
        if parent is not None:
            _check_method(ctx, parent.method)
            chosen = ctx.store.selections.reasons(ctx.name, iteration.index - 1)
            wanted = {frame for frame, why in chosen.items() if why != "initial"}
            wanted.update(parent.waiting)
            if imported := ctx.store.selections.hashes(ctx.name, IMPORTED):
                wanted |= imported - sets.frames(str(key))
            # A frame that is not looked at was trained on, or is not wanted.
            doubted = labels.quarantined(ctx.method).keys() - wanted
            if ctx.store.selections.known(ctx.name, doubted):
                parent = None
        if parent is None:
            key, wanted = None, ctx.store.selections.hashes(ctx.name)
        judge_together(ctx, wanted, beside=parent.added if parent else ())
        states = labels.states(wanted, ctx.method)
        good = {frame for frame, state in states.items() if state == "ok"}
        missing = wanted - good
        made = sets.put(
            ctx.method,
            good,
            parent=key,
            waiting=missing - ctx.store.selections.dropped(ctx.name, missing),
        )
        # Labels may come in while this is done again: the first set holds.
        fixed = ctx.store.iterations.freeze(
            ctx.name, iteration.index, "training_set", {"key": made}
        )
        return str(fixed["key"])

    @staticmethod
    def _parent(ctx: Context, job: JobRecord) -> ModelRecord | None:
        """The member's predecessor; any good one when its own has failed."""
        if job.iteration == 0 or not ctx.spec.train.warm_start:
            return None
        models = ctx.store.models.of_iteration(ctx.name, job.iteration - 1)
        good = [m for m in models if m.state == "ok"]
        own = [m for m in good if m.member == _member(job)]
        return next(iter(own or good), None)


def fixed_training_set(iteration: IterationRecord) -> str | None:
    """Key of the set that an iteration trains on, once it has been fixed."""
    fixed = iteration.frozen.get("training_set")
    return str(fixed["key"]) if fixed else None


def write_data(ctx: Context, *, training_set: str, folder: Path) -> None:
    """Write a data folder: the parts that are not there yet, and the list of all parts.

    A part, ``<campaign>/data/000003-1f2e3d4c``, holds what one training set has added.
    """
    parts = []
    for i, key in enumerate(ctx.store.training_sets.lineage(training_set)):
        part = inside(ctx.folder / "data", f"{i:06d}-{key[:8]}", what="a part of the data")
        if not is_written(part):
            _write_part(ctx, key, part)
        parts.append(part)
    join_data_parts(folder, parts)


def _write_part(ctx: Context, training_set: str, folder: Path) -> None:
    """Write the frames that a training set has added, split by their hashes."""
    added = ctx.store.training_sets.get(training_set)
    assert added is not None  # its lineage has just been read
    # Whatever is thought of a label by now: these are the labels that the set has.
    chosen = ctx.labelled_frames(added.added, states=("ok", "quarantined"))
    split: dict[Split, list[Labelled]] = {"train": [], "valid": [], "test": []}
    for frame, labelled in chosen:
        split[ctx.split(frame)].append(labelled)
    try:
        write_data_part(folder, **split)
    except JobFolderError as error:  # what is there is damaged: nobody can use it
        aside = folder.with_name(f"{folder.name}.aside-{time.time_ns()}")
        folder.rename(aside)
        ctx.event("data-damaged", f"{error.what}: {error.where}; set aside as {aside.name}")
        write_data_part(folder, **split)


def _check_method(ctx: Context, method: str) -> None:
    """Labels of two methods never train one campaign's models."""
    if method != ctx.method:
        raise CampaignFailed(
            f"the labeller has changed: this campaign's labels are by "
            f"{ctx.store.methods.get(method)}, and now they would be by "
            f"{ctx.fingerprint}",
            remedy="go back to the version that labelled them, or give the campaign a new name",
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
    paths = {name: inside(folder, name, what="a model file") for name in parent.restart}
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
