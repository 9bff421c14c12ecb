"""Descriptors of a walk's candidates, taken where the trajectory is."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import cast

import numpy as np

from al_loop.campaign.engines import engine_class
from al_loop.descriptors import Describes, MakesDescribing, projected
from al_loop.explore.interface import Committee, KeepRule, Walk
from al_loop.jobfolder import Clock


class Describer:
    """Describes candidates by the leader's model, which is loaded when it is first needed."""

    def __init__(self, committee: Committee, keep: KeepRule, clock: Clock) -> None:
        self._committee = committee
        self._keep = keep
        self._clock = clock

    @cached_property
    def _leader(self) -> Describes:
        trainer = cast(MakesDescribing, engine_class("train", self._committee.trainer))
        return trainer.predictor(self._committee.models[0], self._committee.elements)

    def described(self, walk: Walk) -> Walk:
        """The walk with descriptors of up to ``KeepRule.described`` candidates, evenly spaced."""
        deviation = walk.max_force_deviation[walk.kept]
        candidates = np.flatnonzero(
            (deviation >= self._keep.lower) & (deviation < self._keep.upper)
        )
        count = min(self._keep.described, len(candidates))
        if count == 0:
            return walk
        chosen = candidates[np.linspace(0, len(candidates) - 1, count).round().astype(int)]
        leader = self._leader
        with self._clock.span():
            found = [projected(leader.descriptors(walk.frames[i])) for i in chosen]
        return replace(walk, described=chosen.astype(np.int64), descriptors=np.array(found))
