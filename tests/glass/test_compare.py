from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.integrate import trapezoid

from al_loop.errors import DatasetError
from al_loop.glass import Curve, Estimate, Measurement
from al_loop.glass.compare import (
    Reference,
    ReferenceCurve,
    References,
    Subject,
    caution,
    compare,
    from_measurement,
    overlap,
    r_chi,
    read_references,
    shipped_references,
)
from al_loop.glass.compare.figures import draw_curve, draw_network, write_figures
from al_loop.glass.compare.report import render_report
from al_loop.glass.measuring import OBSERVABLES, Conditions

SILICA = {"O": 2 / 3, "Si": 1 / 3}


def measured(
    values: dict[str, Estimate] | None = None,
    curves: dict[str, Curve] | None = None,
    *,
    phase: str = "glass",
    temperature: float | None = None,
    fractions: dict[str, float] | None = None,
) -> Measurement:
    """Of as many samples as went into the values."""
    values, curves = values or {}, curves or {}
    n = max([one.n for one in (*values.values(), *curves.values())], default=1)
    at = Conditions(phase, fractions or SILICA, temperature, 0.0, (192,) * n, (1,) * n, ("",) * n)
    return Measurement(at, values, curves)


def density(value: float, error: float | None, n: int = 100) -> Measurement:
    return measured({"density": Estimate(value, error, n, "g/cm3")})


def reference(**more: object) -> References:
    base = {"composition": {"SiO2": 100}, "method": "experiment", "source": "a book"}
    value = {"name": "density", "value": 2.2, "unit": "g/cm3", "spread": 0.04}
    return References((Reference.model_validate({**base, **value, **more}),))


def test_a_value_is_inside_outside_or_across_the_border() -> None:
    inside = compare(density(2.22, 0.009), reference())[0]
    assert (inside.state, inside.off) == ("inside", 0.0)
    across = compare(density(2.23, 0.009), reference())[0]
    assert (across.state, across.off) == ("undecided", 0.0)
    assert across.words == "undecided: ±0.018 g/cm3 (95 %) reaches across the border"
    beyond = compare(density(2.25, 0.009), reference())[0]  # 2.232 is still inside
    assert beyond.state == "undecided"
    assert beyond.off == pytest.approx(0.01)
    outside = compare(density(2.27, 0.009), reference())[0]
    assert outside.state == "outside"
    assert outside.off == pytest.approx(0.03)
    assert "0.03 g/cm3 too high" in outside.words


@pytest.mark.parametrize(("n", "t"), [(2, 12.706), (3, 4.303), (4, 3.182), (5, 2.776), (10, 2.262)])
def test_the_error_bar_of_few_samples_is_students(n: int, t: float) -> None:
    """t of n - 1 degrees of freedom, 97.5 %, as in printed tables."""
    bar = Estimate(2.2, 0.001, n).bar
    assert bar == pytest.approx(0.001 * t, abs=6e-7)  # three decimals
    for edge, state in ((0.04 - bar - 1e-6, "inside"), (0.04 - bar + 1e-6, "undecided")):
        assert compare(density(2.2 + edge, 0.001, n), reference())[0].state == state


def test_the_error_bar_of_many_or_one_is_two_standard_errors() -> None:
    assert Estimate(1.0, 0.5, 1).bar == Estimate(1.0, 0.5, 100).bar == 1.0
    assert Estimate(1.0, 0.1, 30).bar == pytest.approx(0.2045, abs=1e-4)
    assert Estimate(1.0, None, 3).bar == 0.0


def test_the_border_itself_is_inside() -> None:
    assert compare(density(2.24, None), reference())[0].state == "inside"
    alone = compare(density(2.2400001, None), reference())[0]
    assert alone.state == "outside"
    assert "no error bar" in alone.words


def test_of_one_glass_the_verdicts_come_with_a_caution() -> None:
    """Its 100 frames are no 100 glasses."""
    many = density(2.22, 0.009)
    assert caution(many, compare(many, reference())) == ""
    one = replace(many, conditions=replace(many.conditions, atoms=(192,)))
    verdicts = compare(one, reference())
    assert verdicts[0].state == "inside"
    words = caution(one, verdicts)
    assert words.startswith("one glass does not tell the scatter between glasses: error bars")
    assert caution(one, []) == ""
    page = render_report(one, reference())
    assert f"O{words[1:]}." in page and "scatter" not in render_report(many, reference())
    melt = replace(one, conditions=replace(one.conditions, phase="melt"))
    assert caution(melt, compare(melt, reference(phase="melt"))) == ""
    two = replace(
        measured({"density": Estimate(2.2, 0.01, 50, "g/cm3"), "si4": Estimate(99, 1, 2, "%")}),
        by_sample=({"si4": 98.0, "density": 2.2}, {}),
    )
    against = reference() + reference(name="si4", value=100.0, unit="%")
    words = caution(two, compare(two, against))  # no Si-4 is 0 %, no density is no density
    assert "between glasses (density): " in words
    note = from_measurement(one, source="aimd").values[0].note
    assert "one glass" in note and not from_measurement(many, source="aimd").values[0].note


