from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from al_loop.explore import KeepRule, Limits, Walker
from al_loop.explore.reduce import (
    COMPLETED,
    Ending,
    Reduction,
    Samples,
    kept_samples,
    reduce_samples,
)

EVERY = 10
LIMITS = Limits(deviation=3.0, temperature_factor=4.0)
KEEP = KeepRule(lower=0.2, upper=1.0, accurate=3)


def walker(samples: int, **changes: Any) -> Walker:
    values: dict[str, Any] = {
        "ensemble": "nvt",
        "temperature": 500.0,
        "steps": max(1, samples - 1) * EVERY,
        "sample_every": EVERY,
        "seed": 7,
    }
    return Walker.at("w", **{**values, **changes})


def table(deviations: list[float], **columns: Any) -> Samples:
    n = len(deviations)
    values: dict[str, Any] = {
        "step": np.arange(n) * EVERY,
        "max_force_deviation": np.array(deviations, dtype=float),
        "mean_force_deviation": np.full(n, 0.1),
        "max_virial_deviation": np.full(n, 0.1),
        "temperature": np.full(n, 500.0),
        "pressure": np.zeros(n),
        "finite": np.ones(n, dtype=bool),
        "whole": np.ones(n, dtype=bool),
        "apart": np.ones(n, dtype=bool),
    }
    return Samples(**{**values, **columns})


def reduced(samples: Samples, ending: Ending = COMPLETED, **changes: Any) -> Reduction:
    arguments: dict[str, Any] = {
        "walker": walker(len(samples.step)),
        "limits": LIMITS,
        "keep": KEEP,
        "ending": ending,
    }
    return reduce_samples(samples, **{**arguments, **changes})


def flags(n: int, false_at: int) -> np.ndarray:
    values = np.ones(n, dtype=bool)
    values[false_at] = False
    return values


def test_an_undisturbed_trajectory_is_whole() -> None:
    result = reduced(table([0.1, 0.3, 0.1, 0.5]))
    assert (result.length, result.stop, result.detail, result.cut) == (4, "completed", "", 0)


def test_candidates_are_all_kept_and_failed_ones_are_not() -> None:
    keep = KeepRule(lower=0.2, upper=1.0, accurate=0)
    result = reduced(table([0.1, 0.2, 0.5, 1.0, 2.9, 0.99, 0.19]), keep=keep)
    assert result.length == 7  # failed samples stay in the table
    assert result.kept.tolist() == [1, 2, 5]


def test_accurate_samples_are_drawn_at_random_without_repetition() -> None:
    samples = table([0.1] * 50)
    kept = reduced(samples).kept
    assert len(kept) == len(set(kept)) == 3
    assert kept.tolist() == sorted(kept)
    np.testing.assert_array_equal(reduced(samples).kept, kept)
    others = {tuple(reduced(samples, walker=walker(50, seed=s)).kept) for s in range(20)}
    assert len(others) > 10


def test_accurate_draw_is_even_over_the_trajectory() -> None:
    samples = table([0.1] * 10)
    counts = np.zeros(10)
    for seed in range(2000):
        counts[reduced(samples, walker=walker(10, seed=seed)).kept] += 1
    expected = 2000 * 3 / 10
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_fewer_accurate_samples_than_asked_for_are_all_kept() -> None:
    assert reduced(table([0.1, 2.0, 0.1])).kept.tolist() == [0, 2]


def test_of_many_candidates_some_are_kept_evenly_and_all_are_counted() -> None:
    samples = table([0.5] * 100_000)
    result = reduced(samples, keep=KeepRule(lower=0.2, upper=1.0, accurate=0, candidates=100))
    assert result.length == 100_000
    assert 50 <= len(result.kept) <= 100
    assert result.kept[0] == 0
    assert len(set(np.diff(result.kept))) == 1
    assert result.kept[-1] > 100_000 - 2 * (result.kept[1] - result.kept[0])


@pytest.mark.parametrize(
    ("count", "kept"), [(9, 9), (10, 10), (11, 6), (20, 10), (21, 6), (40, 10)]
)
def test_up_to_the_limit_all_candidates_are_kept_and_never_less_than_half_of_it(
    count: int, kept: int
) -> None:
    keep = KeepRule(lower=0.2, upper=1.0, accurate=0, candidates=10)
    assert len(reduced(table([0.5] * count), keep=keep).kept) == kept


def test_what_a_longer_walk_keeps_is_kept_of_its_beginning() -> None:
    """So that a sampler may forget the others on its way."""
    deviations = np.random.default_rng(3).uniform(0.0, 1.3, 400)
    keep = KeepRule(lower=0.4, upper=1.0, accurate=5, candidates=12, earliest=2)
    before = set(kept_samples(deviations[:1], keep=keep, seed=1))
    for seen in range(2, 401):
        now = set(kept_samples(deviations[:seen], keep=keep, seed=1))
        assert now <= before | {seen - 1}
        before = now
    assert sum(deviations[i] < 0.4 for i in before) == 5
    assert 6 <= sum(0.4 <= deviations[i] < 1.0 for i in before) <= 12


