"""What is explored next when a glass was not as asked for: the states on the way to it."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from al_loop.explore import Walker, paths
from al_loop.explore.legs import hold
from al_loop.hashing import derive_seed
from al_loop.loop.context import Context
from al_loop.loop.glass_gates import unmet
from al_loop.store import GlassState

MARK = ".glass"
"""After the name of a system: the structure that walkers from its glasses are of."""


@dataclass(frozen=True)
class GlassStart:
    """A state from which a walker starts, and the walker's name."""

    walker: str
    system: str
    state: GlassState


def glass_starts(ctx: Context, iteration: int) -> list[GlassStart]:
    """States of the latest glasses that were not as asked for, evenly from melt to glass.

    They are explored from the iteration on whose committee made them, until glasses are made again.
    """
    if ctx.spec.validation is None:
        return []
    record = None
    for index in range(iteration, -1, -1):
        record = ctx.store.iterations.get(ctx.name, index)
        if record is not None and record.glass:
            break
    if record is None or not record.glass:
        return []
    failed = {one.system for one in unmet(record.glass)}
    states: dict[str, list[GlassState]] = {}
    for one in ctx.store.glasses.of_iteration(ctx.name, record.index):
        if one.system in failed:
            states.setdefault(one.system, []).extend(one.states)
    return [
        GlassStart(f"{system}{MARK}-{state.phase}-{n}", system, state)
        for system, all_ in sorted(states.items())
        for n, state in enumerate(_spread(all_, ctx.spec.validation.explore))
    ]


def glass_walkers(
    ctx: Context, iteration: int, *, stage: int, names: Container[str] | None = None
) -> dict[str, tuple[Walker, Atoms]]:
    """Walkers that start from these states, each at the temperature that the state had.

    They are as long as the first walker of the exploration stage, at constant volume.
    """
    wanted = [one for one in glass_starts(ctx, iteration) if names is None or one.walker in names]
    if not wanted:
        return {}
    explore = ctx.spec.explore
    ways = paths(
        explore.stages[stage], timestep=explore.timestep, sample_every=explore.sample_every
    )
    steps = sum(leg.steps for leg in next(iter(ways.values())))
    atoms = ctx.store.frames.get_many(one.state.frame for one in wanted)
    return {
        one.walker: (
            Walker(
                name=one.walker,
                legs=hold(steps=steps, ensemble="nvt", temperature=one.state.temperature),
                timestep=explore.timestep,
                sample_every=explore.sample_every,
                seed=derive_seed(ctx.spec.seed, "explore", iteration, one.walker),
            ),
            atoms[one.state.frame],
        )
        for one in wanted
    }


def _spread(states: list[GlassState], most: int) -> list[GlassState]:
    """So many of them, from the hottest to the coldest, the ends included; in this order."""
    by_heat = sorted(states, key=lambda one: (-one.temperature, one.phase == "glass", one.frame))
    if len(by_heat) <= most:
        return by_heat
    chosen = np.linspace(0, len(by_heat) - 1, most).round().astype(int)
    return [by_heat[i] for i in dict.fromkeys(chosen.tolist())]
