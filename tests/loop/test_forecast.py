"""The forecast against campaigns whose end is known because a law made them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from al_loop.loop.forecast import HORIZON, Forecast, Past, Price, Range, Rules, forecast
from al_loop.loop.learning import Gauge

RULES = Rules(in_a_row=1, before=0, batch=40, iterations=HORIZON)
PRICE = Price(seconds=(3600.0, 7200.0, 3600.0), core_seconds=1800.0)


def law(
    n: int, *, start: int = 100, scatter: float = 0.0, seed: int = 0, noise: float = 0.1
) -> Past:
    """n iterations of 40 labels of a campaign whose error is 3 / sqrt(labels), target 0.1."""
    labels = 100 + 40 * np.arange(n)
    rng = np.random.default_rng(seed)
    values = 3.0 / np.sqrt(labels) * np.exp(scatter * rng.standard_normal(n))
    gauge = Gauge("error", tuple(values), target=0.1, noise=noise)
    return Past(tuple(int(x) for x in labels), (gauge,), (40,) * n)


def test_a_power_law_is_met_where_it_meets_the_target() -> None:
    """3 / sqrt(n) = 0.1 at n = 900: (900 - 340) / 40 = 14 iterations after 7 of them."""
    found = forecast(law(7, noise=1e-6), PRICE, RULES)
    assert found.known
    # The iteration that trains on 900 labels adds 40 itself.
    assert found.iterations.likely == pytest.approx(14, abs=1)
    assert found.labels.likely == pytest.approx(560, abs=40)
    assert found.iterations.low >= 13
    assert found.converges == 1.0
    assert found.core_hours is not None and found.core_hours.likely is not None
    assert found.labels.likely is not None
    assert found.core_hours.likely == pytest.approx(0.5 * found.labels.likely)
    assert found.days is not None and found.days.likely is not None
    assert found.iterations.likely is not None
    assert found.days.likely == pytest.approx(found.iterations.likely / 24)


def test_core_hours_in_all_have_training_and_md_and_the_last_training() -> None:
    others = (100.0, 9000.0, 3600.0, 7200.0, 3600.0, 3600.0)  # the first is beyond the latest five
    price = replace(PRICE, other_core_seconds=others, last_training_core_seconds=1800.0)
    found = forecast(law(7), price, RULES)
    labels, steps, whole = found.core_hours, found.iterations, found.core_hours_in_all
    assert labels is not None and whole is not None
    assert whole.low == pytest.approx(labels.low + steps.low + 0.5)
    assert whole.likely == pytest.approx((labels.likely or 0) + (steps.likely or 0) + 0.5)
    assert whole.high == pytest.approx((labels.high or 0) + 2.5 * (steps.high or 0) + 0.5)
    assert found.core_hours == forecast(law(7), PRICE, RULES).core_hours
    assert forecast(law(7), PRICE, RULES).core_hours_in_all is None


def end_of(scatter: float, seed: int) -> int:
    """Iterations after the seventh until the law with its scatter measures 0.1 or less."""
    rng = np.random.default_rng(seed)
    labels = 380
    for step in range(1, HORIZON):
        if 3.0 / np.sqrt(labels) * np.exp(scatter * rng.standard_normal()) <= 0.1:
            return step
        labels += 40
    raise AssertionError("the law never meets its target")


def test_the_range_holds_what_it_promises() -> None:
    """Eight of ten campaigns should end within it; binomial scatter of 60: 5 %."""
    inside = []
    for seed in range(60):
        found = forecast(law(7, scatter=0.1, seed=seed), PRICE, RULES).labels_to_converge
        assert found is not None
        end = 40 * end_of(0.1, 1000 + seed)
        inside.append(found.low <= end and (found.high is None or end <= found.high))
    assert np.mean(inside) >= 0.7


def test_one_odd_iteration_does_not_turn_the_line() -> None:
    past = law(9, noise=1e-6)
    values = list(past.gauges[0].values)
    values[4] *= 5.0
    odd = Past(past.labels, (Gauge("error", tuple(values), 0.1, 1e-6),), past.added)
    clean, found = forecast(past, PRICE, RULES), forecast(odd, PRICE, RULES)
    assert found.iterations.likely == pytest.approx(clean.iterations.likely, abs=1)


def test_two_points_alone_promise_little() -> None:
    few, many = forecast(law(2), PRICE, RULES), forecast(law(12), PRICE, RULES)
    assert width(few.iterations) > 2 * width(many.iterations)


def width(one: Range) -> float:
    assert one.high is not None
    return one.high - one.low


@pytest.mark.parametrize("n", [0, 1])
def test_before_two_iterations_nothing_is_known_but_the_bounds(n: int) -> None:
    rules = Rules(in_a_row=2, before=3, batch=40, iterations=9, labels=200)
    found = forecast(law(n), Price(seconds=(), core_seconds=None), rules)
    assert not found.known and found.iterations.likely is None
    assert (found.iterations.low, found.iterations.high) == (5, 5)
    assert found.labels.high == 200
    assert found.core_hours is found.days is None


def test_an_error_that_does_not_fall_is_ended_by_the_budget() -> None:
    labels = tuple(100 + 40 * i for i in range(6))
    flat = Past(labels, (Gauge("error", (0.5,) * 6, 0.1, 0.05),), (40,) * 6)
    found = forecast(flat, PRICE, Rules(in_a_row=2, before=0, batch=40, iterations=4))
    assert found.converges == 0.0
    assert found.iterations == Range(low=4, likely=4, high=4)
    assert found.labels_to_converge is None or found.labels_to_converge.high is None


def test_the_slowest_gauge_is_named_and_decides() -> None:
    past = law(7, noise=1e-6)
    met = Gauge("fraction", (0.01,) * 7, target=0.05, noise=1e-6)
    both = forecast(Past(past.labels, (met, *past.gauges), past.added), PRICE, RULES)
    assert both.reason == "error"
    assert both.iterations == forecast(past, PRICE, RULES).iterations


def test_what_was_met_already_counts() -> None:
    labels = tuple(100 + 40 * i for i in range(6))

    def left(*values: float) -> Forecast:
        past = Past(labels, (Gauge("error", values, 0.1, 1e-6),), (40,) * 6)
        return forecast(past, PRICE, Rules(in_a_row=3, before=0, batch=40, iterations=20))

    assert left(*(0.05,) * 6).iterations.likely == 1
    falling = [0.095 * (300 / n) ** 2 for n in labels]  # below the target for the first time
    assert left(*falling).iterations == Range(low=2, likely=2, high=2)


def test_hours_and_labels_that_are_left_are_bounds() -> None:
    by_labels = Rules(in_a_row=1, before=0, batch=40, iterations=50, labels=100)
    assert forecast(law(4), PRICE, by_labels).labels.high == 100
    by_hours = Rules(in_a_row=1, before=0, batch=40, iterations=50, hours=3.0)
    assert forecast(law(4), PRICE, by_hours).iterations.high == 3
