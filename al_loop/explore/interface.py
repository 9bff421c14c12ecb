"""The explorer: what a sampler must do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, Protocol

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from al_loop.campaign.engines import Engine
from al_loop.d3 import D3
from al_loop.descriptors import Features
from al_loop.explore.legs import Ensemble, Leg, check_path, hold, temperature_at
from al_loop.jobfolder import Clock
from al_loop.units import Array

StopReason = Literal[
    "completed",
    "deviation",  # force deviation beyond Limits.deviation: the committee knows nothing here
    "temperature",  # beyond Limits.temperature_factor times the target
    "distance",  # two atoms closer than Limits.min_distance
    "lost-atoms",
    "not-finite",  # NaN or infinity in positions or deviations
    "engine",  # the program gave up on this walker for another reason
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Walker(_Frozen):
    """One trajectory to be run.

    The starting configuration travels beside it as ``ase.Atoms``.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Unique within its campaign and iteration, for example ``alpha-quartz-nvt-300K-0``.

    Files and folders are named after it.
    """
    legs: tuple[Leg, ...] = Field(min_length=1)
    timestep: float = 1.0
    """fs."""
    sample_every: int
    """Steps between two samples."""
    seed: int

    @model_validator(mode="after")
    def _possible(self) -> Walker:
        check_path(self.legs)
        return self

    @classmethod
    def at(
        cls,
        name: str,
        *,
        ensemble: Ensemble,
        temperature: float,
        pressure: float = 0.0,
        steps: int,
        timestep: float = 1.0,
        sample_every: int,
        seed: int,
    ) -> Walker:
        """A walker at one temperature (K) and, for npt, pressure (GPa)."""
        legs = hold(steps=steps, ensemble=ensemble, temperature=temperature, pressure=pressure)
        return cls(name=name, legs=legs, timestep=timestep, sample_every=sample_every, seed=seed)

    @property
    def steps(self) -> int:
        """Of all legs."""
        return sum(leg.steps for leg in self.legs)

    def temperature_at(self, step: int) -> float:
        """Target temperature at a step, K: what strata are made of."""
        return temperature_at(self.legs, step)


class Limits(_Frozen):
    """Where a trajectory has left the physical; what came before is kept."""

    deviation: float
    """Largest maximum force deviation, eV/Å."""
    temperature_factor: float = 4.0
    """Largest instantaneous temperature, in units of the target of the moment (and 1000 K at least
    above it)."""
    min_distance: dict[str, float] = {}
    """Smallest distance per pair, Å, keys like ``Si-O`` (elements in alphabetical order)."""


class KeepRule(_Frozen):
    """Which samples keep their configuration: between the trust levels, and some below.

    All samples stay in the Walk's table, and are counted, whether their configuration is kept or
    not.
    """

    lower: float
    upper: float
    """Trust levels of the maximum force deviation, eV/Å: lower <= eps < upper is a candidate."""
    accurate: int
    """Number of samples below ``lower`` whose configuration is kept, drawn at random (audit)."""
    described: int = 0
    """Number of candidates, spread over the walk, whose atoms' environments are described."""
    candidates: int | None = Field(None, ge=1)
    """Most candidates that are kept of a walk; None: all. Of more every second, fourth, ... is
    kept, so that at least half as many are left, evenly over the candidates."""
    earliest: int = 0
    """Number of first samples at or above ``upper`` that are kept of a walk without any between."""


@dataclass(frozen=True)
class Committee:
    """The members that explore together: model files, leader first (its forces move the atoms)."""

    model_format: str
    trainer: str
    """Registered name of the trainer that made them."""
    elements: tuple[str, ...]
    models: tuple[Path, ...]
    dispersion: D3 | None = None
    """Added to the leader's forces as it moves the atoms. Labels and models are without it, and so
    are deviations and the forces of a Walk."""


