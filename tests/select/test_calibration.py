"""The coverage that is promised is held, on data whose distribution is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from al_loop.campaign.stages import TrustLevels
from al_loop.select import Evidence, Rule, calibrate, conformal_quantile

FIXED = TrustLevels(lower=0.1, upper=0.3)


def evidence(
    deviation: np.ndarray,
    error: np.ndarray,
    *,
    group: list[str] | None = None,
    iteration: np.ndarray | None = None,
    weight: np.ndarray | None = None,
) -> Evidence:
    count = len(deviation)
    return Evidence(
        deviation=deviation,
        error=error,
        force=np.full(count, 2.0),
        group=["a"] * count if group is None else group,
        iteration=np.zeros(count, dtype=np.int64) if iteration is None else iteration,
        weight=np.ones(count) if weight is None else weight,
    )


def draw(generator: np.random.Generator, count: int, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Deviations, and errors that scatter around three times of them above a floor."""
    deviation = generator.lognormal(-2.5, 0.8, count)
    error = floor + 3.0 * deviation * generator.lognormal(0.0, 0.3 + deviation, count)
    return deviation, error


def within(successes: int, trials: int, share: float) -> bool:
    """Whether a binomial of this share could give so many (two sides of 1e-4 each)."""
    low, high = stats.binom.ppf([1e-4, 1 - 1e-4], trials, share)
    return bool(low <= successes <= high)


@pytest.mark.parametrize(("count", "alpha"), [(9, 0.1), (30, 0.1), (57, 0.2), (99, 0.01)])
def test_quantile_is_that_of_the_finite_sample(count: int, alpha: float) -> None:
    """Of n exchangeable scores the next is below the k-th with probability k / (n + 1), exactly."""
    generator = np.random.default_rng(1)
    trials = 4000
    scores = generator.exponential(1.0, (trials, count + 1))
    bounds = np.array([conformal_quantile(row[:count], alpha=alpha) for row in scores])
    exact = math.ceil((count + 1) * (1 - alpha) - 1e-9) / (count + 1)
    assert exact >= 1 - alpha
    assert within(int((scores[:, count] <= bounds).sum()), trials, exact)


def test_too_few_scores_bound_nothing() -> None:
    assert conformal_quantile(np.arange(8.0), alpha=0.1) == math.inf
    assert conformal_quantile(np.arange(9.0), alpha=0.1) == 8.0
    assert conformal_quantile(np.array([]), alpha=0.1) == math.inf


def test_errors_are_covered_however_their_scatter_depends_on_the_deviation() -> None:
    generator = np.random.default_rng(2)
    trials, kept = 1500, 0
    for _ in range(trials):
        deviation, error = draw(generator, 41, floor=0.05)
        known = evidence(deviation[:-1], error[:-1])
        pooled = calibrate(known, Rule(bearable=0.5, fixed=FIXED)).pooled
        assert pooled is not None
        kept += bool(error[-1] <= pooled.ratio * deviation[-1])
    assert within(kept, trials, 37 / 41)  # the 37th of 40: ceil(41 * 0.9)


@pytest.mark.parametrize("floor", [0.0, 0.1, 0.3, 0.35, 0.38])
def test_accurate_frames_keep_the_promise_where_the_committee_agrees_on_errors(
    floor: float,
) -> None:
    """Errors with a floor that no deviation shows are most of what is called accurate.

    What conformal selection controls is the share of missed among accurate frames, averaged over
    calibrations, and 0 where one calls nothing accurate.
    """
    generator = np.random.default_rng(3)
    rule = Rule(bearable=0.4, fixed=FIXED)
    shares, accurate = [], 0
    for _ in range(300):
        deviation, error = draw(generator, 200, floor)
        levels = calibrate(evidence(deviation, error), rule).levels("a")
        fresh, truth = draw(generator, 500, floor)
        called = fresh < levels.lower
        accurate += int(called.sum())
        missed = int((truth[called] > rule.bearable).sum())
        shares.append(missed / max(1, int(called.sum())))
    assert np.mean(shares) <= rule.alpha
    assert accurate > 0.1 * 300 * 500 or floor >= 0.3


