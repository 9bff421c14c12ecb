"""Rules that choose which frames of a pool are labelled, and what a curve says about them.

For :mod:`benchmarks.label_efficiency`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from al_loop.campaign.stages import TrustLevels
from al_loop.select import Candidate, Described, Environments, Pool, choose_batch, classify
from al_loop.select.trust import CANDIDATE
from al_loop.units import Array

GAP = 5.0
"""Frames of one trajectory that are less far apart resemble each other."""

AUDIT_SHARE = 8
"""Of the labels of a batch, one in so many is an audit frame."""


@dataclass(frozen=True)
class View:
    """What a committee says about the frames that were explored.

    ``deviation``: of each atom's force, eV/Å, an array (atoms,) a frame; ``features``: the
    leader's descriptors, (atoms, features) a frame; ``time`` (frames,): places in the trajectory
    of the ``topology``; ``labelled``: environments of what the committee was trained on.
    """

    frames: Sequence[Atoms]
    topology: Sequence[str]
    time: NDArray[np.int64]
    deviation: Sequence[Array]
    features: Sequence[Array]
    labelled: Sequence[Environments]

    @property
    def largest(self) -> Array:
        """Maximum force deviation of each frame, (frames,), eV/Å."""
        return np.array([one.max() for one in self.deviation])


Rule = Callable[[View, TrustLevels, int, int], list[int]]
"""View, trust levels, number of labels, seed: indices of the frames to label."""


def at_random(view: View, levels: TrustLevels, count: int, seed: int) -> list[int]:
    """Any frames."""
    del levels
    drawn = np.random.default_rng(seed).permutation(len(view.frames))[:count]
    return [int(i) for i in drawn]


def dpgen(view: View, levels: TrustLevels, count: int, seed: int) -> list[int]:
    """DP-GEN's rule: random among the candidates; fewer where there are fewer candidates."""
    candidates = np.flatnonzero(classify(view.largest, levels=levels) == CANDIDATE)
    drawn = np.random.default_rng(seed).permutation(candidates)[:count]
    return [int(i) for i in drawn]


def largest_deviation(view: View, levels: TrustLevels, count: int, seed: int) -> list[int]:
    """The frames on which the committee disagrees most."""
    del levels, seed
    return [int(i) for i in np.argsort(-view.largest, kind="stable")[:count]]


def cur(view: View, levels: TrustLevels, count: int, seed: int) -> list[int]:
    """CUR of the frames' mean descriptors (scikit-matter); at random beyond their rank."""
    from skmatter.sample_selection import CUR  # only in the full mode

    del levels
    means = np.array([one.mean(axis=0) for one in view.features], dtype=np.float64)
    means -= means.mean(axis=0)
    chosen = CUR(n_to_select=min(count, *means.shape)).fit(means).selected_idx_.tolist()
    rest = np.setdiff1d(np.arange(len(means)), chosen)
    more = np.random.default_rng(seed).permutation(rest)[: count - len(chosen)]
    return [int(i) for i in (*chosen, *more)]


def ours(view: View, levels: TrustLevels, count: int, seed: int) -> list[int]:
    """The product's batch: audit frames, and candidates farthest from all that is labelled."""
    codes = classify(view.largest, levels=levels)
    names = np.array(view.topology)
    members = {name: np.flatnonzero(names == name) for name in sorted(set(view.topology))}
    pools, described = [], []
    for name, own in members.items():
        frames = [view.frames[int(i)] for i in own]
        pools.append(Pool(name, codes[own], np.arange(len(own), dtype=np.int64), frames))
        for place, i in enumerate(own):
            if codes[i] == CANDIDATE:
                described.append(Described(place, _candidate(view, int(i), levels)))
    audit = max(1, count // AUDIT_SHARE)
    batch = choose_batch(
        pools,
        batch=count - audit,
        audit=audit,
        accept=lambda _: None,
        known=frozenset[str](),
        seed=seed,
        described=described,
        labelled=view.labelled,
        gap=GAP,
    )
    return [int(members[pick.walker][pick.position]) for pick in batch.picks]


def _candidate(view: View, i: int, levels: TrustLevels) -> Candidate:
    environments = Environments(
        view.features[i].astype(np.float64),
        view.frames[i].numbers.astype(np.int64),
        np.clip(view.deviation[i] / levels.lower, 0.0, 1.0),
    )
    name = view.topology[i]
    return Candidate(environments, stratum=name, walker=name, time=float(view.time[i]))


RULES: dict[str, Rule] = {
    "random": at_random,
    "dpgen": dpgen,
    "ours": ours,
    "deviation": largest_deviation,
    "cur": cur,
}


def mean_curve(
    runs: Sequence[tuple[Sequence[int], Sequence[float]]], grid: Sequence[int]
) -> tuple[list[float], list[float]]:
    """Labels and mean error of several (labels, errors), up to where the shortest of them ends.

    Linear between the points of each.
    """
    end = min(labels[-1] for labels, _ in runs)
    labels = [float(n) for n in grid if n < end] + [float(end)]
    errors = [np.interp(labels, known, error) for known, error in runs]
    return labels, [float(e) for e in np.mean(errors, axis=0)]


def labels_needed(labels: Sequence[float], error: Sequence[float], target: float) -> float | None:
    """Where a curve of error against labels first comes down to ``target``.

    Linear between the points; None where the curve does not reach it.

    Raises
    ------
    ValueError
        The labels do not grow, or there is not one error for each.
    """
    if len(labels) != len(error) or any(np.diff(labels) <= 0):
        raise ValueError("a curve needs growing numbers of labels, and an error for each")
    for i, value in enumerate(error):
        if value <= target:
            if i == 0:
                return float(labels[0])
            share = (error[i - 1] - target) / (error[i - 1] - value)
            return float(labels[i - 1] + share * (labels[i] - labels[i - 1]))
    return None
