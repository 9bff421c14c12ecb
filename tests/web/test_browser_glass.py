"""The glasses of a campaign and a learning curve, drawn in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from al_loop.store import Store
from tests.web.states import ENDED
from tests.web.test_browser import PHONE, Window, open_window, window

__all__ = ["open_window", "window"]  # fixtures

pytestmark = pytest.mark.engine

PIXELS = """canvas => {
  const seen = new Set();
  const d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  for (let i = 0; i < d.length; i += 4) if (d[i + 3] === 255) seen.add(d.slice(i, i + 3).join());
  const css = getComputedStyle(document.documentElement);
  const lines = ['blue', 'orange'].map(name => css.getPropertyValue(`--${name}`).trim());
  const rgb = lines.map(hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16)).join());
  return rgb.map(one => seen.has(one));
}"""
"""Whether there are a blue and an orange line."""


def lines_of(chart: Locator) -> list[bool]:
    """Whether a chart has drawn its own line, and one to compare with."""
    expect(chart.locator("canvas")).to_be_visible()
    found: list[bool] = chart.locator("canvas").evaluate(PIXELS)
    return found


def dashes_of(chart: Locator) -> list[str]:
    """Of the lines in the legend."""
    keys = "keys => keys.map(key => key.getAttribute('stroke-dasharray'))"
    found: list[str] = chart.locator(".u-legend svg line").evaluate_all(keys)
    return found


def test_a_glass_is_drawn_beside_what_was_published(window: Window) -> None:
    page = window.visit(f"/campaigns/{ENDED}/glass/0/")
    gates = page.get_by_role("region", name="Gates")
    expect(gates.get_by_role("row").filter(has_text="length_Si-O")).to_contain_text("failed")
    curve = page.get_by_role("combobox", name="curve")
    expect(curve.locator("option").nth(0)).to_have_text("g(r), Si-O")
    expect(curve.locator("option").nth(1)).to_have_text("S(q), neutrons")
    chart = page.locator("#structure")
    for name in ("g_Si-O", "s_neutron"):
        curve.select_option(name)
        assert dashes_of(chart) == ["", "8 4"]
        expect(chart.locator(".u-legend")).to_contain_text("another box (2026)")
        assert lines_of(chart) == [True, True], name
    curve.select_option("angle_Si-O-Si")
    expect(chart.locator(".u-legend")).not_to_contain_text("another box")
    assert lines_of(chart) == [True, False]
    page.locator(".numbers summary").click()
    heads = page.locator(".numbers").get_by_role("columnheader")
    expect(heads).to_have_text(["angle (degrees)", "these glasses"])


def test_a_learning_curve_is_drawn(window: Window, states: Store) -> None:
    (model, *_) = states.models.of_iteration(ENDED, 0)
    page = window.visit(f"/campaigns/{ENDED}/models/0/{model.member}/", viewport=PHONE)
    for chart in ("curve", "energy-curve"):
        assert lines_of(page.locator(f"#{chart}")) == [True, True], chart
        assert dashes_of(page.locator(f"#{chart}")) == ["", "8 4"]
    # Three kinds of points, told apart by their form.
    legend = page.locator("#energies .u-legend")
    expect(legend.locator("circle")).to_have_count(2)
    expect(legend.locator("rect")).to_have_count(1)
    fills = "all => all.map(one => one.getAttribute('fill') === one.getAttribute('stroke'))"
    assert legend.locator("circle").evaluate_all(fills) == [True, False]
