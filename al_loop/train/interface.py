"""The trainer: what a potential must do to take part in a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from ase import Atoms
from ase.calculators.calculator import Calculator

from al_loop.campaign.engines import Engine
from al_loop.frame import Labelled
from al_loop.jobfolder import Clock
from al_loop.units import Array


@dataclass(frozen=True)
class TrainingTask:
    """One member of a committee, to be trained.

    ``elements`` fixes the order of the atom types. ``seed`` is all that distinguishes the
    members. ``parent`` holds the files of the member's predecessor (see ``Member.restart``)
    or is None for a start from scratch. ``effort`` multiplies the engine's number of steps.
    """

    elements: tuple[str, ...]
    seed: int
    train: Sequence[Labelled]
    valid: Sequence[Labelled]
    parent: Path | None
    effort: float


@dataclass(frozen=True)
class Member:
    """A trained member: file names relative to the job folder.

    ``model`` is the one file with which the member explores and is exported. ``restart`` are
    the files from which a successor may start. ``extra`` are worth keeping (learning curve, ...).
    """

    model: str
    restart: tuple[str, ...]
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class Errors:
    """Root-mean-square errors on a set of frames.

    ``energy_rmse`` meV/atom, ``force_rmse`` eV/Å (per component), ``virial_rmse`` meV/atom (per
    component; None where no frame has a virial). All None when the set is empty.
    """

    frames: int
    energy_rmse: float | None
    force_rmse: float | None
    virial_rmse: float | None


class Predictor(Protocol):
    """A loaded model."""

    def predict(self, atoms: Atoms) -> tuple[float, Array, Array]:
        """Energy (eV), forces (atoms, 3) in eV/Å and virial (3, 3) in eV."""
        ...


class Trainer(Engine, Protocol):
    """A kind of potential that can be trained, loaded and given to an explorer.

    One whose predictors have ``descriptors(atoms)`` says so by ``describes = True``
    (:class:`al_loop.descriptors.Describes`); batches are then chosen by what is new in them.
    """

    model_format: ClassVar[str]
    """What an explorer is told about the model files, for example ``deepmd``."""

    def train(self, task: TrainingTask, folder: Path, clock: Clock) -> Member:
        """Train one member in ``folder``.

        Time in which the engine computes (training steps, freezing, compressing) is recorded
        on ``clock``; start-up and graph building are not. A run that was killed may be resumed
        from what it left in ``folder``.

        Raises
        ------
        JobStopped
            The job was asked to stop (``al_loop.stopping``). The next call with this task and
            folder goes on, and ends with the model of an undisturbed training.
        PhysicsFault
            Training diverged.
        EngineCrashed
            The program failed.
        """
        ...

    @staticmethod
    def predictor(model: Path, elements: tuple[str, ...]) -> Predictor:
        """Load a model file."""
        ...

    @staticmethod
    def calculator(model: Path, elements: tuple[str, ...]) -> Calculator:
        """The same as an ASE calculator (energy, forces, stress), for ASE-based explorers."""
        ...
