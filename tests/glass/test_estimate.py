from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from al_loop.errors import DatasetError
from al_loop.glass import Curve, Estimate, average, average_curve, combine, combine_curves


def test_independent_values_have_the_textbook_error() -> None:
    values = np.random.default_rng(1).normal(5.0, 2.0, 4096)
    found = average(values, unit="eV")
    assert found.n == 4096
    assert found.unit == "eV"
    assert found.value == pytest.approx(5.0, abs=4 * 2.0 / 64)
    assert found.error == pytest.approx(2.0 / 64, rel=0.15)


def test_correlated_values_have_the_error_that_theory_gives() -> None:
    """AR(1), phi = 0.9: the variance of the mean is s^2/n (1 + phi)/(1 - phi)."""
    phi, n = 0.9, 2**15
    noise = np.random.default_rng(2).normal(size=(200, n))
    series = lfilter([1.0], [1.0, -phi], noise)[:, n // 8 :]
    expected = np.sqrt((1 / (1 - phi**2)) / series.shape[1] * (1 + phi) / (1 - phi))
    errors = [average(one).error for one in series]
    assert np.mean([e for e in errors if e is not None]) == pytest.approx(expected, rel=0.08)
    assert np.std(series.mean(axis=1)) == pytest.approx(expected, rel=0.15)


def test_each_point_of_a_curve_has_the_error_of_its_own_series() -> None:
    generator = np.random.default_rng(3)
    values = generator.normal(size=(500, 4)).cumsum(axis=0) * [0, 0, 0, 1] + generator.normal(
        size=(500, 4)
    )
    curve = average_curve(np.arange(4.0), values, x_unit="Å")
    assert curve.error is not None
    for k in range(4):
        assert curve.error[k] == average(values[:, k]).error
    assert curve.error[3] > 10 * curve.error[0]


def test_one_value_has_no_error_and_constant_values_have_none_to_speak_of() -> None:
    assert average([2.2]).error is None
    assert average_curve(np.arange(2.0), [[1.0, 2.0]]).error is None
    assert average([3.0] * 20).error == 0.0


def test_samples_count_once_each_however_long_they_are() -> None:
    found = combine([Estimate(1.0, 0.01, 1000, "Å"), Estimate(2.0, 0.01, 10, "Å")])
    assert (found.value, found.n, found.unit) == (1.5, 2, "Å")
    assert found.error == pytest.approx(0.5)  # the scatter: 0.7071/sqrt(2)
    agreeing = combine([Estimate(1.0, 0.3, 5), Estimate(1.0, 0.4, 5)])
    assert agreeing.error == pytest.approx(0.25)  # sqrt(0.3^2 + 0.4^2)/2, not 0
    assert combine([Estimate(1.0, 0.3, 5)]) == Estimate(1.0, 0.3, 5)
    with pytest.raises(DatasetError, match="no sample"):
        combine([])


def test_curves_of_samples_are_averaged_on_one_grid() -> None:
    x = np.array([1.0, 2.0])
    found = combine_curves(
        [Curve(x, np.array([0.0, 1.0]), None, 1), Curve(x, np.array([2.0, 1.0]), None, 1)]
    )
    assert found.y.tolist() == [1.0, 1.0]
    assert found.error is not None
    assert found.error == pytest.approx([1.0, 0.0])
    shorter = combine_curves([Curve(x, x, None, 1), Curve(x[:1], x[:1], None, 1)])
    assert shorter.x.tolist() == [1.0]
    with pytest.raises(DatasetError, match="different x"):
        combine_curves([Curve(x, x, None, 1), Curve(x + 1, x, None, 1)])


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(2.2034, 0.0123, 9, "g/cm3"), "2.203(12) g/cm3"),
        (Estimate(37.21, 4.4, 9, "GPa"), "37.2(44) GPa"),
        (Estimate(1234.0, 56.0, 9, "K"), "1234(56) K"),
        (Estimate(0.5, None, 1), "0.5"),
    ],
)
def test_estimates_are_written_as_in_print(estimate: Estimate, text: str) -> None:
    assert str(estimate) == text
