"""DeePMD-kit's training in this process, without what a member need not wait for.

This drives the classes behind ``dp train``, ``dp freeze`` and ``dp compress`` (DeePMD-kit 3.2)
directly. In comparison: neighbours are counted elsewhere; no meta graph is written or read, the
trained graph is frozen as it stands in memory; the graph for compression has no loss and no
gradient of it. A step fetches its batch without a detour through TensorFlow.

Importing this module imports TensorFlow (seconds): nothing else here may import it at the top.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import deepmd.tf.infer.deep_eval  # noqa: F401  # what a predictor needs: import it with the rest
import numpy as np
from deepmd.infer import DeepPot  # noqa: F401
from deepmd.tf.entrypoints.freeze import freeze_graph
from deepmd.tf.env import GLOBAL_ENER_FLOAT_PRECISION, tf
from deepmd.tf.train.run_options import RunOptions
from deepmd.tf.train.trainer import DPTrainer
from deepmd.tf.utils import random as dp_random
from deepmd.tf.utils.argcheck import normalize
from deepmd.utils.data_system import get_data
from numpy.typing import NDArray

from al_loop import stopping
from al_loop.jobfolder import Clock
from al_loop.train.deepmd.faults import diverged

FAULTS: tuple[type[Exception], ...] = (
    tf.errors.OpError,
    RuntimeError,
    ValueError,
    LookupError,
    AssertionError,
    TypeError,
    OSError,
)
"""What DeePMD-kit and TensorFlow raise when something breaks inside them."""

DAMAGED: tuple[type[Exception], ...] = (
    tf.errors.DataLossError,
    tf.errors.NotFoundError,
    tf.errors.OutOfRangeError,
    tf.errors.InvalidArgumentError,
)
"""What restoring a damaged checkpoint, or one of another network, raises."""

_CHECKPOINT = "model.ckpt"


@dataclass(frozen=True)
class Start:
    """Where the weights come from: nowhere, a predecessor, or this training's own checkpoint."""

    checkpoint: Path | None = None
    own: bool = False

    @property
    def options(self) -> RunOptions:
        """As DeePMD-kit wants to hear it."""
        if self.checkpoint is None:
            return _RunOptions()
        how = "restart" if self.own else "init_model"
        return _RunOptions(**{how: str(self.checkpoint)})


@dataclass(frozen=True)
class Pace:
    """How often a training reports and saves itself."""

    steps: int
    display_every: int
    checkpoint_seconds: float


class _RunOptions(RunOptions):  # type: ignore[misc]
    def _setup_logger(self, *_: Any) -> None:
        """Leave Python's logging as it is."""


class _Trainer(DPTrainer):  # type: ignore[misc]
    def _init_from_ckpt(self, ckpt_meta: str) -> None:
        """Skip reading the meta graph: our checkpoints are never of compressed models."""


def prepared(text: str) -> dict[str, Any]:
    """Content of an ``input.json`` with DeePMD-kit's defaults filled in."""
    content: dict[str, Any] = normalize(json.loads(text))
    return content


def own_checkpoint(folder: Path) -> Path | None:
    """The last checkpoint that a killed training left in a folder."""
    found = tf.train.latest_checkpoint(str(folder))
    return None if found is None else Path(found)


