"""The bound of an audit: what it promises, on data of which the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from al_loop.loop.audit import FEWEST, audit


def frames(generator: np.random.Generator, count: int, spread: float) -> list[np.ndarray]:
    """Maxwell-distributed errors of 60 atoms, whose size differs from frame to frame."""
    scale = 0.1 * np.exp(spread * generator.standard_normal(count))
    return [s * np.linalg.norm(generator.standard_normal((60, 3)), axis=1) for s in scale]


def test_the_percentile_is_that_of_the_maxwell_distribution() -> None:
    (found,) = audit(
        {"a": frames(np.random.default_rng(1), 400, 0.0)}, percentile=0.95, confidence=0.9
    )
    assert found.error == pytest.approx(0.1 * 2.7955, rel=0.02)  # sqrt of chi2(3) at 95 %
    assert found.error <= found.bound < 1.05 * found.error


@pytest.mark.parametrize("count", [FEWEST, 12, 40])
@pytest.mark.parametrize("spread", [0.0, 0.3, 0.6])
def test_the_truth_is_below_the_bound_as_often_as_promised(count: int, spread: float) -> None:
    generator = np.random.default_rng(count)
    everything = np.concatenate(frames(generator, 20_000, spread))
    truth = float(np.quantile(everything, 0.95))
    held = 0
    for _ in range(150):
        drawn = frames(generator, count, spread)
        (found,) = audit({"a": drawn}, percentile=0.95, confidence=0.9)
        held += found.bound >= truth
    assert held / 150 > 0.9 - 3 * 0.025  # three standard deviations of 150 repetitions


def test_few_frames_say_nothing_and_strata_are_kept_apart() -> None:
    generator = np.random.default_rng(3)
    found = audit(
        {"b": frames(generator, FEWEST - 1, 0.1), "a": frames(generator, FEWEST, 0.1), "c": []},
        percentile=0.95,
        confidence=0.9,
    )
    assert [one.group for one in found] == ["a", "b"]
    assert np.isfinite(found[0].bound)
    assert found[1].bound == np.inf
