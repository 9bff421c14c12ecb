"""What is new in the candidates of an iteration, as its committee sees it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from al_loop.jobfolder import JobFolder
from al_loop.loop.context import Context
from al_loop.loop.explored import Explored
from al_loop.loop.trust import trust_of
from al_loop.select import Candidate, Described, Environments
from al_loop.store import IterationRecord
from al_loop.train import collect_descriptors
from al_loop.units import Array

GAP_FS = 100.0
"""Samples of one walk less far apart resemble each other: several periods of the fastest bonds."""


def described_candidates(
    ctx: Context, iteration: IterationRecord, found: Sequence[Explored]
) -> list[Described]:
    """The candidates that explore jobs have described.

    An atom's novelty counts as far as the committee is unsure of it: fully from the lower trust
    level on. A stratum is a structure at its conditions, in a band of 500 K.
    """
    timestep = ctx.spec.explore.timestep
    described = []
    for one in found:
        walk = one.walk
        if walk.described is None or walk.descriptors is None:
            continue
        lower = trust_of(ctx, iteration, one.group).lower
        for position, features in zip(walk.described, walk.descriptors, strict=True):
            environments = Environments(
                features=features.astype(np.float64),
                elements=walk.frames[position].numbers.astype(np.int64),
                weight=_weight(walk.deviations[position], lower),
            )
            step = int(walk.step[walk.kept[position]])
            candidate = Candidate(
                environments,
                stratum=one.stratum(step),
                walker=walk.name,
                time=step * timestep,
            )
            described.append(Described(int(position), candidate))
    return described


def labelled_environments(folder: JobFolder) -> list[Environments]:
    """What the committee was trained on, from its describe job.

    Raises JobFolderError when there is no valid result.
    """
    features, numbers = collect_descriptors(folder)
    return [Environments(features.astype(np.float64), numbers)]


def _weight(deviation: Array, lower: float) -> Array:
    weight: Array = np.clip(deviation / lower, 0.0, 1.0)
    return weight
