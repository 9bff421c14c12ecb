"""Thinned series keep what stands out."""

from __future__ import annotations

import numpy as np

from al_loop.loop.thinning import evenly, peaks, plain


def test_no_peak_is_lost() -> None:
    values = np.random.default_rng(2).random(100_000)
    values[12_345], values[77_777], values[500] = 50.0, -9.0, np.nan
    at = peaks(values, 1500)
    assert len(at) <= 1500 and (np.diff(at) > 0).all()
    assert {0, 12_345, 77_777, 99_999} <= set(at.tolist())
    assert peaks(values[:700], 1500).tolist() == list(range(700))


def test_even_positions_have_both_ends() -> None:
    at = evenly(10_001, 11)
    assert at.tolist() == list(range(0, 10_001, 1000))
    assert evenly(3, 10).tolist() == [0, 1, 2]


def test_numbers_for_json_are_finite() -> None:
    assert plain([np.nan, np.inf, 1.23456789]) == [None, None, 1.23457]
