"""Reduction of a trajectory: where it is cut, why, and which samples keep their configuration.

Everything follows from the samples up to the first unphysical one. How many more the engine
wrote before it was halted makes no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from al_loop.explore.interface import KeepRule, Limits, StopReason, Walk, Walker
from al_loop.hashing import derive_seed
from al_loop.units import Array

Flags = NDArray[np.bool_]

HEADROOM = 1000.0
"""K: a temperature may exceed its target by this much, whatever the factor."""


@dataclass(frozen=True)
class Ending:
    """How the engine says that a trajectory ended."""

    stop: StopReason
    detail: str = ""


COMPLETED = Ending("completed")


@dataclass(frozen=True)
class Samples:
    """All samples of a trajectory, one row each, as the engine gave them.

    The first six columns are those of :class:`~al_loop.explore.interface.Walk`. ``finite``:
    positions, cell and velocities are numbers. ``whole``: no atom is lost. ``apart``: no pair
    is closer than its floor.
    """

    step: NDArray[np.int64]
    max_force_deviation: Array
    mean_force_deviation: Array
    max_virial_deviation: Array
    temperature: Array
    pressure: Array
    finite: Flags
    whole: Flags
    apart: Flags


@dataclass(frozen=True)
class Reduction:
    """The first ``length`` samples are physical; ``kept`` of them keep their configuration.

    ``last`` and ``beyond`` are samples, too; see :class:`~al_loop.explore.interface.Walk`.
    """

    length: int
    stop: StopReason
    detail: str
    cut: int
    kept: NDArray[np.int64]
    last: int | None
    beyond: int | None


def temperature_limit(walker: Walker, limits: Limits, step: int) -> float:
    """Instantaneous temperature (K) above which a trajectory is unphysical at a step."""
    target = walker.temperature_at(step)
    return max(limits.temperature_factor * target, target + HEADROOM)


def reduce_samples(
    samples: Samples, *, walker: Walker, limits: Limits, keep: KeepRule, ending: Ending
) -> Reduction:
    """Cut a trajectory before its first unphysical sample and choose the samples to keep.

    The sample's own fault is the stop reason; only where all samples are physical does the
    engine's word (``ending``) count. Unknown (NaN) temperatures, pressures and virial
    deviations are no fault; a force deviation that is not finite is one.
    """
    faults = _faults(samples, walker=walker, limits=limits)
    unphysical = np.logical_or.reduce([flags for _, flags in faults])
    length = int(np.argmax(unphysical)) if unphysical.any() else len(unphysical)
    if length < len(unphysical):
        stop = next(reason for reason, flags in faults if flags[length])
        detail = _describe(samples, length, stop=stop, walker=walker, limits=limits)
    else:
        stop, detail = ending.stop, ending.detail
        planned = walker.steps // walker.sample_every + 1
        if stop == "completed" and length < planned:
            stop, detail = "engine", f"ended after {length} of {planned} samples"
    deviation = samples.max_force_deviation[:length]
    good = np.flatnonzero(deviation < keep.upper)
    return Reduction(
        length=length,
        stop=stop,
        detail=detail,
        cut=0 if stop == "completed" else 1,
        kept=kept_samples(deviation, keep=keep, seed=walker.seed),
        last=int(good[-1]) if len(good) else None,
        beyond=length if stop == "deviation" and length < len(unphysical) else None,
    )


def reduced_walk(
    walker: Walker,
    samples: Samples,
    reduction: Reduction,
    *,
    frames: list[Atoms],
    forces: list[Array],
    deviations: list[Array],
    last: Atoms | None,
    beyond: Atoms | None,
) -> Walk:
    """The Walk of a reduction and of the configurations, forces, ... of its kept samples."""
    head = slice(0, reduction.length)
    return Walk(
        name=walker.name,
        stop=reduction.stop,
        detail=reduction.detail,
        cut=reduction.cut,
        step=samples.step[head],
        max_force_deviation=samples.max_force_deviation[head],
        mean_force_deviation=samples.mean_force_deviation[head],
        max_virial_deviation=samples.max_virial_deviation[head],
        temperature=samples.temperature[head],
        pressure=samples.pressure[head],
        kept=reduction.kept,
        frames=frames,
        forces=forces,
        deviations=deviations,
        last=last,
        beyond=beyond,
    )


def kept_samples(deviation: Array, *, keep: KeepRule, seed: int) -> NDArray[np.int64]:
    """Samples of a walk of maximum force deviations (samples,) that keep their configuration.

    What a longer walk keeps of its first samples is kept of these alone, too: a sampler may drop
    the others on its way.
    """
    candidates = np.flatnonzero((deviation >= keep.lower) & (deviation < keep.upper))
    if len(candidates) == 0:
        candidates = np.flatnonzero(deviation >= keep.upper)[: keep.earliest]
    elif keep.candidates is not None:
        candidates = candidates[:: _stride(len(candidates), keep.candidates)]
    accurate = np.flatnonzero(deviation < keep.lower)
    generator = np.random.default_rng(derive_seed(seed, "accurate samples"))
    lots = generator.random(len(deviation))[accurate]
    drawn = accurate[np.argsort(lots)[: keep.accurate]]
    return np.sort(np.concatenate([candidates, drawn])).astype(np.int64)


def _stride(count: int, limit: int) -> int:
    """The smallest power of two with which at most ``limit`` of ``count`` are taken."""
    stride = 1
    while -(-count // stride) > limit:
        stride *= 2
    return stride


def _faults(
    samples: Samples, *, walker: Walker, limits: Limits
) -> Sequence[tuple[StopReason, Flags]]:
    """What is wrong with each sample; of two faults of one sample the first listed counts."""
    deviations = np.isfinite(samples.max_force_deviation) & np.isfinite(
        samples.mean_force_deviation
    )
    hottest = np.array([temperature_limit(walker, limits, int(step)) for step in samples.step])
    with np.errstate(invalid="ignore"):  # comparisons with NaN are False, as they should be
        return (
            ("not-finite", ~(samples.finite & deviations)),
            ("lost-atoms", ~samples.whole),
            ("distance", ~samples.apart),
            ("deviation", samples.max_force_deviation > limits.deviation),
            ("temperature", samples.temperature > hottest),
        )


def _describe(
    samples: Samples, index: int, *, stop: StopReason, walker: Walker, limits: Limits
) -> str:
    step = int(samples.step[index])
    match stop:
        case "deviation":
            found = float(samples.max_force_deviation[index])
            return f"step {step}: force deviation {found:.3g} > {limits.deviation:.3g} eV/Å"
        case "temperature":
            found = float(samples.temperature[index])
            return f"step {step}: {found:.0f} K > {temperature_limit(walker, limits, step):.0f} K"
        case "distance":
            return f"step {step}: two atoms closer than min_distance allows"
        case "lost-atoms":
            return f"step {step}: atoms have left the cell"
        case _:
            return f"step {step}: positions, velocities or deviations are not finite"
