from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from al_loop.loop.idle import idle_seconds


@pytest.mark.parametrize(
    ("busy", "idle"),
    [
        ([], 10.0),
        ([(0.0, 10.0)], 0.0),
        ([(2.0, 4.0), (3.0, 6.0)], 6.0),
        ([(3.0, 6.0), (2.0, 4.0), (8.0, 9.0)], 5.0),
        ([(-5.0, 1.0), (9.0, 99.0)], 8.0),
        ([(20.0, 30.0)], 10.0),
    ],
)
def test_idle_is_what_no_interval_covers(busy: list[tuple[float, float]], idle: float) -> None:
    assert idle_seconds(0.0, 10.0, busy) == pytest.approx(idle)


@given(st.lists(st.tuples(st.integers(-5, 25), st.integers(0, 15)), max_size=12))
def test_idle_agrees_with_counting_seconds_one_by_one(spans: list[tuple[int, int]]) -> None:
    busy = [(float(a), float(a + n)) for a, n in spans]
    free = [t for t in range(20) if not any(a <= t < b for a, b in busy)]
    assert idle_seconds(0.0, 20.0, busy) == pytest.approx(len(free))