@dataclass(frozen=True)
class Walk:
    """A trajectory, reduced. Samples come in order of time; the first is the start.

    A trajectory that ``stop`` ended early has been cut before its first unphysical sample.
    That sample counts as failed: ``cut`` is 1, or 0 when the walk is complete. How far the
    engine ran beyond it before it was halted is an accident and is not counted.

    Attributes
    ----------
    step
        (samples,) integer MD step.
    max_force_deviation, mean_force_deviation
        (samples,) eV/Å, maximum and mean over atoms (DP-GEN's and DeePMD-kit's eps_f).
    max_virial_deviation
        (samples,) eV per atom, as DeePMD-kit writes it; NaN where the engine gives none.
    temperature, pressure
        (samples,) K and GPa; NaN where unknown.
    kept
        (kept,) indices into the samples whose configurations are in ``frames``.
    frames
        Kept configurations; wrapped into the cell.
    forces
        One (atoms, 3) array per kept frame: the leader's forces, eV/Å, as they compare with
        labels (without ``Committee.dispersion``).
    deviations
        One (atoms,) array per kept frame: the force deviation of each atom, eV/Å.
    described, descriptors
        (n,) indices into ``kept`` and (n, atoms, features): the leader's descriptors of those
        candidates, as :func:`al_loop.descriptors.projected` has them. None without any.
    last
        The last sample that is not failed, from which a later walker may go on; or None.
    beyond
        Where ``stop`` is "deviation": the sample that was beyond the limit, which is not among
        the others; or None.
    """

    name: str
    stop: StopReason
    detail: str
    cut: int
    step: NDArray[np.int64]
    max_force_deviation: Array
    mean_force_deviation: Array
    max_virial_deviation: Array
    temperature: Array
    pressure: Array
    kept: NDArray[np.int64]
    frames: list[Atoms] = field(repr=False)
    forces: list[Array] = field(repr=False)
    deviations: list[Array] = field(repr=False)
    described: NDArray[np.int64] | None = None
    descriptors: Features | None = field(default=None, repr=False)
    last: Atoms | None = field(default=None, repr=False)
    beyond: Atoms | None = field(default=None, repr=False)


class Explorer(Engine, Protocol):
    """A sampler of configurations under a committee."""

    formats: ClassVar[frozenset[str]]
    """Model formats that it can run; empty: any format whose trainer gives an ASE calculator.

    One that can add D3 (``Committee.dispersion``) has ``dispersion_functionals``, too: those whose
    D3 it knows. One whose program says in a folder what it is has ``ran(folder)``, see
    :func:`program_of`.
    """

    def explore(
        self,
        walkers: Sequence[tuple[Walker, Atoms]],
        committee: Committee,
        *,
        limits: Limits,
        keep: KeepRule,
        folder: Path,
        clock: Clock,
    ) -> Iterator[Walk]:
        """Run walkers one after another, in ``folder``; one Walk each, in the same order.

        A Walk is yielded as soon as its walker has ended, so that it can be saved at once; an
        iterator that is closed early ends the engine. A walker that explodes is a Walk with a
        stop reason, never an exception. Large raw output is reduced and removed before the
        Walk is yielded.

        A walker that was stopped or killed goes on from what it left in ``folder``; whatever is
        there of another walk is not used.

        Raises
        ------
        JobStopped
            The job was asked to stop (``al_loop.stopping``); what was sampled is on disk.
        EngineCrashed
            The program failed in a way that is no walker's fault (missing library, ...).
        """
        ...

    def render(self, walker: Walker, atoms: Atoms, committee: Committee) -> dict[str, str]:
        """The input files of one walker, name -> text, as ``al-loop check`` shows them."""
        ...


def program_of(explorer: Explorer, folder: Path) -> str:
    """Program and version that ran in a folder, by its own words where the explorer keeps them."""
    ran: Callable[[Path], str] = getattr(explorer, "ran", lambda _: "")
    return ran(folder) or explorer.check()
