from __future__ import annotations

from dataclasses import replace

import pytest

from al_loop.errors import DatasetError
from al_loop.glass import Estimate, Measurement
from al_loop.glass.compare import References, judge, parse_gate, parse_gates
from tests.glass.test_compare import curve_reference, density, measured, reference, wave


def verdict(
    text: str | float, found: Measurement, against: References, name: str = "density"
) -> tuple[str, float]:
    result = judge(parse_gates({name: text}), found, against)[0]
    assert result.words.startswith(f"{result.gate.name} {result.state}: ")
    return result.state, result.off


def test_two_percent_of_the_reference() -> None:
    assert verdict("2 %", density(2.24, 0.001), reference())[0] == "passed"  # 2.244 is the border
    assert verdict("2 %", density(2.24, 0.003), reference())[0] == "undecided"
    state, off = verdict("2 %", density(2.26, 0.003), reference())
    assert state == "failed"
    assert off == pytest.approx(0.016)
    state, off = verdict("2 %", density(2.1, 0.003), reference())
    assert off == pytest.approx(-0.056)
    assert verdict("0.05 g/cm3", density(2.25, None), reference())[0] == "passed"
    assert verdict("50 kg/m3", density(2.2501, None), reference())[0] == "failed"


def test_the_references_error_counts_too() -> None:
    """Errors of 0.006 and 0.008 make 0.01; two of them reach from 0.03 across 0.044."""
    sure = reference(spread=None, uncertainty=0.0)
    unsure = reference(spread=None, uncertainty=0.008)
    assert verdict("2 %", density(2.23, 0.006), sure)[0] == "passed"
    assert verdict("2 %", density(2.23, 0.006), unsure)[0] == "undecided"
    words = judge(parse_gates({"density": "2 %"}), density(2.23, 0.006), unsure)[0].words
    assert "the reference's own error" in words
    noisy = judge(parse_gates({"density": "2 %"}), density(2.23, 0.02), unsure)[0].words
    assert "measure more samples" in noisy


def test_bounds_need_no_reference() -> None:
    none = References()
    si4 = measured({"si4": Estimate(98.5, 0.2, 100, "%")})
    assert verdict(">= 98 %", si4, none, "si4") == ("passed", 0.0)
    assert verdict(">= 98.5 %", si4, none, "si4")[0] == "undecided"
    assert verdict(">= 99 %", si4, none, "si4") == ("failed", pytest.approx(-0.5))
    assert verdict("97 to 99 %", si4, none, "si4")[0] == "passed"
    assert verdict("<= 98", si4, none, "si4")[0] == "failed"
    at_the_border = measured({"si4": Estimate(98.0, 0.0, 5, "%")})
    assert verdict(">= 98 %", at_the_border, none, "si4")[0] == "passed"


def test_few_samples_decide_less() -> None:
    """0.5 from the border with an error of 0.15: t is 2.776 of five samples, 4.303 of three."""
    for n, state in ((5, "passed"), (3, "undecided")):
        si4 = measured({"si4": Estimate(98.5, 0.15, n, "%")})
        assert verdict(">= 98 %", si4, References(), "si4")[0] == state


def test_one_glass_passes_no_gate_and_fails_none() -> None:
    """Its hundred frames know it to 0.001 g/cm3; the next glass may be 0.02 away."""
    for value in (2.2, 2.21, 3.0):
        one = alone(density(value, 0.001))
        for text in ("2 %", "2.1 to 2.3 g/cm3", ">= 2.205"):
            (found,) = judge(parse_gates({"density": text}), one, reference())
            assert (found.state, found.because) == ("undecided", "one glass")
            assert found.words.startswith(f"density undecided: {found.measured}, asked for ")
            assert "two or more independent samples are needed" in found.words
    for shift in (0.0, 1.0):
        waves = alone(measured(curves={"s_neutron": wave(shift=shift)}))
        (found,) = judge(parse_gates({"s_neutron": "10 %"}), waves, curve_reference(wave()))
        assert (found.state, found.because) == ("undecided", "one glass")
        assert "R_chi" in found.words and "independent samples" in found.words
    for n, state in ((1, "undecided"), (2, "passed")):
        (found,) = judge(parse_gates({"density": "2 %"}), density(2.2, 0.001, n), reference())
        assert found.state == state


def test_a_melt_or_a_crystal_is_judged_by_one_sample() -> None:
    for phase in ("melt", "alpha-quartz"):
        one = alone(measured(density(2.2, 0.001).values, phase=phase))
        assert verdict("2 %", one, reference(phase=phase))[0] == "passed"
        assert verdict(">= 2.3", one, References())[0] == "failed"


