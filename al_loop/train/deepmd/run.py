"""Run a planned training in a folder: train, freeze, compress."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from al_loop.errors import EngineCrashed
from al_loop.jobfolder import Clock, write_atomically
from al_loop.train.curve import CURVE
from al_loop.train.deepmd.chatter import chatter_to, last_lines
from al_loop.train.deepmd.data import write_systems
from al_loop.train.deepmd.options import DeepmdOptions
from al_loop.train.deepmd.plan import INPUT, TRAIN_SYSTEMS, VALID_SYSTEMS, WEIGHTS, Plan
from al_loop.train.interface import TrainingTask

if TYPE_CHECKING:
    from al_loop.train.deepmd.session import Start

LOG = "train.log"
FROZEN = "frozen.pb"
MODEL = "model.pb"
CHECKPOINTS = "checkpoints"
SHIFT_FRAMES = 200
PARTS = (f"{WEIGHTS}.index", f"{WEIGHTS}.data-00000-of-00001")


def run_training(
    options: DeepmdOptions, task: TrainingTask, plan: Plan, *, folder: Path, clock: Clock
) -> None:
    """Train, freeze and compress; what DeePMD-kit prints goes to ``train.log``.

    Raises
    ------
    PhysicsFault
        The loss is not finite.
    JobStopped
        The job was asked to stop; the checkpoint is written, and the next call goes on from it.
    EngineCrashed
        DeePMD-kit or TensorFlow failed; the text holds the last lines of the log.
    """
    for name, frames in ((TRAIN_SYSTEMS, task.train), (VALID_SYSTEMS, task.valid)):
        write_systems(frames, elements=task.elements, folder=folder / name)
    with chatter_to(folder / LOG) as log, _threads(options.threads):
        from al_loop.train.deepmd import session  # imports TensorFlow

        try:
            _train(options, task, plan, folder=folder, clock=clock, log=log)
        except session.FAULTS as error:
            log.flush()
            raise EngineCrashed(
                f"DeePMD-kit: {type(error).__name__}: {error}\n{last_lines(folder / LOG)}",
                where=folder,
            ) from error
    shutil.rmtree(folder / "systems")  # the shared data folder has the frames


def _train(
    options: DeepmdOptions,
    task: TrainingTask,
    plan: Plan,
    *,
    folder: Path,
    clock: Clock,
    log: TextIO,
) -> None:
    from al_loop.train.deepmd import session

    start = _start(plan, folder)
    write_atomically(folder / INPUT, plan.text)
    log.write(f"al_loop: {f'goes on from {start.checkpoint}' if start.own else plan.why}\n")
    content = session.prepared(plan.text)
    try:
        training = session.TrainingSession(
            content, folder=folder, shortest=plan.shortest, start=start
        )
    except session.DAMAGED:
        if start.own:  # so that the next attempt starts anew
            shutil.rmtree(folder / CHECKPOINTS)
        raise
    session.drop_rows_after(folder / CURVE, training.step)
    pace = session.Pace(plan.steps, options.display_every, options.checkpoint_seconds)
    training.run(pace, clock)
    with clock.span():
        last = start.checkpoint
        if last is None or not _is_shifted(last, plan):
            training.shift_energies(min(len(task.train), SHIFT_FRAMES))
            last = training.save(plan.steps + 1)
        training.freeze(folder / FROZEN)
        training.close()
        if options.compress:
            session.compress(
                content,
                frozen=folder / FROZEN,
                output=folder / MODEL,
                shortest=plan.shortest,
            )
        else:
            shutil.copyfile(folder / FROZEN, folder / MODEL)
    _keep_weights(last, folder)


def _start(plan: Plan, folder: Path) -> Start:
    """Begin at this training's own last checkpoint, else the predecessor, else nothing."""
    from al_loop.train.deepmd import session

    checkpoints = folder / CHECKPOINTS
    if checkpoints.exists():
        found = session.own_checkpoint(checkpoints)
        input_file = folder / INPUT
        if found and input_file.is_file() and input_file.read_text() == plan.text:
            return session.Start(found, own=True)
        shutil.rmtree(checkpoints)
    return session.Start(plan.parent)


def _is_shifted(checkpoint: Path, plan: Plan) -> bool:
    """Whether a checkpoint is the one after the shift of energies: as if one step later."""
    return checkpoint.name.endswith(f"-{plan.steps + 1}")


def _keep_weights(last: Path, folder: Path) -> None:
    """Copy the last checkpoint to its final name and drop the older ones."""
    for part in PARTS:
        suffix = part.removeprefix(WEIGHTS)
        shutil.copyfile(last.with_name(last.name + suffix), folder / part)
    for file in last.parent.glob(f"{WEIGHTS}-*"):
        if not file.name.startswith(f"{last.name}."):
            file.unlink()


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """Tell TensorFlow's next sessions how many threads they have."""
    names = ("DP_INTRA_OP_PARALLELISM_THREADS", "TF_NUM_INTRAOP_THREADS")
    wanted = {
        **dict.fromkeys(names, str(count)),
        "DP_INTER_OP_PARALLELISM_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
    }
    kept = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