def test_both_error_bars_count() -> None:
    """3-4-5: errors of 0.03 and 0.04 make 0.05."""
    both = compare(density(2.3, 0.03), reference(spread=None, uncertainty=0.04))[0]
    assert both.sigmas == pytest.approx(2.0)
    assert both.state == "undecided"  # half width 0.08, 0.1 away with a bar of 0.06
    assert both.deviation == pytest.approx(0.1)


def test_references_are_of_one_substance() -> None:
    found = reference(phase="alpha-quartz")
    assert compare(density(2.2, 0.01), found) == []
    quartz = measured({"density": Estimate(2.2, 0.01, 2, "g/cm3")}, phase="alpha-quartz")
    assert len(compare(quartz, found)) == 1
    sodium = {"O": 0.61, "Si": 0.22, "Na": 0.17}
    assert compare(measured(quartz.values, fractions=sodium), reference()) == []
    hot = measured(quartz.values, temperature=3600.0)
    assert compare(hot, reference()) == []
    assert len(compare(hot, reference(temperature=3500.0))) == 1


def test_r_chi_and_overlap_by_hand() -> None:
    ours, theirs = np.array([1.0, 2.0, 2.0]), np.array([1.0, 2.0, 4.0])
    assert r_chi(theirs, ours) == pytest.approx(np.sqrt(4.0 / 21.0))
    assert r_chi(theirs, theirs) == 0.0
    x = np.linspace(0.0, 3.0, 3001)
    one = np.where(x <= 2.0, 0.5, 0.0)
    other = np.where(x >= 1.0, 0.5, 0.0)
    assert overlap(x, one, other) == pytest.approx(0.5, abs=1e-3)  # half of each is common
    assert overlap(x, one, one) == 1.0
    assert overlap(x, np.where(x < 1, 1.0, 0.0), np.where(x > 2, 1.0, 0.0)) == 0.0


def wave(shift: float = 0.0, error: float | None = None) -> Curve:
    x = np.arange(0.5, 10.0, 0.05)
    y = 1.0 + np.sin(x - shift)
    return Curve(x, y, None if error is None else np.full_like(x, error), 3, "1/Å", "")


def curve_reference(curve: Curve, **more: object) -> References:
    subject = Subject(composition={"SiO2": 100}, method="experiment", source="a paper")
    return References(
        curves=(ReferenceCurve("s_neutron", subject, curve.x, curve.y, curve.error, 0.1, **more),)
    )


def test_a_curve_beside_itself_gives_zero() -> None:
    found = compare(measured(curves={"s_neutron": wave()}), curve_reference(wave()))[0]
    assert found.state == "inside"
    assert found.alike is not None
    assert (found.alike.r_chi, found.alike.overlap) == (0.0, 1.0)
    tripled = Curve(wave().x, 3.0 * wave().y, None, 1, "1/Å", "")
    run = measured(curves={"s_neutron": tripled})
    shape = compare(run, curve_reference(wave(), scaled=True))[0]
    assert shape.alike is not None
    assert shape.alike.r_chi == pytest.approx(0.0, abs=1e-12)
    whole = compare(run, curve_reference(wave()))[0]
    assert whole.alike is not None
    assert whole.alike.r_chi == pytest.approx(2.0)  # (3y - y)/y
    assert whole.state == "outside"


def test_noise_of_a_curve_is_not_held_against_it() -> None:
    moved = {"s_neutron": wave(shift=0.25)}
    sure = compare(measured(curves=moved), curve_reference(wave()))[0]
    assert sure.state == "outside"
    noisy = {"s_neutron": wave(shift=0.25, error=0.15)}
    unsure = compare(measured(curves=noisy), curve_reference(wave()))[0]
    assert unsure.state == "undecided"


