"""Which segments of a sample tell what."""

from __future__ import annotations

from typing import TypeVar

from al_loop.errors import DatasetError
from al_loop.glass.make import GlassResult, SegmentResult
from al_loop.glass.make.plan import step_names
from al_loop.glass.make.steps import Compress, Heat, Hold, Quench, Relax, Strain
from al_loop.glass.trajectory import Trajectory

Kind = TypeVar("Kind", Hold, Quench, Heat, Compress, Strain, Relax)


def of_kind(result: GlassResult, kind: type[Kind]) -> list[tuple[Kind, list[SegmentResult]]]:
    """Steps of one kind with their segments, under the potential that is studied.

    Steps that name another one (`under`), to melt a random box for example, are left out.
    """
    found: list[tuple[Kind, list[SegmentResult]]] = []
    for name, step in zip(step_names(result.protocol), result.protocol.steps, strict=True):
        if isinstance(step, kind) and step.under is None:
            found.append((step, list(result.of_step(name))))
    return found


def holds(result: GlassResult) -> list[SegmentResult]:
    """One temperature, one pressure or volume, no strain: states of equilibrium."""
    return [held for _, held in steps_held(result)]


def steps_held(result: GlassResult) -> list[tuple[Hold, SegmentResult]]:
    """The same with their steps."""
    return [(step, segments[0]) for step, segments in of_kind(result, Hold)]


def settled(held: SegmentResult) -> Trajectory:
    """The frames of the second half of a segment, over which its averages are taken, too."""
    frames = held.segment.steps // held.segment.every + 1
    return held.frames(start=frames // 2)


def under_pressure(result: GlassResult) -> list[SegmentResult]:
    """The pressures of the last compression, lowest first: as the barostat holds them."""
    steps = of_kind(result, Compress)
    held = [
        one
        for one in (steps[-1][1] if steps else ())
        if one.segment.measured and one.segment.ensemble == "npt"
    ]
    return sorted(held, key=lambda one: one.segment.pressure[1])


def state_of(result: GlassResult, temperature: float) -> SegmentResult:
    """The hold that is nearest to a temperature, K; the last of those that are as near.

    Raises
    ------
    DatasetError
        There is no hold under the potential that is studied.
    """
    found = holds(result)
    if not found:
        raise DatasetError(
            "no step holds a temperature, so there is no state to tell of",
            where=result.protocol.name,
            remedy="add a step `hold` to the protocol",
        )
    away = [abs(one.segment.temperature[1] - temperature) for one in found]
    return max(zip(found, away, strict=True), key=lambda one: (-one[1], found.index(one[0])))[0]
