"""Chunks of labels: they last about the minutes asked for, and never depend on chance."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from al_loop.loop.chunks import FIRST_GUESS, LabelCost, chunk, fit_cost

SIZES = st.dictionaries(st.text("0123456789abcdef", min_size=1), st.integers(1, 500), min_size=1)
COST = LabelCost(factor=0.5, power=1.5)


@given(SIZES, st.floats(0.1, 100), st.none() | st.integers(1, 9), st.none() | st.integers(1, 70))
def test_every_frame_is_in_one_chunk(
    sizes: dict[str, int], minutes: float, most: int | None, workers: int | None
) -> None:
    for cost in (None, COST):
        made = chunk(sizes, cost=cost, minutes=minutes, frames_per_job=most, workers=workers)
        assert sorted(f for part in made for f in part) == sorted(sizes)
        assert all(made)
        assert most is None or max(map(len, made)) <= most


@given(SIZES)
def test_the_order_in_which_frames_are_given_does_not_matter(sizes: dict[str, int]) -> None:
    backwards = dict(reversed(sizes.items()))
    first = chunk(sizes, cost=COST, minutes=1, workers=2)
    assert chunk(backwards, cost=COST, minutes=1, workers=2) == first


def test_chunks_last_about_the_minutes_asked_for() -> None:
    rng = random.Random(3)
    sizes = {f"{i:04x}": rng.choice([24, 72, 216]) for i in range(500)}
    cost = LabelCost(factor=0.01, power=2.0)  # 6 s, 52 s and 467 s
    made = chunk(sizes, cost=cost, minutes=20)
    lasting = [sum(cost.seconds(sizes[f]) for f in part) for part in made]
    assert 0.8 * 1200 < min(lasting) <= max(lasting) < 1.2 * 1200


def test_long_ones_start_first() -> None:
    sizes = {f"{i:02x}": 1 + i for i in range(40)}
    made = chunk(sizes, cost=COST, minutes=1, frames_per_job=7)
    lasting = [sum(COST.seconds(sizes[f]) for f in part) for part in made]
    assert lasting == sorted(lasting, reverse=True)
    assert all(
        [sizes[f] for f in part] == sorted((sizes[f] for f in part), reverse=True) for part in made
    )


def test_with_a_quorum_it_is_chance_who_is_late() -> None:
    rng = random.Random(11)
    sizes = {f"{rng.getrandbits(64):016x}": 1 + i for i in range(400)}
    made = chunk(sizes, cost=COST, minutes=0.01, long_first=False)
    assert sorted(made) == made
    late = [sizes[f] for part in made[-len(made) // 10 :] for f in part]
    assert 150 < sum(late) / len(late) < 250


def test_a_frame_longer_than_a_chunk_is_alone() -> None:
    sizes = {"small": 10, "large": 1000, "other": 10}
    made = chunk(sizes, cost=LabelCost(1.0, 1.0), minutes=1)
    assert made[0] == ("large",)


def test_no_worker_is_left_without_a_chunk_as_long_as_there_are_frames() -> None:
    sizes = {f"{i:02x}": 10 for i in range(100)}
    cheap = LabelCost(1e-6, 1.0)
    assert len(chunk(sizes, cost=cheap, minutes=10, workers=64)) == 64
    assert len(chunk(sizes, cost=cheap, minutes=10, workers=300)) == 100
    assert len(chunk(sizes, cost=cheap, minutes=10)) == 1


def test_before_the_first_label_chunks_have_a_fixed_size() -> None:
    sizes = {f"{i:02x}": 10 for i in range(40)}
    assert [len(part) for part in chunk(sizes, cost=None, minutes=10)] == [FIRST_GUESS] * 5
    assert chunk({}, cost=None, minutes=10) == []


def test_the_cost_grows_with_the_power_that_the_labels_show() -> None:
    rng = random.Random(5)
    sizes = [24, 48, 72, 96, 192] * 40
    measured = [(n, 0.02 * n**2.5 * math.exp(rng.gauss(0.0, 0.3))) for n in sizes]
    cost = fit_cost(measured)
    assert cost is not None
    assert cost.power == pytest.approx(2.5, abs=0.1)
    assert cost.seconds(72) == pytest.approx(0.02 * 72**2.5 * math.exp(0.045), rel=0.1)


def test_expected_times_add_up_to_the_measured_ones_in_spite_of_a_heavy_tail() -> None:
    rng = random.Random(7)
    measured = [(72, 600 * math.exp(rng.gauss(0.0, 1.1))) for _ in range(400)]
    cost = fit_cost(measured)
    assert cost is not None and cost.power == 1.0
    assert cost.seconds(72) * 400 == pytest.approx(sum(s for _, s in measured))


def test_few_labels_or_one_size_show_no_power() -> None:
    assert fit_cost([]) is None
    assert fit_cost([(10, 1.0), (20, 8.0)]) == LabelCost(0.3, 1.0)
    one_size = fit_cost([(72, 5.0 + i) for i in range(50)])
    assert one_size is not None and one_size.power == 1.0


def test_the_fit_does_not_depend_on_the_order_of_the_labels() -> None:
    rng = random.Random(9)
    measured = [(rng.randint(10, 90), rng.expovariate(0.01)) for _ in range(100)]
    shuffled = rng.sample(measured, len(measured))
    assert fit_cost(measured) == fit_cost(shuffled)