def test_curves_that_hardly_meet_are_not_compared() -> None:
    short = Curve(np.arange(0.5, 0.7, 0.05), np.ones(4), None, 1, "1/Å", "")
    found = compare(measured(curves={"s_neutron": wave()}), curve_reference(short))[0]
    assert found.state == "undecided"
    assert "4 points" in found.words


def test_a_csv_with_units(tmp_path: Path) -> None:
    file = tmp_path / "susman.csv"
    file.write_text(
        "# name: s_neutron\n# composition: SiO2\n# source: mine\n# temperature: 290\n"
        "q (1/nm), S (1), error (1)\n15, 1.4, 0.1\n10, 0.5, 0.1\n"
    )
    curve = read_references(file).curves[0]
    assert list(curve.x) == [1.0, 1.5]
    assert list(curve.y) == [0.5, 1.4]
    assert curve.error is not None
    assert curve.subject.source == "mine"
    assert curve.subject.temperature == 290.0
    vdos = tmp_path / "vdos.csv"
    vdos.write_text(
        "# composition: SiO2 67, Na2O 33\nf (1/cm), g (cm)\n" + "100, 0.001\n200, 0.002\n"
    )
    shape = read_references(vdos).curves[0]
    assert shape.x[0] == pytest.approx(2.99792458)
    assert trapezoid(shape.y, shape.x) == pytest.approx(0.15)
    assert shape.subject.fractions["Na"] == pytest.approx(0.22)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("q (1/Å), S (1)\n1, 2\n2, 3\n", "composition"),
        ("# composition: SiO2\nq, S\n1, 2\n", "units"),
        ("# composition: SiO2\nq (K), S (1)\n1, 2\n2, 2\n", "unit 'K'"),
        ("# composition: SiO2\nq (1/Å), S (1)\n1, 2\n1, 3\n", "same x"),
        ("# composition: SiO2\nq (1/Å), S (1)\n1, zwei\n1, 3\n", "'zwei' is no number"),
        ("# composition: SiO2\n# flavour: hot\nq (1/Å), S (1)\n1, 2\n2, 3\n", "flavour"),
        ("# name: s_neutrn\n", "did you mean s_neutron"),
        ("", "there are no numbers"),
        ("# composition: SiO2 half\nq (1/Å), S (1)\n1, 2\n2, 3\n", "'half' is no number"),
        ("# composition: Xy2\nq (1/Å), S (1)\n1, 2\n2, 3\n", "'Xy2' is no formula"),
        ("# composition: SiO2\n# tolerence: 1\nq (1/Å), S (1)\n1, 2\n2, 3\n", "no such key"),
    ],
)
def test_a_wrong_csv_is_explained(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "s_neutron.csv"
    file.write_text(text)
    with pytest.raises(DatasetError, match=says):
        read_references(file)


def test_a_csv_of_no_name_is_asked_for_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("# composition: SiO2\nq (1/Å), S (1)\n1, 2\n2, 3\n")
    with pytest.raises(DatasetError, match=r"no line `# name: \.\.\.`"):
        read_references(file)


@pytest.mark.parametrize(
    ("text", "sodium"), [("SiO2", 0.0), ("SiO2 67, Na2O 33", 0.22), ("Na2Si2O5", 2 / 9)]
)
def test_a_composition_is_text_in_yaml_as_in_csv(tmp_path: Path, text: str, sodium: float) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        f"composition: {text}\nmethod: DFT\nsource: me\n"
        "values: [{name: density, value: 2.2, unit: g/cm3, spread: 0.02}]\n"
    )
    fractions = read_references(file).values[0].fractions
    assert fractions.get("Na", 0.0) == pytest.approx(sodium)
    assert sum(fractions.values()) == pytest.approx(1.0)


def test_yaml_values_take_what_they_lack_from_their_table(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "composition: {SiO2: 100}\nmethod: DFT\nsource: me\n"
        "values:\n- {name: density, value: 2200, unit: kg/m3, spread: 20}\n"
        "tables:\n- temperature: 3600\n  values:\n"
        "  - {name: diffusion_Si, value: 8.0e-6, unit: cm2/s, spread: 1.0e-6}\n"
    )
    values = read_references(file).values
    assert (values[0].value, values[0].spread, values[0].unit) == (2.2, 0.02, "g/cm3")
    assert values[1].temperature == 3600.0
    file.write_text(file.read_text().replace("spread: 20", "sprad: 20"))
    with pytest.raises(DatasetError, match="density: sprad"):
        read_references(file)


