"""What is explored next when a glass was not as asked for: the states on the way to it."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

import numpy as np
from ase import Atoms

from al_loop.campaign.validate import Validation
from al_loop.explore import Walker, paths
from al_loop.explore.legs import hold
from al_loop.hashing import derive_seed
from al_loop.loop.context import Context
from al_loop.loop.glass_gates import unmet
from al_loop.loop.small_starts import quench_of, too_large
from al_loop.loop.validating import validation_of
from al_loop.store import GlassState, IterationRecord
from al_loop.units import density

MARK = ".glass"
"""After the name of a system: the structure that walkers from its glasses are of."""

Walkers = dict[str, tuple[Walker, Atoms]]
"""Walkers by name, and where they start."""


def glass_walkers(
    ctx: Context, iteration: int, *, stage: int, names: Container[str] | None = None
) -> Walkers:
    """Walkers for the latest glasses that were not as asked for, by name (some, or all of them).

    They start from states evenly from melt to glass, at the temperature that the state had, at
    constant volume, and are as long as the first walker of the exploration stage. Where glasses
    are too large to be labelled, smaller boxes are quenched as they were, as many as samples were
    asked for. So from the iteration on whose committee made them, until glasses are made again.
    """
    record = _judged_last(ctx, iteration)
    if record is None:
        return {}
    failed = {one.system for one in unmet(record.glass)}
    large = too_large(ctx.spec, ctx.starts)
    boxes = {name: of for name, of in large.items() if name in failed and of is not None}
    return {
        **_from_states(ctx, record, failed - large.keys(), iteration, stage, names),
        **_from_boxes(ctx, boxes, iteration, names),
    }


def said_of(ctx: Context, systems: Sequence[str]) -> str:
    """Which walkers start next where the glasses of these systems have failed, for a person."""
    wish, large = validation_of(ctx), too_large(ctx.spec, ctx.starts)
    parts = [
        f"{_quenches(wish)} quenches of {large[name]} for {name}"
        if large[name] is not None
        else f"none for {name}, of which no structure is small enough (validate.explore_up_to)"
        for name in systems
        if name in large
    ]
    if small := [name for name in systems if name not in large]:
        states = f"up to {wish.explore} states between melt and glass"
        parts.insert(0, f"from {states} of each of {', '.join(small)}")
    return f"walkers start next: {'; '.join(parts)}"


def _judged_last(ctx: Context, iteration: int) -> IterationRecord | None:
    if ctx.spec.validation is None:
        return None
    for index in range(iteration, -1, -1):
        record = ctx.store.iterations.get(ctx.name, index)
        if record is not None and record.glass:
            return record
    return None


def _from_states(
    ctx: Context,
    record: IterationRecord,
    systems: Container[str],
    iteration: int,
    stage: int,
    names: Container[str] | None,
) -> Walkers:
    states: dict[str, list[GlassState]] = {}
    for one in ctx.store.glasses.of_iteration(ctx.name, record.index):
        if one.system in systems:
            states.setdefault(one.system, []).extend(one.states)
    spread = {
        f"{system}{MARK}-{state.phase}-{n}": state
        for system, all_ in sorted(states.items())
        for n, state in enumerate(_spread(all_, validation_of(ctx).explore))
    }
    wanted = {name: one for name, one in spread.items() if names is None or name in names}
    if not wanted:
        return {}
    explore = ctx.spec.explore
    ways = paths(
        explore.stages[stage], timestep=explore.timestep, sample_every=explore.sample_every
    )
    steps = sum(leg.steps for leg in next(iter(ways.values())))
    atoms = ctx.store.frames.get_many(one.frame for one in wanted.values())
    return {
        name: (
            Walker(
                name=name,
                legs=hold(steps=steps, ensemble="nvt", temperature=one.temperature),
                timestep=explore.timestep,
                sample_every=explore.sample_every,
                seed=derive_seed(ctx.spec.seed, "explore", iteration, name),
            ),
            atoms[one.frame],
        )
        for name, one in wanted.items()
    }


def _from_boxes(
    ctx: Context, boxes: Mapping[str, str], iteration: int, names: Container[str] | None
) -> Walkers:
    """Quenches of the structure that stands for each system; its boxes take turns."""
    found: Walkers = {}
    for system, structure in sorted(boxes.items()):
        starts = _boxes(ctx, structure, iteration, validation_of(ctx).systems[system].density)
        for n in range(_quenches(validation_of(ctx))):
            name = f"{system}{MARK}-quench-{n}"
            if names is not None and name not in names:
                continue
            seed = derive_seed(ctx.spec.seed, "explore", iteration, name)
            start = starts[n % len(starts)]
            found[name] = (quench_of(ctx.spec, name=name, seed=seed), start)
    return found


def _boxes(ctx: Context, structure: str, iteration: int, wanted: float) -> list[Atoms]:
    """Where walkers from a structure have ended, nearest to a density (g/cm3) first.

    Unlike a random box these have forgotten how they were packed. Else the boxes themselves.
    """
    ended = ctx.store.walks.last_frames(ctx.name, structure, before=iteration)
    if not ended:
        return [start.atoms for start in ctx.starts[structure] if start.pristine]
    atoms = ctx.store.frames.get_many(ended)
    order = sorted(atoms, key=lambda frame: (abs(density(atoms[frame]) - wanted), frame))
    return [atoms[frame] for frame in order]


def _quenches(wish: Validation) -> int:
    return min(wish.samples, wish.explore)


def _spread(states: list[GlassState], most: int) -> list[GlassState]:
    """So many of them, from the hottest to the coldest, the ends included; in this order."""
    by_heat = sorted(states, key=lambda one: (-one.temperature, one.phase == "glass", one.frame))
    if len(by_heat) <= most:
        return by_heat
    chosen = np.linspace(0, len(by_heat) - 1, most).round().astype(int)
    return [by_heat[i] for i in dict.fromkeys(chosen.tolist())]
