"""A glass against itself as an experiment up to some q shows it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad, trapezoid

from al_loop.errors import DatasetError
from al_loop.glass import Curve, Measurement
from al_loop.glass.compare import compare, read_references
from al_loop.glass.compare.figures import draw_all
from al_loop.glass.compare.resolution import at_resolution, peak_function
from al_loop.glass.measuring import Conditions
from al_loop.glass.structure import (
    Window,
    measured_correlation,
    pair_distributions,
    structure_factors,
)
from tests.glass.networks import silica_glass

SILICA = {"O": 2 / 3, "Si": 1 / 3}
R = np.arange(1.0, 6.0, 0.05)


@cache
def glass() -> Measurement:
    pairs = pair_distributions(silica_glass())
    curves = {
        "t_neutron": pairs.total_correlation(),
        "g_neutron": pairs.neutron(),
        "g_Si-O": pairs.partial("Si-O"),
    }
    at = Conditions("glass", SILICA, 300.0, 0.0, (192,), (1,), ("here",))
    return Measurement(at, {}, curves)


def experiment(q_max: float, window: Window) -> Curve:
    """T(r) of the same glass by way of S(q), which ends at ``q_max``."""
    pairs = pair_distributions(silica_glass())
    factors = structure_factors(pairs, q=np.arange(0.02, q_max + 0.01, 0.02), window="none")
    return measured_correlation(factors, r=R, q_max=q_max, window=window)


def write(path: Path, name: str, y: np.ndarray, *keys: str) -> Path:
    unit = "1/Å2" if name == "t_neutron" else "1"
    head = [f"# name: {name}", "# composition: SiO2", "# source: a beam", *keys]
    rows = [f"{a:.4f}, {b:.7f}" for a, b in zip(R, y, strict=True)]
    path.write_text("\n".join([*head, f"r (Å), y ({unit})", *rows]) + "\n")
    return path


@pytest.mark.parametrize("window", ["lorch", "none"])
@pytest.mark.parametrize("q_max", [20.0, 30.0, 45.0])
def test_a_glass_agrees_with_itself_at_an_experiments_resolution(
    tmp_path: Path, q_max: float, window: Window
) -> None:
    t = experiment(q_max, window)
    told = (f"# q_max: {q_max:g}", f"# window: {window}")
    file = write(tmp_path / "t.csv", "t_neutron", t.y, *told)
    (verdict,) = compare(glass(), read_references(file))
    assert verdict.alike is not None
    assert verdict.alike.r_chi < 0.02
    assert verdict.state == "inside"
    assert f"q up to {q_max:g}" in verdict.words
    drawn = draw_all(glass(), read_references(file))["Pair distributions"]["t_neutron"].axes[0]
    reference, ours = drawn.lines  # one over the other
    assert np.interp(R, *ours.get_data()) == pytest.approx(
        np.interp(R, *reference.get_data()), abs=0.03 * t.y.max()
    )
    # g of neutrons, T over its own straight line
    slope = 4 * np.pi * 192 / silica_glass().frames[0].get_volume()
    file = write(tmp_path / "g.csv", "g_neutron", t.y / (slope * R), *told)
    (verdict,) = compare(glass(), read_references(file))
    assert verdict.alike is not None
    assert verdict.alike.r_chi < 0.02
    if window == "lorch":  # without q_max the perfect glass is outside, and the words say why
        bare = write(tmp_path / "bare.csv", "t_neutron", t.y)
        (verdict,) = compare(glass(), read_references(bare))
        assert verdict.state == "outside"
        assert "as in `# q_max: 45`" in verdict.words


def test_a_sharp_distance_becomes_the_transform_of_the_window() -> None:
    """Against the integral itself; area 1; Lorch's width of 5.437 over q_max."""
    for window in ("lorch", "none"):
        for x in (0.0, 0.03, 0.2, 1.3):
            kind: Window = "lorch" if window == "lorch" else "none"
            shape = (lambda q: np.sinc(q / 25.0)) if window == "lorch" else (lambda q: 1.0)
            whole, _ = quad(lambda q, x=x, m=shape: m(q) * np.cos(q * x) / np.pi, 0.0, 25.0)
            assert peak_function(np.array([x]), 25.0, kind)[0] == pytest.approx(whole, abs=1e-7)
    x = np.linspace(-8.0, 8.0, 16001)
    y = peak_function(x, 25.0, "lorch")
    assert trapezoid(y, x) == pytest.approx(1.0, abs=1e-3)
    assert np.ptp(x[y > y.max() / 2]) == pytest.approx(5.437 / 25.0, abs=0.002)


def test_a_partial_g_keeps_its_area_and_errors_stay_with_it(tmp_path: Path) -> None:
    file = write(tmp_path / "g.csv", "g_Si-O", np.ones_like(R), "# q_max: 30")
    (reference,) = read_references(file).curves
    assert (reference.q_max, reference.window) == (30.0, "lorch")
    sharp = glass().curves["g_Si-O"]
    noisy = Curve(sharp.x, sharp.y, np.full_like(sharp.x, 0.1), 5, "Å", "")
    broad = at_resolution({"g_Si-O": noisy}, reference)
    assert broad.y.max() < 0.7 * sharp.y.max()
    areas = [
        trapezoid((one.x**2 * one.y)[one.x < 2.2], one.x[one.x < 2.2]) for one in (sharp, broad)
    ]
    assert areas[1] == pytest.approx(areas[0], rel=0.02)
    assert broad.error is not None
    assert broad.error[broad.x > 2.0] == pytest.approx(0.1, abs=0.02)
    assert broad.x[-1] == pytest.approx(sharp.x[-1] - 5.437 / 30.0, abs=0.03)


@pytest.mark.parametrize(
    ("name", "keys", "says"),
    [
        ("t_neutron", ("# q_max: -3",), "q_max -3"),
        ("t_neutron", ("# q_max: 30", "# window: hann"), "lorch or none"),
        ("t_neutron", ("# window: lorch",), "without q_max"),
        ("t_neutron", ("# q_max: far",), "'far' is no number"),
    ],
)
def test_a_wrong_resolution_is_explained(
    tmp_path: Path, name: str, keys: tuple[str, ...], says: str
) -> None:
    with pytest.raises(DatasetError, match=says):
        read_references(write(tmp_path / "t.csv", name, np.ones_like(R), *keys))


def test_a_curve_over_q_has_no_q_max(tmp_path: Path) -> None:
    file = tmp_path / "s_neutron.csv"
    file.write_text("# composition: SiO2\n# q_max: 30\nq (1/Å), S (1)\n1, 2\n2, 3\n")
    with pytest.raises(DatasetError, match="of curves over r"):
        read_references(file)
