"""What a committee's deviation says about the true error: trust levels from labels.

The data are the campaign's own labelled frames: the deviation that the committee had *before* it
was trained on them, and the error that the label then showed (both maxima over the atoms, eV/Å).

Split conformal prediction with the error over the deviation as its score (normalised residuals;
Lei et al., J. Am. Stat. Assoc. 113, 1094 (2018), Sec. 5.2). With ``ratio`` the
ceil((n + 1)(1 - alpha))-th smallest of n scores, a new frame has an error of at most
``ratio * deviation`` with a probability of at least ``1 - alpha``, whatever the distributions are.

What must hold: the new frame is exchangeable with the labelled ones of its group. Labels are not
drawn evenly (most are candidates), so each counts with a weight, the samples that it stands for
over the labels drawn from them (audit frames and candidates apart), and the weighted quantile of
Tibshirani et al. (NeurIPS 2019, Eq. 7) is taken with the largest weight for the new frame, which
is safe. Committees learn from one iteration to the next. The score is a ratio so that this matters
little; labels whose scores are not those of now are left out (:func:`of_now`), and
:func:`past_coverage` measures what that leaves.

That probability is over *all* frames. What matters is the error of frames that are called accurate,
and a committee that agrees on a wrong force fails just there. So the lower level is lowered until
the labelled frames below it bear it out, with one more failure than was seen (the correction
of conformal selection: Jin and Candès, J. Mach. Learn. Res. 24, 244 (2023)).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from al_loop.campaign.stages import TrustLevels
from al_loop.units import Array

POOLED = ""
"""Name of the group of all frames."""

_TOLD_APART = 0.05

SMALLEST = 1.0e-6
"""eV/Å: nothing is below a level of this size."""


@dataclass(frozen=True)
class Evidence:
    """Labelled frames, in the order of the iterations that labelled them.

    ``deviation``, ``error``, ``force`` (frames,), eV/Å: the committee's maximum force deviation,
    the largest error of a force that the leading member predicted and the largest true force, over
    the atoms.
    ``group``: what is calibrated apart, a composition and phase say. ``iteration`` (frames,).
    ``weight`` (frames,): the samples for which a frame stands. A deviation that is not finite
    bounds no error, and counts so.

    Raises
    ------
    ValueError
        The arrays do not belong together, an error or a force is not finite, or a weight is not
        positive.
    """

    deviation: Array
    error: Array
    force: Array
    group: Sequence[str]
    iteration: NDArray[np.int64]
    weight: Array

    def __post_init__(self) -> None:
        count = len(self.deviation)
        columns = (self.error, self.force, self.group, self.iteration, self.weight)
        if any(len(column) != count for column in columns):
            raise ValueError("the columns of the evidence differ in length")
        if not (np.isfinite(self.error).all() and np.isfinite(self.force).all()):
            raise ValueError("errors and forces of labelled frames must be finite")
        if not (np.isfinite(self.weight).all() and (self.weight > 0).all()):
            raise ValueError("weights must be positive")

    def where(self, chosen: NDArray[np.bool_]) -> Evidence:
        """The frames for which ``chosen`` (frames,) is True."""
        groups = [name for name, one in zip(self.group, chosen, strict=True) if one]
        return Evidence(
            self.deviation[chosen],
            self.error[chosen],
            self.force[chosen],
            groups,
            self.iteration[chosen],
            self.weight[chosen],
        )


@dataclass(frozen=True)
class Rule:
    """What the user asks for.

    ``bearable``: force error (eV/Å) that a frame may have without being labelled. ``alpha``: share
    of frames that may break the promise. A group of fewer than ``at_least`` frames joins the pool;
    with fewer than that in all, the levels are ``fixed``. Levels do not leave the range of the
    labelled deviations by more than the factor ``reach``.
    """

    bearable: float
    fixed: TrustLevels
    alpha: float = 0.1
    at_least: int = 30
    reach: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.bearable < math.inf:
            raise ValueError(f"a bearable error of {self.bearable} eV/Å is not positive")
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha ({self.alpha}) must lie between 0 and 1")
        if self.at_least < math.ceil(1 / self.alpha):
            raise ValueError(
                f"{self.at_least} frames cannot show a share of {self.alpha}: "
                f"at_least must be {math.ceil(1 / self.alpha)} or more"
            )
        if self.reach < 1:
            raise ValueError(f"reach ({self.reach}) must be 1 or more")


@dataclass(frozen=True)
class Calibrated:
    """The levels of one group, and what they stand on.

    ``ratio`` and ``typical``: the conformal and the median error over deviation. ``accurate``
    labelled frames are below the lower level, ``missed`` of them had more than the bearable error.
    """

    levels: TrustLevels
    frames: int
    ratio: float
    typical: float
    accurate: int
    missed: int


@dataclass(frozen=True)
class Calibration:
    """Trust levels in units of error.

    ``groups`` holds those that have enough frames of their own; ``pooled`` is None before there
    are enough in all. ``covered`` of ``predicted`` frames had an error within what the labels of
    earlier iterations promised. The evidence is what a calibration plot shows: error against
    deviation, the lines ``error = ratio * deviation``, and the levels.
    """

    rule: Rule
    pooled: Calibrated | None
    groups: Mapping[str, Calibrated]
    covered: int
    predicted: int
    evidence: Evidence = field(repr=False)

    def levels(self, group: str) -> TrustLevels:
        """Those of the group, else of all frames, else the fixed ones."""
        found = self.groups.get(group, self.pooled)
        return self.rule.fixed if found is None else found.levels


def conformal_quantile(scores: Array, *, alpha: float, weights: Array | None = None) -> float:
    """Bound that the next score keeps with a probability of at least ``1 - alpha``.

    ``scores`` and ``weights`` (n,). Infinite when there are too few scores to say.
    """
    weight = np.ones(len(scores)) if weights is None else weights
    if len(scores) == 0:
        return math.inf
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weight[order])
    wanted = (1.0 - alpha) * (reached[-1] + weight.max())
    # A sum of equal weights may miss a whole number by rounding: no step up for that.
    place = int(np.searchsorted(reached, wanted * (1.0 - 1e-12)))
    return math.inf if place == len(scores) else float(scores[order[place]])


def calibrate(evidence: Evidence, rule: Rule) -> Calibration:
    """Trust levels from labelled frames; see the text at the top of this module.

    The upper level is where the committee knows nothing: where the error that is typical for the
    deviation is as large as the forces themselves (the median over frames of the largest
    force). It is at least twice the lower one.
    """
    if len(evidence.deviation) < rule.at_least:
        return Calibration(rule, None, {}, 0, 0, evidence)
    names = np.array(evidence.group, dtype=object)
    groups = {}
    for name in sorted(set(evidence.group)):
        own = evidence.where(names == name)
        if len(own.deviation) >= rule.at_least:
            groups[name] = _calibrated(of_now(own, at_least=rule.at_least), rule)
    covered, predicted = past_coverage(evidence, rule)
    pooled = _calibrated(of_now(evidence, at_least=rule.at_least), rule)
    return Calibration(rule, pooled, groups, covered, predicted, evidence)


def of_now(evidence: Evidence, *, at_least: int) -> Evidence:
    """What speaks of the committee of now: the first committees know too little of their errors.

    Whole iterations, the newest first, until there are ``at_least`` frames; then on, as long as
    the scores of the next older one could be drawn from the same distribution (two-sample
    Kolmogorov-Smirnov test, 5 %).
    """
    scores = _scores(evidence)
    used = np.zeros(len(scores), dtype=bool)
    for iteration in np.unique(evidence.iteration)[::-1]:
        here = evidence.iteration == iteration
        if used.sum() >= at_least:
            told_apart = ks_2samp(scores[here], scores[used], method="asymp").pvalue < _TOLD_APART
            if told_apart:
                break
        used |= here
    return evidence.where(used)


def past_coverage(evidence: Evidence, rule: Rule) -> tuple[int, int]:
    """How many frames kept the bound that the labels of earlier iterations gave, of how many.

    Frames of iterations before which there were fewer than ``rule.at_least`` labels do not count.
    """
    scores = _scores(evidence)
    covered = predicted = 0
    for now in np.unique(evidence.iteration):
        before, here = evidence.iteration < now, evidence.iteration == now
        if before.sum() >= rule.at_least:
            known = of_now(evidence.where(before), at_least=rule.at_least)
            bound = conformal_quantile(_scores(known), alpha=rule.alpha, weights=known.weight)
            covered += int((scores[here] <= bound).sum())
            predicted += int(here.sum())
    return covered, predicted


def _scores(evidence: Evidence) -> Array:
    """Error over deviation; infinite where the deviation is zero or not a number."""
    usable = np.isfinite(evidence.deviation) & (evidence.deviation > 0)
    scores = np.full(len(usable), np.inf)
    np.divide(evidence.error, evidence.deviation, out=scores, where=usable)
    return scores


def _calibrated(evidence: Evidence, rule: Rule) -> Calibrated:
    scores = _scores(evidence)
    ratio = conformal_quantile(scores, alpha=rule.alpha, weights=evidence.weight)
    typical = conformal_quantile(scores, alpha=0.5, weights=evidence.weight)
    seen = evidence.deviation[np.isfinite(evidence.deviation)]
    farthest = rule.reach * float(seen.max(initial=0.0))
    lower = min(rule.bearable / ratio if ratio > 0 else math.inf, farthest)
    lower = max(_borne_out(evidence, lower, rule), SMALLEST)
    knows_nothing = float(np.median(evidence.force)) / typical if typical > 0 else math.inf
    upper = max(min(knows_nothing, farthest), 2.0 * lower)
    below = evidence.deviation < lower
    return Calibrated(
        levels=TrustLevels(lower=lower, upper=upper),
        frames=len(scores),
        ratio=ratio,
        typical=typical,
        accurate=int(below.sum()),
        missed=int((evidence.error[below] > rule.bearable).sum()),
    )


def _borne_out(evidence: Evidence, level: float, rule: Rule) -> float:
    """The highest level up to ``level`` below which labels bear the promise out; 0 if none.

    Fewer than ``1 / alpha - 1`` labels show nothing, unless one of them breaks the promise.
    """
    order = np.argsort(evidence.deviation, kind="stable")  # NaN last
    deviation, weight = evidence.deviation[order], evidence.weight[order]
    bad = (evidence.error[order] > rule.bearable) * weight
    below = int(np.searchsorted(deviation, level))
    if not bad[:below].any() and below < math.ceil(1.0 / rule.alpha) - 1:
        return level
    one = weight[:below].max()
    share = (np.cumsum(bad[:below]) + one) / (np.cumsum(weight[:below]) + one)
    good = np.flatnonzero(share <= rule.alpha * (1.0 + 1e-12))
    if len(good) == 0:
        return 0.0 if bad[:below].any() else level
    last = int(good[-1])
    return level if last == below - 1 else float(deviation[last + 1])