@pytest.mark.parametrize("bad", [0, 1, 4])
@pytest.mark.parametrize(
    ("stop", "damage"),
    [
        ("deviation", lambda s, i: _put(s, "max_force_deviation", i, 3.0001)),
        ("deviation", lambda s, i: _put(s, "max_force_deviation", i, 1e30)),
        ("not-finite", lambda s, i: _put(s, "max_force_deviation", i, np.nan)),
        ("not-finite", lambda s, i: _put(s, "max_force_deviation", i, np.inf)),
        ("not-finite", lambda s, i: _put(s, "mean_force_deviation", i, np.nan)),
        ("not-finite", lambda s, i: _put(s, "finite", i, False)),
        ("lost-atoms", lambda s, i: _put(s, "whole", i, False)),
        ("distance", lambda s, i: _put(s, "apart", i, False)),
        ("temperature", lambda s, i: _put(s, "temperature", i, 2000.1)),
        ("temperature", lambda s, i: _put(s, "temperature", i, np.inf)),
    ],
)
def test_a_trajectory_is_cut_before_its_first_unphysical_sample(
    stop: str, damage: Any, bad: int
) -> None:
    result = reduced(damage(table([0.5] * 5), bad))
    assert (result.length, result.stop, result.cut) == (bad, stop, 1)
    assert result.kept.tolist() == list(range(bad))
    assert f"step {bad * EVERY}" in result.detail


def _put(samples: Samples, column: str, index: int, value: Any) -> Samples:
    values = getattr(samples, column).copy()
    values[index] = value
    return replace(samples, **{column: values})


def test_the_first_fault_in_time_is_the_reason() -> None:
    samples = table([0.5, 0.5, 9.0, 0.5], temperature=np.array([500.0, 500, 500, 9e9]))
    assert reduced(samples).stop == "deviation"
    samples = table([0.5, 0.5, 0.5, 9.0], temperature=np.array([500.0, 9e9, 500, 500]))
    assert (reduced(samples).stop, reduced(samples).length) == ("temperature", 1)


def test_nan_comes_first_among_the_faults_of_one_sample() -> None:
    samples = table([0.5, np.nan], whole=flags(2, 1), apart=flags(2, 1))
    assert reduced(samples).stop == "not-finite"


def test_all_samples_failed() -> None:
    result = reduced(table([2.0] * 6))
    assert (result.length, result.stop, result.cut) == (6, "completed", 0)
    assert result.kept.size == 0


def test_no_samples_at_all() -> None:
    result = reduced(table([]), Ending("engine", "gone"), walker=walker(3))
    assert (result.length, result.stop, result.detail, result.cut) == (0, "engine", "gone", 1)
    assert result.kept.size == 0


@pytest.mark.parametrize("column", ["temperature", "pressure", "max_virial_deviation"])
def test_what_an_engine_does_not_know_is_no_fault(column: str) -> None:
    assert reduced(table([0.5] * 3, **{column: np.full(3, np.nan)})).stop == "completed"


def test_a_cold_walker_may_be_a_thousand_kelvin_too_hot() -> None:
    cold = walker(2, temperature=50.0)
    assert reduced(table([0.5] * 2, temperature=np.array([50, 1049])), walker=cold).length == 2
    assert reduced(table([0.5] * 2, temperature=np.array([50, 1051])), walker=cold).length == 1


def test_limits_themselves_are_allowed() -> None:
    samples = table([3.0, 3.0], temperature=np.array([2000.0, 2000.0]))
    assert reduced(samples).stop == "completed"


def test_when_the_engine_was_halted_makes_no_difference() -> None:
    generator = np.random.default_rng(2)
    deviations = generator.uniform(0.0, 1.2, 60)
    deviations[40] = 8.0
    whole = table(list(deviations))
    reference = reduced(whole)
    assert reference.length == 40
    for seen in (41, 42, 50, 60):
        head = Samples(**{name: value[:seen] for name, value in vars(whole).items()})
        for ending in (COMPLETED, Ending("engine", "segmentation fault")):
            result = reduced(head, ending, walker=walker(60))
            assert (result.length, result.stop, result.cut) == (40, "deviation", 1)
            assert result.detail == reference.detail
            np.testing.assert_array_equal(result.kept, reference.kept)


def test_the_engines_word_counts_where_all_samples_are_physical() -> None:
    result = reduced(table([0.5] * 3), Ending("lost-atoms", "ERROR"), walker=walker(9))
    assert (result.length, result.stop, result.detail, result.cut) == (3, "lost-atoms", "ERROR", 1)


def test_a_trajectory_that_is_too_short_is_not_complete() -> None:
    result = reduced(table([0.5] * 3), walker=walker(5))
    assert (result.stop, result.detail, result.cut) == ("engine", "ended after 3 of 5 samples", 1)
