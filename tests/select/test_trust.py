"""Trust levels: failed first, then candidate, then accurate."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from al_loop.campaign.spec import TrustLevels
from al_loop.select import ACCURATE, CANDIDATE, FAILED, classify

FORCE = TrustLevels(lower=0.1, upper=0.3)
VIRIAL = TrustLevels(lower=0.01, upper=0.05)
NAN, INF = math.nan, math.inf

anything = st.one_of(
    st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.3, NAN, INF, -INF, 1e308])
)


def plainly(force: float, virial: float | None) -> int:
    """The rule as a person would say it."""
    tested = [(force, FORCE)] + ([] if virial is None else [(virial, VIRIAL)])
    if any(not math.isfinite(value) or value >= level.upper for value, level in tested):
        return FAILED
    if any(value >= level.lower for value, level in tested):
        return CANDIDATE
    return ACCURATE


@given(st.lists(st.tuples(anything, anything), max_size=50))
def test_codes_are_those_of_a_plain_loop(samples: list[tuple[float, float]]) -> None:
    force, virial = np.array(samples, dtype=float).reshape(-1, 2).T
    alone = classify(force, levels=FORCE)
    both = classify(force, levels=FORCE, virial_deviation=virial, virial_levels=VIRIAL)
    assert alone.dtype == both.dtype == np.int8
    assert alone.tolist() == [plainly(f, None) for f, _ in samples]
    assert both.tolist() == [plainly(f, v) for f, v in samples]


@pytest.mark.parametrize(
    ("force", "virial", "code"),
    [
        (0.5, 0.001, FAILED),  # above the force level, though the virial is accurate
        (0.05, 0.2, FAILED),
        (NAN, 0.001, FAILED),
        (0.05, NAN, FAILED),
        (INF, 0.02, FAILED),
        (0.05, 0.02, CANDIDATE),
        (0.2, 0.001, CANDIDATE),
        (0.05, 0.001, ACCURATE),
        (0.1, 0.0, CANDIDATE),  # levels belong to the class above them
        (0.3, 0.0, FAILED),
    ],
)
def test_failed_is_tested_first(force: float, virial: float, code: int) -> None:
    found = classify(
        np.array([force]),
        levels=FORCE,
        virial_deviation=np.array([virial]),
        virial_levels=VIRIAL,
    )
    assert found.tolist() == [code]


def test_unknown_virials_are_ignored_without_virial_levels() -> None:
    found = classify(np.array([0.05]), levels=FORCE, virial_deviation=np.array([NAN]))
    assert found.tolist() == [ACCURATE]


def test_virial_levels_need_virials() -> None:
    with pytest.raises(ValueError, match="virial"):
        classify(np.array([0.05]), levels=FORCE, virial_levels=VIRIAL)
    with pytest.raises(ValueError, match="virial"):
        classify(
            np.array([0.05, 0.05]),
            levels=FORCE,
            virial_deviation=np.array([0.0]),
            virial_levels=VIRIAL,
        )


def test_a_million_samples_take_no_time() -> None:
    force = np.random.default_rng(1).exponential(0.1, 1_000_000)
    start = time.process_time()
    classify(force, levels=FORCE, virial_deviation=force / 10, virial_levels=VIRIAL)
    assert time.process_time() - start < 0.5
