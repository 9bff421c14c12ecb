"""The page of a glass in a browser: on a phone, in the dark; and its figures."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from al_loop.glass import Curve, Estimate, Measurement
from al_loop.glass.compare import shipped_references
from al_loop.glass.compare.figures import draw_curve, draw_network
from al_loop.glass.compare.report import allowed, write_report
from tests.glass.test_compare import measured, reference

CHROMIUM = shutil.which("chromium")


def noisy_glass() -> Measurement:
    """One value of each state, two samples whose error bars are wider than what they measure."""
    values = {
        "density": Estimate(2.9, 0.001, 2, "g/cm3"),
        "si4": Estimate(100.0, 0.0, 2, "%"),
        "angle_Si-O-Si_peak": Estimate(153.9, 1.7, 2, "degree"),
        "rings_king_6": Estimate(0.6, 0.1, 2, ""),
        "qn_4": Estimate(99.0, 0.5, 2, "%"),
    }
    x = np.linspace(0.1, 8.0, 50)
    g = Curve(x, 1.0 + 0.9 * np.sin(3 * x), np.full(50, 0.2), 2, "Å")
    return measured(values, {"g_Si-O": g})


def wide_band() -> Curve:
    """Two samples: the 95 % band is 12.7 standard errors to each side."""
    x = np.linspace(0.0, 4 * np.pi, 101)
    return Curve(x, 1.0 + 0.5 * np.clip(np.sin(x), -0.4, 0.4), np.full(101, 0.2 / 2.5), 2, "1/Å")


@pytest.mark.engine
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: tests/system-packages")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 760, 1280])
def test_a_page_fits_its_window_and_can_be_read(tmp_path: Path, scheme: str, width: int) -> None:
    write_report(noisy_glass(), shipped_references(), tmp_path / "glass.html")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page.goto(f"file://{tmp_path}/glass.html")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
        contrast = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
        found = Axe().run(page, options=contrast)
        browser.close()
    assert found.violations_count == 0, found.generate_report()


def test_figures_do_not_show_fewer_than_none() -> None:
    """Error bars of two samples reach below zero, where there are neither rings nor atoms."""
    one = noisy_glass()
    figures = draw_network(one, shipped_references())
    assert figures["rings"].axes[0].get_ylim()[0] == 0.0
    assert draw_curve("g_Si-O", one.curves["g_Si-O"], []).axes[0].get_ylim()[0] == 0.0
    low, high = draw_curve("s_neutron", wide_band(), []).axes[0].get_ylim()
    assert (low, high) == pytest.approx((0.692, 1.308))  # the band goes from -0.2 to 2.2
    below = Curve(one.curves["g_Si-O"].x, np.sin(one.curves["g_Si-O"].x), None, 1)
    assert draw_curve("vacf_O", below, []).axes[0].get_ylim()[0] < -0.9


@pytest.mark.parametrize(
    ("value", "spread", "text"),
    [
        (2.2, 0.01, "2.2 ± 0.01 g/cm3"),
        (2.60641, 0.017, "2.606 ± 0.017 g/cm3"),
        (0.0046296, 0.059, "0.005 ± 0.059 g/cm3"),
        (2.2, 0.0, "2.2 ± 0 g/cm3"),
        (2.4e-5, 3e-6, "2.4e-05 ± 3e-06 g/cm3"),
    ],
)
def test_a_reference_has_no_more_digits_than_it_knows(
    value: float, spread: float, text: str
) -> None:
    assert allowed(reference(value=value, spread=spread).values[0]) == text