def test_weights_undo_the_choice_of_frames() -> None:
    """Labels are mostly candidates; one audit frame stands for many accurate samples."""
    generator = np.random.default_rng(4)
    trials, kept, blind = 1500, 0, 0
    for _ in range(trials):
        deviation = generator.uniform(0.01, 1.0, 2000)
        error = deviation * generator.lognormal(0.0, np.where(deviation < 0.5, 1.0, 0.1))
        sure = np.flatnonzero(deviation < 0.5)
        unsure = np.flatnonzero(deviation >= 0.5)
        chosen = np.concatenate([sure[1:16], unsure[1:61]])
        weight = np.repeat([len(sure) / 15, len(unsure) / 60], [15, 60])
        target = int(generator.choice([sure[0], unsure[0]]))
        score = error / deviation
        bound = conformal_quantile(score[chosen], alpha=0.2, weights=weight)
        kept += bool(score[target] <= bound)
        blind += bool(score[target] <= conformal_quantile(score[chosen], alpha=0.2))
    low = stats.binom.ppf(1e-4, trials, 0.8)
    assert kept >= low
    assert blind < low  # so the test could fail


def test_groups_are_calibrated_apart_where_they_have_enough_frames() -> None:
    generator = np.random.default_rng(5)
    deviation = generator.uniform(0.05, 0.5, 220)
    factor = np.repeat([1.0, 10.0, 5.0], [100, 100, 20])
    group = ["glass"] * 100 + ["melt"] * 100 + ["rare"] * 20
    error = deviation * factor * generator.uniform(0.9, 1.0, 220)
    found = calibrate(evidence(deviation, error, group=group), Rule(bearable=0.3, fixed=FIXED))
    assert sorted(found.groups) == ["glass", "melt"]
    assert found.groups["glass"].ratio == pytest.approx(1.0, abs=0.1)
    assert found.groups["melt"].ratio == pytest.approx(10.0, rel=0.1)
    assert found.pooled is not None
    assert found.levels("rare") == found.levels("never seen") == found.pooled.levels
    assert found.levels("melt").lower < found.levels("glass").lower


def test_levels_are_in_units_of_error() -> None:
    deviation = np.linspace(0.02, 1.0, 99)
    for bearable in (0.1, 0.2, 0.4):
        found = calibrate(evidence(deviation, 2.0 * deviation), Rule(bearable, FIXED))
        assert found.levels("a").lower == pytest.approx(bearable / 2.0)
        # forces of 2 eV/Å are all wrong where the deviation is 1
        assert found.levels("a").upper == pytest.approx(1.0)


def test_levels_stay_near_what_was_labelled() -> None:
    deviation = np.linspace(0.001, 0.01, 50)
    found = calibrate(evidence(deviation, deviation), Rule(bearable=5.0, fixed=FIXED))
    assert found.levels("a").lower == pytest.approx(0.02)
    assert found.levels("a").lower < found.levels("a").upper


def test_nothing_is_accurate_where_every_label_says_so() -> None:
    deviation = np.linspace(0.01, 0.5, 50)
    found = calibrate(evidence(deviation, np.full(50, 1.0)), Rule(bearable=0.4, fixed=FIXED))
    assert found.pooled is not None
    assert found.pooled.accurate == 0
    assert found.pooled.levels.lower <= 0.01


def test_fixed_levels_hold_before_there_are_data() -> None:
    few = np.linspace(0.1, 0.3, 29)
    found = calibrate(evidence(few, few), Rule(bearable=0.2, fixed=FIXED))
    assert found.pooled is None
    assert found.levels("a") == FIXED