class TrainingSession:
    """A network in memory, being trained.

    ``content`` comes from :func:`prepared`; its systems are relative to ``folder``. ``shortest``
    is the smallest distance of the training frames, Å, which compression needs.
    """

    def __init__(
        self, content: Mapping[str, Any], *, folder: Path, shortest: float, start: Start
    ) -> None:
        self._input = content
        self._folder = folder
        self._graph = tf.Graph()
        self._seed()
        with self._graph.as_default():
            _describe(content, shortest)
            self._trainer = _Trainer(copy.deepcopy(content), run_opt=start.options)
            self._trainer.max_ckpt_keep = 2
            self._trainer.disp_file = str(folder / "lcurve.out")
            self._trainer.build(self._systems("training_data"), content["training"]["numb_steps"])
            self._trainer._init_session()
            self.step = int(self._trainer.sess.run(self._trainer.global_step))
        # statistics have drawn batches: start the sequence anew, the same for a resumed training
        self._train = self._systems("training_data")
        self._valid = self._systems("validation_data")
        self._seed()

    def run(self, pace: Pace, clock: Clock) -> None:
        """Train up to the last step; ``clock`` records the steps.

        Raises PhysicsFault when the loss is not finite, and JobStopped, after a checkpoint, when
        the job has been asked to stop.
        """
        self._catch_up(pace)
        first = self.step + 1
        # TensorFlow plans the graph's execution in the first step: that is start-up
        batch = self._advance() if first <= pace.steps else None
        saved = time.monotonic()
        with (self._folder / "lcurve.out").open("a") as curve, clock.span():
            for step in range(first, pace.steps + 1):
                if step > first:
                    batch = self._advance()
                self.step = step
                if _is_shown(step, pace):
                    self._show(curve, batch)
                asked = stopping.requested()
                if asked or time.monotonic() - saved >= pace.checkpoint_seconds:
                    self.save()
                    saved = time.monotonic()
                if asked:
                    stopping.stop_if_requested(self._folder)

    def shift_energies(self, frames: int) -> None:
        """Move the elements' energy constants so that the mean energy error vanishes.

        While forces dominate the loss the energies drift by eV per atom, all alike. The shift is
        a least-squares fit to the energies of up to ``frames`` training frames; compositions
        that hardly differ share one constant. Forces do not change (``dp change-bias``).
        """
        fractions: list[NDArray[np.float64]] = []
        errors: list[NDArray[np.float64]] = []
        while sum(map(len, errors)) < frames:
            batch = self._train.get_batch()
            feed = self._trainer.get_feed_dict(batch, is_training=False)
            energy = self._trainer.sess.run(self._trainer.model_pred["energy"], feed).ravel()
            atoms, counts = batch["natoms_vec"][0], batch["natoms_vec"][2:]
            errors.append((batch["energy"].ravel() - energy) / atoms)
            fractions.append(np.tile(counts / atoms, (len(energy), 1)))
        shift = np.linalg.lstsq(np.concatenate(fractions), np.concatenate(errors), rcond=0.05)[0]
        with self._graph.as_default():
            constants = self._trainer.model.get_fitting().t_bias_atom_e
            self._trainer.sess.run(tf.assign_add(constants, tf.cast(shift, constants.dtype)))

    def save(self, step: int | None = None) -> Path:
        """Write a checkpoint without meta graph; the newest two are kept.

        ``step`` (default: the one that was trained last) goes into its name.
        """
        folder = self._folder / "checkpoints"
        folder.mkdir(exist_ok=True)
        prefix = self._trainer.saver.save(
            self._trainer.sess,
            str(folder / _CHECKPOINT),
            global_step=self.step if step is None else step,
            write_meta_graph=False,
        )
        return Path(prefix)

    def freeze(self, output: Path) -> None:
        """Write the network with its weights as constants."""
        _freeze(self._trainer, self._graph, output)

    def close(self) -> None:
        """Give TensorFlow's memory back."""
        self._trainer.sess.close()

    def _seed(self) -> None:
        """Begin the sequence of random batches: DeePMD-kit has one generator per process."""
        dp_random.seed([0, self._input["training"]["seed"]])

    def _systems(self, which: str) -> Any:
        section = self._input["training"].get(which)
        if section is None:
            return None
        paths = [str(self._folder / name) for name in section["systems"]]
        data = get_data(
            {**section, "systems": paths},
            self._trainer.model.get_rcut(),
            self._trainer.model.get_type_map(),
            None,
        )
        data.add_data_requirements(self._trainer.data_requirements)
        return data

    def _advance(self) -> Any:
        batch = self._train.get_batch()
        feed = self._trainer.get_feed_dict(batch, is_training=True)
        self._trainer.sess.run(self._trainer.train_op, feed)
        return batch

    def _catch_up(self, pace: Pace) -> None:
        """Draw the batches that were drawn before this training was killed."""
        for step in range(1, self.step + 1):
            self._train.get_batch()
            if self._valid is not None and _is_shown(step, pace):
                self._valid.get_batch()

    def _show(self, curve: TextIO, batch: Any) -> None:
        trainer = self._trainer
        train = trainer.get_evaluation_results([batch])
        valid = None
        if self._valid is not None:
            valid = trainer.get_evaluation_results([self._valid.get_batch()])
        for results in (train, valid or {}):  # DeePMD-kit would raise RuntimeError for a NaN
            values = (results[key] for key in ("rmse", "rmse_f") if key in results)
            if not all(math.isfinite(float(np.squeeze(value))) for value in values):
                raise diverged(f"the loss is not finite at step {self.step}")
        rate = trainer.sess.run(trainer.learning_rate)
        if curve.tell() == 0:
            trainer.print_header(curve, train, valid)
        trainer.print_on_training(curve, train, valid, self.step, rate)


def compress(content: Mapping[str, Any], *, frozen: Path, output: Path, shortest: float) -> None:
    """Write a frozen network with its embedding nets tabulated (``dp compress``)."""
    tabulated = copy.deepcopy(dict(content))
    tabulated["model"]["compress"] = {
        "model_file": str(frozen),
        "min_nbor_dist": shortest,
        "table_config": [5, 0.01, 0.1, -1],  # DeePMD-kit's defaults
    }
    graph = tf.Graph()
    with graph.as_default():
        _describe(content, shortest)
        trainer = _Trainer(tabulated, run_opt=_RunOptions(), is_compress=True)
        trainer.build(None, 0)  # no steps: neither loss nor optimizer is built
        trainer._init_session()
    _freeze(trainer, graph, output)
    trainer.sess.close()


def drop_rows_after(curve: Path, step: int) -> None:
    """Remove the rows of a learning curve that come after a step (it will be trained again)."""
    if curve.exists():
        lines = curve.read_text().splitlines(keepends=True)
        curve.write_text("".join(line for line in lines if _row_step(line) <= step))


def _row_step(line: str) -> int:
    words = line.split()
    return 0 if not words or words[0] == "#" else int(words[0])


def _is_shown(step: int, pace: Pace) -> bool:
    return step % pace.display_every == 0 or step == pace.steps


def _describe(content: Mapping[str, Any], shortest: float) -> None:
    """Put into the graph what a frozen model says about its making."""
    tf.constant(json.dumps(content), name="train_attr/training_script", dtype=tf.string)
    tf.constant(shortest, name="train_attr/min_nbor_dist", dtype=GLOBAL_ENER_FLOAT_PRECISION)


def _freeze(trainer: Any, graph: Any, output: Path) -> None:
    with graph.as_default():
        definition = graph.as_graph_def()
        nodes: Sequence[str] = [node.name for node in definition.node]
        freeze_graph(trainer.sess, definition, list(nodes), "ener", None, str(output))
