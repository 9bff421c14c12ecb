"""A melt-quench as legs: pieces of MD after each of which the job can go on, or a frame is kept."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from al_loop.campaign.quench import MeltQuench, Phase
from al_loop.explore.legs import Ensemble, Leg

LONGEST = 10_000
"""Steps of a leg: what a kill costs at most."""


class QuenchLeg(Leg):
    """A leg at constant volume; its last configuration may be kept."""

    ensemble: Ensemble = "nvt"
    phase: Phase
    keep: bool


def legs_of(wish: MeltQuench) -> tuple[QuenchLeg, ...]:
    """The legs of a melt-quench.

    Frames of melt and glass are spread over the second half of their time, those of the path over
    the whole quench, without its ends.
    """
    hot, cold = wish.melt.temperature, wish.quench.to
    down = (hot - cold) / wish.quench.rate
    kept = wish.snapshots
    return (
        *_hold("melt", hot, _steps(wish, wish.melt.ps), kept.melt),
        *_ramp(hot, cold, _steps(wish, down), kept.path),
        *_hold("glass", cold, _steps(wish, wish.glass.ps), kept.glass),
    )


def _steps(wish: MeltQuench, ps: float) -> int:
    return max(1, round(1000 * ps / wish.timestep))


def _hold(phase: Phase, temperature: float, steps: int, frames: int) -> Iterator[QuenchLeg]:
    half = steps // 2
    marks = np.linspace(half, steps, frames + 1).round().astype(int) if frames else [steps]
    yield from _legs(phase, [(0, temperature), *((int(m), temperature) for m in marks)], skip=1)


def _ramp(hot: float, cold: float, steps: int, frames: int) -> Iterator[QuenchLeg]:
    marks = np.linspace(0, steps, frames + 2).round().astype(int)
    points = [(int(m), hot + (cold - hot) * int(m) / steps) for m in marks]
    whole = list(_legs("path", points, skip=0))
    yield from (*whole[:-1], whole[-1].model_copy(update={"keep": False}))


def _legs(phase: Phase, points: list[tuple[int, float]], *, skip: int) -> Iterator[QuenchLeg]:
    """Legs between points (step, temperature), cut to length; the first ``skip`` keep nothing."""
    for n, ((first, start), (last, end)) in enumerate(pairwise(points)):
        if last == first:
            continue
        pieces = -(-(last - first) // LONGEST)
        cuts = [first + (last - first) * k // pieces for k in range(pieces + 1)]
        for k, (a, b) in enumerate(pairwise(cuts)):
            ends = (start + (end - start) * (at - first) / (last - first) for at in (a, b))
            yield QuenchLeg(
                phase=phase,
                temperature=tuple(ends),
                steps=b - a,
                keep=n >= skip and k == pieces - 1,
            )
