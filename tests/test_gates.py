"""Gates: what can be said, and what a value with an error means to it."""

import math

import pytest

from al_loop.gates import Quantity, judge_value, parse_gate, parse_quantity

DENSITY = Quantity(2.2, 0.0, "g/cm3")


@pytest.mark.parametrize(
    ("words", "unit", "reference", "low", "high"),
    [
        ("2 %", "g/cm3", DENSITY, 2.156, 2.244),
        ("±2%", "g/cm3", DENSITY, 2.156, 2.244),
        ("2 %", "%", Quantity(97.0, 0.0, "%"), 95.0, 99.0),
        ("2 %", "g/cm3", Quantity(2.2, 0.01, "g/cm3"), 2.146, 2.254),
        ("0.03 1/Å", "1/Å", Quantity(1.52, 0.0, "1/Å"), 1.49, 1.55),
        ("0.03 Å-1", "1/Å", Quantity(1.52, 0.0, "1/A"), 1.49, 1.55),
        (">= 98 %", "%", None, 98.0, math.inf),
        ("<=0.1", "", None, -math.inf, 0.1),
        ("2.17 to 2.23 g/cm^3", "g/cm3", None, 2.17, 2.23),
        ("2.17 .. 2.23 g/cm3", "g/cm3", None, 2.17, 2.23),
        ("5 °", "°", Quantity(144.0, 0.0, "deg"), 139.0, 149.0),
        ("1.5e-2", "", Quantity(-1.0, 0.0, ""), -1.015, -0.985),
    ],
)
def test_words_say_between_which_values_a_value_must_lie(
    words: str, unit: str, reference: Quantity | None, low: float, high: float
) -> None:
    assert parse_gate(words).window(unit, reference) == pytest.approx((low, high))


@pytest.mark.parametrize("words", ["", "good", "> 98 %", "0 %", "-2 %", "3 to 2", "2 % 3", ">= x"])
def test_other_words_are_refused_with_what_can_be_said(words: str) -> None:
    with pytest.raises(ValueError, match=r"write `2 %`|first value|above zero"):
        parse_gate(words)


def test_units_and_references_must_fit() -> None:
    with pytest.raises(ValueError, match="is in Å, the observable in g/cm3"):
        parse_gate("0.1 Å").window("g/cm3", DENSITY)
    with pytest.raises(ValueError, match="there is none"):
        parse_gate("2 %").window("g/cm3")
    with pytest.raises(ValueError, match="the reference is in"):
        parse_gate("2 %").window("1/Å", DENSITY)
    assert parse_gate(">= 98 %").refuses("g/cm3") and not parse_gate("2 %").refuses("g/cm3")


def test_a_reference_may_have_a_spread() -> None:
    assert parse_quantity("2.20 +- 0.01 g/cm3") == Quantity(2.2, 0.01, "g/cm3")
    assert parse_quantity("2.20 g/cm3") == DENSITY
    assert parse_quantity("-3e-1") == Quantity(-0.3, 0.0, "")
    with pytest.raises(ValueError, match="no value such as"):
        parse_quantity("about 2")


@pytest.mark.parametrize(
    ("value", "error", "verdict"),
    [
        (2.20, 0.01, "passed"),  # t(0.9; 3 samples) = 1.886: 2.181 to 2.219
        (2.235, 0.01, "undecided"),
        (2.25, 0.01, "undecided"),
        (2.27, 0.01, "failed"),
        (2.10, 0.01, "failed"),
        (2.20, None, "undecided"),
        (2.20, 0.0, "passed"),
        (math.nan, 0.0, "failed"),
    ],
)
def test_a_value_within_its_error_of_an_end_is_undecided(
    value: float, error: float | None, verdict: str
) -> None:
    window = parse_gate("2 %").window("g/cm3", DENSITY)
    assert judge_value(value, error, window, samples=3) == verdict


def test_few_samples_need_a_wider_margin() -> None:
    """Student's t at 0.9: 3.078 for two samples, 1.638 for four, 1.282 (normal) for one run."""
    window, error = (-math.inf, 1.0), 0.1
    for samples, factor in ((2, 3.078), (4, 1.638), (1, 1.2816)):
        inside, outside = 1.0 - (factor + 0.01) * error, 1.0 - (factor - 0.01) * error
        assert judge_value(inside, error, window, samples=samples) == "passed"
        assert judge_value(outside, error, window, samples=samples) == "undecided"