def test_a_crystal_at_rest_is_held_against_what_covers_its_heat(tmp_path: Path) -> None:
    """DFT is of a crystal at rest; an experiment counts with its spread, never without."""
    file = tmp_path / "mine.yaml"
    file.write_text(
        "composition: {SiO2: 100}\nphase: alpha-quartz\nmethod: experiment\nsource: me\nvalues:\n"
        "- {name: lattice_a, value: 4.916, uncertainty: 0.001, spread: 0.03, unit: Å}\n"
        "- {name: lattice_a, value: 5.030, uncertainty: 0.01, unit: Å, method: DFT}\n"
        "- {name: lattice_c, value: 5.405, uncertainty: 0.001, unit: Å}\n"
        "- {name: density, value: 2.2, spread: 0.02, unit: g/cm3, phase: glass}\n"
    )
    references = read_references(file)
    values = {
        "lattice_at_rest_a": Estimate(4.94, None, 1, "Å"),
        "lattice_at_rest_c": Estimate(5.405, None, 1, "Å"),
        "density_at_rest": Estimate(2.2, None, 1, "g/cm3"),
    }
    found = compare(measured(values, phase="alpha-quartz"), references)
    told = [(one.name, one.reference.subject.method, one.state) for one in found]
    assert told == [
        ("lattice_at_rest_a", "experiment", "inside"),
        ("lattice_at_rest_a", "DFT", "outside"),
    ]
    assert "heat" in found[0].reference.subject.note
    assert compare(measured(values), references) == []


def test_energies_are_compared_from_their_lowest_point() -> None:
    """k x² beside 1.2 k x² + 7 eV: R_chi is 0.2/1.2, and both touch zero in the figure."""
    x = np.linspace(12.0, 14.0, 11)
    ours = Curve(x, 0.1 * (x - 13.0) ** 2 - 19.0, None, 1, "Å3/atom", "eV/atom")
    subject = reference().values[0].subject
    theirs = ReferenceCurve("energy_volume", subject, x, 0.12 * (x - 13.0) ** 2 - 12.0, None, 0.1)
    found = compare(measured(curves={"energy_volume": ours}), References(curves=(theirs,)))[0]
    assert found.alike is not None
    assert found.alike.r_chi == pytest.approx(1 / 6)
    assert found.state == "outside"
    drawn = [line.get_ydata() for line in draw_curve("energy_volume", ours, [theirs]).axes[0].lines]
    assert [min(one) for one in drawn] == pytest.approx([-19.0, -19.0])
    other = measured({"eos_energy": Estimate(-19.0, 0.1, 7, "eV/atom")}, {"energy_volume": ours})
    assert from_measurement(other, source="dft.json").values == ()


def test_another_measurement_is_a_reference() -> None:
    dft = measured({"density": Estimate(2.21, 0.01, 4, "g/cm3")}, {"s_neutron": wave()})
    found = from_measurement(dft, source="dft.json")
    verdicts = compare(
        measured({"density": Estimate(2.2, 0.001, 4, "g/cm3")}, {"s_neutron": wave()}), found
    )
    assert [one.state for one in verdicts] == ["inside", "inside"]
    fixed = from_measurement(measured({"density": Estimate(2.2, 0.0, 4, "g/cm3")}), source="nvt")
    assert compare(density(2.2000001, 0.0), fixed)[0].state == "inside"


def test_a_reference_of_two_samples_is_as_wide_as_students_t() -> None:
    """Two values with a standard error of 0.01: 12.71 of it to each side (any table of t)."""
    two = from_measurement(measured({"density": Estimate(2.2, 0.01, 2, "g/cm3")}), source="dft")
    assert two.values[0].half_width == pytest.approx(0.1271, abs=1e-4)
    assert compare(density(2.3, 0.001), two)[0].state == "inside"


def test_a_network_without_rings_is_drawn_without_them() -> None:
    """An invert glass has no rings: the page must not fail on it."""
    none = {"rings_king_3": Estimate(0.0, None, 1), "qn_0": Estimate(100.0, None, 1, "%")}
    found = draw_network(measured(none), References())
    assert list(found) == ["qn"]
    qn = found["qn"]
    assert qn.axes[0].get_title(loc="left") == "Qn (%)"