def test_a_value_that_one_of_two_glasses_has_is_of_one_glass() -> None:
    """No peak is no value; no five-fold silicon is 0 %."""
    values = {
        "fsdp_position": Estimate(1.53, 0.001, 50, "1/Å"),
        "si5": Estimate(0.5, 0.01, 2, "%"),
        "rings_king_6": Estimate(0.5, 0.01, 2, ""),
    }
    two = replace(measured(values), by_sample=(dict.fromkeys(values, 1.0), {"density": 2.2}))
    gates = parse_gates({"fsdp": "<= 1.6", "si5": "<= 1 %", "rings_king_6": ">= 0.1"})
    peak, five, rings = judge(gates, two, References())
    assert (peak.state, peak.because) == ("undecided", "one glass")
    assert (five.state, rings.state) == ("passed", "passed")


def alone(found: Measurement) -> Measurement:
    """The same of a single sample."""
    at = replace(found.conditions, atoms=(192,), frames=(100,), sources=("here",))
    return replace(found, conditions=at)


def test_percent_of_a_percentage_is_points() -> None:
    gate = parse_gate("si4", "2 %")
    assert (gate.tolerance, gate.relative) == (2.0, False)
    assert parse_gate("density", "2 %").relative
    fsdp = parse_gate("fsdp", "0.03 1/Å")
    assert (fsdp.name, fsdp.tolerance, fsdp.relative) == ("fsdp_position", 0.03, False)
    assert parse_gate("fsdp", "0.3 1/nm").tolerance == pytest.approx(0.03)
    assert parse_gate("peak_O-Si", "0.02 Å").name == "peak_Si-O"


def test_a_curve_is_judged_by_r_chi() -> None:
    ours = measured(curves={"s_neutron": wave(shift=0.15)})
    against = curve_reference(wave())
    assert verdict("<= 0.2", ours, against, "s_neutron")[0] == "passed"
    assert verdict("20 %", ours, against, "s_neutron")[0] == "passed"
    assert verdict("R_chi <= 5 %", ours, against, "s_neutron")[0] == "failed"


def test_what_is_not_there_is_undecided_and_says_why() -> None:
    at = density(2.2, 0.01)
    no_reference = judge(parse_gates({"density": "2 %"}), at, References())[0]
    assert (no_reference.state, no_reference.because) == ("undecided", "no reference")
    hot = measured(at.values, temperature=1500.0)
    near = judge(parse_gates({"density": "2 %"}), hot, reference())[0]
    assert near.because == "no reference"
    assert "there is SiO2 at 300 K, 0 GPa" in near.words
    cold = Measurement(at.conditions, {}, {}, {"mechanics": "it needs a potential"})
    missing = judge(parse_gates({"bulk": ">= 30 GPa"}), cold, References())[0]
    assert missing.because == "not measured"
    assert "it needs a potential" in missing.words


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("b3", "there is no B in SiO2"),
        ("diffusion_Na", "there is no Na in SiO2"),
        ("young", "it needs a potential"),
        ("msd_O", "no times"),
        ("vdos", "no velocities"),
        ("rings_king_6", "it was not asked for, or the samples have no such thing"),
    ],
)
def test_a_gate_on_what_is_not_there_says_why_of_that_alone(name: str, says: str) -> None:
    missing = {
        "dynamics": "no times",
        "vdos": "no velocities",
        "mechanics": "it needs a potential",
    }
    found = replace(density(2.2, 0.01), missing=missing)
    asked = ">= 1" if not name.startswith(("msd", "vdos")) else "10 %"
    words = judge(parse_gates({name: asked}), found, References())[0].words
    assert words.endswith(f"undecided: not measured: {says}")


def test_experiment_goes_before_dft() -> None:
    both = reference(method="DFT", value=2.3) + reference()
    found = judge(parse_gates({"density": "2 %"}), density(2.2, 0.001), both)[0]
    assert found.state == "passed"
    assert found.reference is not None
    assert "2.2 g/cm3 within 2 % (a book)" in found.words


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("densty", "2 %", "did you mean density"),
        ("density", "2 GPa", "unit 'GPa'"),
        ("density", "about two", "not understood"),
        ("density", "2.3 to 2.1", "above the last"),
        ("density", "-2 %", "below zero"),
        ("density", "2", r"`2 %` or `2 g/cm3`"),
        ("density", 0.05, r"`0.05 %` or `0.05 g/cm3`"),
        ("si4", "2", r"`2 %`"),
        ("s_neutron", ">= 0.1", "not understood"),
    ],
)
def test_a_wrong_gate_is_explained(name: str, text: str, says: str) -> None:
    with pytest.raises(DatasetError, match=says) as caught:
        parse_gates({name: text})
    assert caught.value.where == name
