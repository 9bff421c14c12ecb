"""A live view of a running campaign: a picture in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from al_loop.cli.tables import headline, iterations_table
from al_loop.loop.status import CampaignStatus, campaign_status
from al_loop.store import Event, Store

REFRESH_SECONDS = 1.0
OVERLAP = timedelta(seconds=2)
"""Of two events at nearly the same time the later one may be seen first."""
SHOWN = {
    "stage-complete": "",
    "stage-continues": "",
    "glass-failed": "red",
    "glass-stopped": "yellow",
    "campaign-ended": "bold",
    "campaign-failed": "red",
    "campaign-revived": "yellow",
    "label-failed": "yellow",
    "training-failed": "red",
    "walker-stopped": "dim",
    "worker-died": "red",
    "job-lost": "yellow",
    "job-damaged": "yellow",
    "mended": "yellow",
    "outage-over": "yellow",
}


class View:
    """Shows a campaign while it runs; called often, it looks at the store once a second."""

    def __init__(self, console: Console, campaign: str) -> None:
        self.console = console
        self.campaign = campaign
        self._started = time.monotonic()
        self._begin: datetime | None = None
        self._last: datetime | None = None
        self._seen: set[tuple[datetime, str]] = set()
        self._next = 0.0
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> View:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.update(Text())
            self._live.stop()

    def __call__(self, store: Store) -> None:
        """Look at the store, if it is time, and show what is new."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + REFRESH_SECONDS
        self.catch_up(store)
        record = store.campaigns.get(self.campaign)
        if self._live is not None and record is not None:
            self._live.update(_picture(campaign_status(store, record)), refresh=True)

    def catch_up(self, store: Store) -> None:
        """Tell what has happened since the last look; at the end, of what came after it, too."""
        if self._begin is None or self._last is None:
            shown = time.monotonic() - self._started + REFRESH_SECONDS
            self._begin = self._last = store.clock() - timedelta(seconds=shown)
        for event in store.events.since(self.campaign, max(self._begin, self._last - OVERLAP)):
            self._show(event)
            self._last = max(self._last, event.when)

    def _show(self, event: Event) -> None:
        key = (event.when, event.text)
        if key in self._seen or event.kind not in SHOWN:
            return
        self._seen.add(key)
        self.say(event.text, SHOWN[event.kind])

    def say(self, text: str, style: str = "yellow") -> None:
        """Print a line under the time since the start."""
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        self.console.print(Text(f"{minutes:3d}:{seconds:02d}  {text}", style))


def _picture(campaign: CampaignStatus) -> RenderableType:
    parts: list[RenderableType] = [Text(), headline(campaign)]
    if campaign.jobs and campaign.jobs.total:
        bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        stage = campaign.iterations[-1].stage
        bar.add_task(stage, total=campaign.jobs.total, completed=campaign.jobs.done)
        parts.append(bar)
    if campaign.iterations:
        parts += [Text(), iterations_table(campaign)]
    return Group(*parts)
