"""Intervals of errors, against what theory says of them."""

from __future__ import annotations

import numpy as np
import pytest

from al_loop.report.uncertainty import rms_interval


def test_the_interval_is_that_of_the_delta_method_for_many_normal_errors() -> None:
    n = 4000
    errors = np.random.default_rng(1).normal(scale=2.0, size=(1, n))
    found = rms_interval(errors**2, np.ones(n))
    assert found.low is not None and found.high is not None and found.spread is None
    # The standard deviation of the RMS of n normal numbers is sigma / sqrt(2 n).
    half = 1.96 * 2.0 / np.sqrt(2 * n)
    assert found.value == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert found.value - found.low == pytest.approx(half, rel=0.15)
    assert found.high - found.value == pytest.approx(half, rel=0.15)


def test_intervals_of_few_frames_hold_the_truth_about_as_often_as_promised() -> None:
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(200):
        found = rms_interval(rng.normal(size=(1, 40)) ** 2, np.ones(40))
        assert found.low is not None and found.high is not None
        hits += found.low <= 1.0 <= found.high
    assert 0.85 <= hits / 200 <= 0.99


def test_members_are_averaged_and_their_spread_is_told() -> None:
    squares = np.array([[1.0] * 6, [9.0] * 6])
    found = rms_interval(squares, np.ones(6))
    assert found.value == found.low == found.high == 2.0
    assert found.spread == pytest.approx(np.sqrt(2.0))


def test_large_frames_weigh_more_and_few_frames_have_no_interval() -> None:
    found = rms_interval(np.array([[1.0, 4.0]]), np.array([3.0, 1.0]))
    assert found.value == pytest.approx(np.sqrt(7 / 4))
    assert found.low is None and found.high is None
    with pytest.raises(ValueError, match="a frame at least"):
        rms_interval(np.empty((1, 0)), np.empty(0))