def test_figures_are_files_for_a_paper(tmp_path: Path) -> None:
    """PDF and PNG of each curve and of the network, the same bytes each time."""
    x = np.linspace(0.0, 3.0, 4)
    curves = {
        "s_neutron": wave(),
        "stress_strain": Curve(x / 100, 0.7 * x, None, 1, "", "GPa"),
        "diffusion_temperature_Li": Curve(x + 1000, 1e-5 * x, None, 1, "K", "cm2/s"),
    }
    found = measured({"qn_4": Estimate(100.0, 1.0, 3, "%")}, curves)
    once = write_figures(found, References(), tmp_path / "a")
    again = write_figures(found, References(), tmp_path / "b")
    assert {one.name for one in once} == {
        f"{name}.{kind}" for name in (*curves, "qn") for kind in ("pdf", "png")
    }
    assert [one.read_bytes() for one in once] == [one.read_bytes() for one in again]
    assert all(one.read_bytes().startswith(b"%PDF") for one in once if one.suffix == ".pdf")
    with Image.open(tmp_path / "a" / "s_neutron.png") as picture:
        assert picture.size == (1380, 900)  # 4.6 by 3.0 inches
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_every_named_curve_can_be_drawn() -> None:
    x = np.linspace(0.0, 3.0, 4)
    for one in OBSERVABLES:
        if one.kind == "curve":
            name = re.sub("<pair>", "Si-O", re.sub("<angle>", "Si-O-Si", one.form))
            name = name.replace("<X>", "Si").replace("<species>", "si5")
            axes = draw_curve(name, Curve(x, x + 1.0, None, 1, one.x_unit, one.unit), []).axes[0]
            assert axes.get_xlabel() and axes.get_ylabel() and axes.get_title(loc="left")


def test_a_shape_is_drawn_as_it_is_compared() -> None:
    """A scaled reference that covers a part of the range lies on the same curve there."""
    x = np.linspace(0.0, 40.0, 401)
    ours = Curve(x, np.exp(-((x - 20) ** 2) / 200), None, 1, "THz", "1/THz")
    subject = reference().values[0].subject
    part = ReferenceCurve("vdos", subject, x[200:], 7.0 * ours.y[200:], None, 0.1, scaled=True)
    theirs, mine = draw_curve("vdos", ours, [part]).axes[0].lines
    assert theirs.get_ydata() == pytest.approx(mine.get_ydata()[200:])


def test_shipped_references_are_whole() -> None:
    found = shipped_references()
    assert len({(one.name, one.phase) for one in found.values}) > 1
    for one in found.values:
        assert one.source
        assert one.half_width > 0.0
        assert sum(one.fractions.values()) == pytest.approx(1.0)


def test_shipped_references_belong_to_one_glass_each() -> None:
    """Urata 2022, table 1; Pedone 2025, table of densities; Davis 2010."""
    found = shipped_references()
    densities = [one for one in found.values if one.name == "density" and one.method != "DFT"]
    for mine in densities:
        at = Conditions(mine.phase, mine.fractions, mine.temperature, 0.0, (1,), (1,), ("",))
        best = found.of(at).best("density")
        assert best is not None
        assert best.composition == mine.composition
    assert len(densities) == 1 + 7 + 11 + 5 + 8
    lbs = found.of(glass_of({"Si": 20, "B": 120, "Li": 40, "O": 240}))
    boron, rho = lbs.best("b4"), lbs.best("density")
    assert boron is not None and rho is not None
    assert (boron.value, rho.value) == (36.7, 2.21)
    soda = found.of(glass_of({"Si": 50, "Na": 100, "O": 150}))
    connected, half = soda.best("qn_mean"), soda.best("non_bridging_oxygen")
    assert connected is not None and half is not None
    assert connected.value == pytest.approx(2.0)  # metasilicate: chains
    assert half.value == pytest.approx(200 / 3, abs=0.01)


def test_a_small_box_finds_the_nearest_glass() -> None:
    """22 of 100 soda: NS20 is 0.013 away in fractions of atoms, NS22.5 is 0.003."""
    near = glass_of({"Si": 78, "Na": 44, "O": 178})
    best = shipped_references().of(near).best("density")
    assert best is not None
    assert best.composition == {"SiO2": 77.5, "Na2O": 22.5}
    between = glass_of({"Si": 75, "Na": 50, "O": 175})
    assert shipped_references().of(between).values == ()


def glass_of(counts: dict[str, int]) -> Conditions:
    total = sum(counts.values())
    shares = {element: n / total for element, n in counts.items()}
    return Conditions("glass", shares, None, 0.0, (total,), (1,), ("here",))
