"""The data set of a campaign, frame by frame: where each is in the space that was explored."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ase.data import atomic_masses, atomic_numbers

from al_loop.frame import Split
from al_loop.loop.context import Context
from al_loop.store import Chosen, Selection, Shape
from al_loop.units import AMU_PER_A3_IN_G_PER_CM3

State = Literal["ok", "failed", "quarantined", "waiting"]

START, IMPORTED = "start", "imported"


@dataclass(frozen=True)
class DataFrame:
    """A frame that a campaign chose.

    ``composition`` is its reduced formula, ``stage`` the exploration stage that found it, `start`
    or `imported`; ``density`` g/cm3, ``temperature`` K (of the sample) and ``deviation`` eV/Å
    are None where nothing moved.
    """

    frame: str
    iteration: int
    chosen: Chosen
    split: Split
    state: State
    composition: str
    stage: str
    atoms: int
    density: float
    temperature: float | None
    deviation: float | None


def reduced_formula(counts: Mapping[str, int], elements: Sequence[str]) -> str:
    """Smallest whole numbers of the elements, in the order of the campaign: ``SiO2``."""
    units = math.gcd(*counts.values())
    amounts = {symbol: counts[symbol] // units for symbol in elements if symbol in counts}
    return "".join(f"{symbol}{n if n > 1 else ''}" for symbol, n in amounts.items())


def data_set(ctx: Context) -> list[DataFrame]:
    """All frames that a campaign chose and still wants, by iteration and hash."""
    chosen = ctx.store.selections.of_campaign(ctx.name, with_forces=False)
    wanted = [one for one in chosen if not one.dropped]
    shapes = ctx.store.frames.shapes(one.frame for one in wanted)
    states = ctx.store.labels.states((one.frame for one in wanted), ctx.method)
    return [
        _frame(ctx, one, shapes[one.frame], states.get(one.frame, "waiting"))
        for one in wanted
        if one.frame in shapes
    ]


def _frame(ctx: Context, one: Selection, shape: Shape, state: State) -> DataFrame:
    return DataFrame(
        frame=one.frame,
        iteration=one.iteration,
        chosen=one.chosen,
        split=one.split,
        state=state,
        composition=reduced_formula(shape.counts, ctx.spec.elements),
        stage=_stage(one),
        atoms=sum(shape.counts.values()),
        density=one.density or _density(shape),
        temperature=one.temperature,
        deviation=one.deviation,
    )


def _stage(one: Selection) -> str:
    if one.chosen in ("initial", "imported"):
        return IMPORTED if one.chosen == "imported" else START
    return one.group.rpartition(", ")[2] or f"iteration {one.iteration}"


def _density(shape: Shape) -> float:
    mass = sum(n * float(atomic_masses[atomic_numbers[s]]) for s, n in shape.counts.items())
    return mass / shape.volume * AMU_PER_A3_IN_G_PER_CM3


def span(values: Iterable[float | None]) -> tuple[float, float] | None:
    """Smallest and largest of those that are known."""
    known = [value for value in values if value is not None]
    return (min(known), max(known)) if known else None
