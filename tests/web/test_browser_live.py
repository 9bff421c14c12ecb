"""Pages on which something appears that was not there when they were opened, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from al_loop.loop.advance import advance
from al_loop.store import Store
from tests.glasses import put_silica, take_away
from tests.loop.test_late_labels import Hands
from tests.web.states import RUNNING, begin
from tests.web.test_browser import Window, open_window, window

__all__ = ["open_window", "window"]  # fixtures

pytestmark = pytest.mark.engine

PATIENCE = 30_000
NEW = "new"


@pytest.fixture
def without_glasses(states: Store) -> Iterator[None]:
    yield
    take_away(states, RUNNING)


@pytest.fixture
def unbegun(states: Store, tmp_path: Path) -> Iterator[str]:
    """A campaign that nobody has advanced yet."""
    begin(states, tmp_path, NEW)
    yield NEW
    states.delete_campaign(NEW)


def test_glasses_appear_and_change(
    window: Window, states: Store, tmp_path: Path, without_glasses: None
) -> None:
    campaign = window.visit(f"/campaigns/{RUNNING}/")
    glasses = window.visit(f"/campaigns/{RUNNING}/glass/")
    expect(glasses.get_by_text("None has been made.")).to_be_visible()
    expect(glasses.locator("#structure")).to_be_hidden()
    put_silica(states, RUNNING, 0, tmp_path)
    expect(campaign.get_by_role("heading", name="Glasses")).to_be_visible(timeout=PATIENCE)
    expect(glasses.get_by_role("row", name="density").first).to_contain_text(
        "2.2010(10)", timeout=PATIENCE
    )
    expect(glasses.locator("#structure canvas")).to_be_visible(timeout=PATIENCE)
    glasses.get_by_role("region", name="silica").focus()
    put_silica(states, RUNNING, 0, tmp_path, samples=2, density=2.35)
    expect(glasses.get_by_role("row", name="density").first).to_contain_text(
        "2.3500(10)", timeout=PATIENCE
    )
    expect(glasses.get_by_role("region", name="silica")).to_be_focused()


def test_the_first_iteration_appears(window: Window, states: Store, unbegun: str) -> None:
    page = window.visit(f"/campaigns/{unbegun}/")
    table = page.get_by_role("region", name="Iterations")
    expect(table).to_have_text("It has not begun.")
    hands = Hands()
    hands.hold = lambda job: True
    advance(states, unbegun, hands)
    expect(table.get_by_role("rowheader")).to_have_text("0", timeout=PATIENCE)
