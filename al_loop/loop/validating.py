"""Which glasses an iteration makes of its potential, and how: the same at every call."""

from __future__ import annotations

from dataclasses import dataclass

from ase import Atoms

from al_loop.campaign import CampaignSpec
from al_loop.campaign.validate import Validation
from al_loop.explore import Walker
from al_loop.explore.legs import Leg
from al_loop.hashing import derive_seed
from al_loop.loop.context import Context
from al_loop.store import IterationRecord
from al_loop.structures import quench_box

WAY_SAMPLES = 60
"""Samples from the melt to the end of the quench; walkers may start from them."""
SETTLING = 0.2
"""Part of the hold that is not measured."""
_ROUND = "glass-samples"
"""Under such names an iteration keeps how many samples it makes, round by round."""


@dataclass(frozen=True)
class Course:
    """The MD of a glass: the way down, and the hold; ``melted`` steps of the way are melt."""

    way: Walker
    hold: Walker
    melted: int
    skip: int


def validation_of(ctx: Context) -> Validation:
    """What the campaign asks for; it has a stage ``validate`` only if it does."""
    assert ctx.spec.validation is not None
    return ctx.spec.validation


def is_due(ctx: Context, iteration: IterationRecord) -> bool:
    """Whether the committee of an iteration is held against glasses before anything follows.

    It is when the campaign has otherwise converged; at the end of a budget where it asks for that.
    """
    before = ctx.store.iterations.get(ctx.name, iteration.index - 1)
    if ctx.spec.validation is None or before is None:
        return False
    return before.decision == "converged" or (
        before.decision == "budget" and ctx.spec.validation.at_budget
    )


def rounds_of(iteration: IterationRecord) -> list[int]:
    """Samples of each composition that each round has asked for, the first one first."""
    found: list[int] = []
    while (fixed := iteration.frozen.get(f"{_ROUND}-{len(found)}")) is not None:
        found.append(int(fixed["samples"]))
    return found


def ask_for(ctx: Context, iteration: IterationRecord, samples: int) -> None:
    """Fix how many samples of each composition the next round makes."""
    name = f"{_ROUND}-{len(rounds_of(iteration))}"
    ctx.store.iterations.freeze(ctx.name, iteration.index, name, {"samples": float(samples)})


def job_of(system: str, sample: int) -> str:
    """Name of the job that makes a glass."""
    return f"{system}-{sample}"


def box_of(ctx: Context, system: str, sample: int) -> Atoms:
    """The random box that is melted; another in each sample, the same in each iteration."""
    seed = derive_seed(ctx.spec.seed, "glass", system, sample)
    where = f"validate.systems.{system}"
    return quench_box(
        validation_of(ctx).systems[system],
        seed=seed,
        key=where,
        least=ctx.spec.select.min_distance,
    )


def course_of(spec: CampaignSpec, *, seed: int) -> Course:
    """The MD of a glass.

    Samples are spread evenly over the way, its end included; where that needs a few steps more, the
    melt is held so much longer, so that the rate is as asked for.
    """
    wish = spec.validation
    assert wish is not None
    timestep = wish.timestep or spec.explore.timestep
    melt, hot, cold = 1000 * wish.melt.ps / timestep, wish.melt.temperature, wish.quench.to
    down = max(1, round(1000 * (hot - cold) / wish.quench.rate / timestep))
    every = max(1, -(-(round(melt) + down) // WAY_SAMPLES))
    melted = max(1, round(melt))
    melted += -(melted + down) % every
    pressure = (wish.pressure, wish.pressure)
    way = Walker(
        name="way",
        legs=(
            Leg(steps=melted, ensemble="nvt", temperature=(hot, hot)),
            Leg(steps=down, ensemble=wish.ensemble, temperature=(hot, cold), pressure=pressure),
        ),
        timestep=timestep,
        sample_every=every,
        seed=seed,
    )
    steps = max(1, round(1000 * wish.glass.ps / timestep))
    apart = max(1, round((1.0 - SETTLING) * steps / wish.glass.frames))
    samples = max(2, -(-steps // apart))
    hold = Walker(
        name="hold",
        legs=(
            Leg(
                steps=samples * apart,
                ensemble=wish.ensemble,
                temperature=(cold, cold),
                pressure=pressure,
            ),
        ),
        timestep=timestep,
        sample_every=apart,
        seed=derive_seed(seed, "hold"),
    )
    return Course(way, hold, melted, skip=max(1, samples + 1 - wish.glass.frames))


def seed_of(ctx: Context, iteration: int, system: str, sample: int) -> int:
    """Of the velocities of a glass."""
    return derive_seed(ctx.spec.seed, "validate", iteration, system, sample)
