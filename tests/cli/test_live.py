"""What `al-loop run` tells while a campaign runs."""

from __future__ import annotations

import io
from datetime import timedelta

from rich.console import Console

from al_loop.cli.live import View
from al_loop.store import Event, Store


def test_everything_is_told_once_also_what_happens_after_the_last_look(store: Store) -> None:
    page = io.StringIO()

    def happens(text: str) -> None:
        store.events.add(Event(campaign="silica", kind="stage-complete", text=text))

    with View(Console(file=page, width=100), "silica") as view:
        happens("iteration 0 train")
        view(store)
        happens("iteration 0 explore")
        view(store)  # too soon to look again
        assert "iteration 0 explore" not in page.getvalue()
    view.catch_up(store)
    view.catch_up(store)
    told = [line.split(maxsplit=1)[1] for line in page.getvalue().splitlines()]
    assert told == ["iteration 0 train", "iteration 0 explore"]


def test_what_happened_before_the_run_is_not_told(store: Store) -> None:
    page = io.StringIO()
    before = store.clock() - timedelta(minutes=1)
    store.events.add(Event(campaign="silica", kind="stage-complete", text="before", when=before))
    View(Console(file=page), "silica").catch_up(store)
    assert page.getvalue() == ""