def test_a_deviation_that_is_no_number_promises_nothing() -> None:
    deviation = np.linspace(0.02, 1.0, 100)
    good = Rule(bearable=0.2, fixed=FIXED)
    plain = calibrate(evidence(deviation, deviation), good).pooled
    deviation[:5] = math.nan
    odd = calibrate(evidence(deviation, np.nan_to_num(deviation)), good).pooled
    assert plain is not None
    assert odd is not None
    assert math.isfinite(odd.levels.upper)
    assert odd.ratio >= plain.ratio
    deviation[:50] = math.nan
    lost = calibrate(evidence(deviation, np.nan_to_num(deviation)), good).pooled
    assert lost is not None
    assert lost.ratio == math.inf  # more than a tenth could be anything
    assert lost.accurate == 0


def test_past_coverage_uses_the_past_alone() -> None:
    deviation = np.full(120, 0.1)
    error = np.repeat([0.1, 0.1, 1.0, 1.0], 30)
    iteration = np.repeat([0, 1, 2, 3], 30)
    found = calibrate(evidence(deviation, error, iteration=iteration), Rule(0.2, FIXED))
    # the second keeps what the first promised, the third does not, the fourth has learnt of it
    assert (found.covered, found.predicted) == (60, 90)


def test_what_the_first_committees_did_not_know_is_forgotten() -> None:
    """A first committee is wrong by 1 eV/Å where it sees 0.1; later ones by twice what they see."""
    generator = np.random.default_rng(6)
    count, rounds = 40, 6
    iteration = np.repeat(np.arange(rounds), count)
    deviation = generator.uniform(0.05, 0.2, count * rounds)
    scatter = generator.lognormal(0.0, 0.2, len(deviation))
    error = np.where(iteration == 0, 1.0, 2.0 * deviation) * scatter
    rule = Rule(bearable=0.6, fixed=FIXED)
    pooled = calibrate(evidence(deviation, error, iteration=iteration), rule).pooled
    assert pooled is not None
    assert pooled.frames == count * (rounds - 1)  # the later ones are alike, and all count
    assert pooled.levels.lower > 0.15
    second = iteration <= 1
    early = calibrate(
        evidence(deviation[second], error[second], iteration=iteration[second]), rule
    ).pooled
    assert early is not None
    assert early.frames == count


def test_the_promise_is_kept_by_a_committee_that_learns() -> None:
    """The true error over the deviation falls by a fifth each iteration."""
    generator = np.random.default_rng(7)
    trials, kept, candidates = 400, 0, []
    for _ in range(trials):
        iteration = np.repeat(np.arange(6), 50)
        ratio = 5.0 * 0.8**iteration
        deviation = generator.lognormal(-2.5, 0.5, 300)
        error = ratio * deviation * generator.lognormal(0.0, 0.3, 300)
        last = iteration == 5
        before = evidence(deviation[~last], error[~last], iteration=iteration[~last])
        levels = calibrate(before, Rule(bearable=0.3, fixed=FIXED)).levels("a")
        accurate = last & (deviation < levels.lower)
        kept += int((error[accurate] <= 0.3).sum()) >= 0.9 * accurate.sum()
        candidates.append(float((deviation[last] >= levels.lower).mean()))
    assert kept >= 0.9 * trials
    assert np.mean(candidates) < 0.6


def test_what_makes_no_sense_is_refused() -> None:
    one = np.ones(3)
    with pytest.raises(ValueError, match="finite"):
        evidence(one, np.array([1.0, math.nan, 1.0]))
    with pytest.raises(ValueError, match="positive"):
        evidence(one, one, weight=np.array([1.0, 0.0, 1.0]))
    with pytest.raises(ValueError, match="length"):
        evidence(one, np.ones(2))
    for options in ({"alpha": 0.0}, {"bearable": -1.0}, {"alpha": 0.01}, {"reach": 0.5}):
        with pytest.raises(ValueError):
            Rule(**({"bearable": 0.1, "fixed": FIXED} | options))
