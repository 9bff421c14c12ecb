"""Labels that are computed although there is one: asked for by a person, or to know their noise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from al_loop.hashing import derive_seed
from al_loop.loop.context import Context, PlannedJob
from al_loop.loop.method import of_this_method
from al_loop.store import IterationRecord, JobRecord, LabelRecord, Why

_PREFIX = "again-"
_FRAMES_PER_JOB = 20
_PLAN = "label-again"
_DRAWS = 2**31


class NoiseStatus(BaseModel):
    """By how much two computations of one label differ: root mean squares over ``pairs`` frames.

    The standard deviation of one label is smaller by the square root of two. ``force_rms`` eV/Å per
    component, ``energy_rms`` meV/atom.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pairs: int
    force_rms: float
    energy_rms: float


def is_again(job: JobRecord) -> bool:
    """Whether a job computes labels that there are already."""
    return job.name.startswith(_PREFIX)


def plan_again(ctx: Context, iteration: IterationRecord, chosen: Iterable[str]) -> list[PlannedJob]:
    """Jobs of an iteration for labels that a person asked for, and for the noise of new ones.

    Always in jobs of their own: nothing of the first computation can help the second.
    """
    asked = ctx.store.labels.asked_again(ctx.name, ctx.method)
    doubled = {frame for frame in chosen if _drawn(ctx, frame)}
    first: dict[str, float | str] = {
        "frames": " ".join(sorted(asked | doubled)),
        "asked": " ".join(sorted(asked)),
    }
    fixed = ctx.store.iterations.freeze(ctx.name, iteration.index, _PLAN, first)
    frames = str(fixed["frames"]).split()
    return [
        PlannedJob(f"{_PREFIX}{i // _FRAMES_PER_JOB:03d}", tuple(frames[i : i + _FRAMES_PER_JOB]))
        for i in range(0, len(frames), _FRAMES_PER_JOB)
    ]


def _drawn(ctx: Context, frame: str) -> bool:
    draw = derive_seed("relabel", frame) / _DRAWS  # by the frame alone: in every campaign the same
    return draw < ctx.spec.label.relabel


def store_again(ctx: Context, job: JobRecord, records: Sequence[LabelRecord]) -> None:
    """Keep second labels, and put those that were asked for in the place of the first.

    ``records`` are bare labels; those by the campaign's method that were made from the first go
    with them. Doing it again changes nothing.
    """
    iteration = ctx.store.iterations.get(ctx.name, job.iteration)
    assert iteration is not None  # its job is here
    asked = set(str(iteration.frozen[_PLAN]["asked"]).split())
    _settle(ctx, job, records, asked=asked, method=ctx.bare_method)
    if ctx.method != ctx.bare_method:
        _settle(ctx, job, of_this_method(ctx, records), asked=asked, method=ctx.method)


def _settle(
    ctx: Context, job: JobRecord, records: Sequence[LabelRecord], *, asked: set[str], method: str
) -> None:
    wanted = {one.frame: one for one in records if one.frame in asked}
    doubted = wanted.keys() & ctx.store.labels.asked_again(ctx.name, method)
    first = ctx.store.labels.get_many(doubted, method)

    def keep(labels: Iterable[LabelRecord], why: Why) -> None:
        ctx.store.relabels.put_many(labels, campaign=ctx.name, iteration=job.iteration, why=why)

    keep((one for one in records if one.frame not in asked), "noise")
    keep((one for one in first.values() if one.energy is not None), "before")
    keep(wanted.values(), "asked")
    for one in wanted.values():
        ctx.store.labels.settle_again(one, ctx.name)


def noise_of(ctx: Context) -> NoiseStatus | None:
    """What labels that were computed twice say of their noise; None without any."""
    second = ctx.store.relabels.of_campaign(ctx.name, ctx.method, "noise")
    first = ctx.labels_of(one.frame for one in second)
    forces, energies = [], []
    for one in second:
        other = first.get(one.frame)
        if other is None or other.forces is None or one.forces is None:
            continue
        assert one.energy is not None and other.energy is not None  # there are forces
        forces.append(np.ravel(one.forces - other.forces))
        energies.append((one.energy - other.energy) / len(one.forces))
    if not energies:
        return None
    return NoiseStatus(
        pairs=len(energies),
        force_rms=float(np.sqrt(np.mean(np.concatenate(forces) ** 2))),
        energy_rms=1000 * float(np.sqrt(np.mean(np.square(energies)))),
    )
