"""`al-loop run`: submit, local workers, and somebody who looks after them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from fireworks import LaunchPad

from al_loop.campaign import CampaignSpec
from al_loop.launch.child import engines_of, preload_modules
from al_loop.launch.crew import Crew
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.mending import PATIENCE, mend
from al_loop.launch.outage import Outage
from al_loop.launch.submit import register
from al_loop.launch.worker import Worker
from al_loop.launch.workflows import FireworksExecutor
from al_loop.loop.context import Context
from al_loop.store import CampaignRecord, Connection, Event, Store

TICK_SECONDS = 0.25
OUTAGE_SECONDS = 1.0
CARE_SECONDS = 5.0
THOROUGH_SECONDS = 60.0
"""Between two passes that look at every folder of a job that is due."""

LOOK_SECONDS = 2.0
"""How long one look at the database may take, before it is called away."""


def submit(connection: Connection, spec: CampaignSpec, *, base: Path) -> CampaignRecord:
    """Put a campaign up: any worker of this database may now carry it to its end.

    A campaign that is there already continues; one that had failed gets another chance.
    """
    with Store(connection) as store, open_launchpad(connection) as launchpad:
        record = register(store, spec, base=base)
        _revive(store, launchpad, record)
        mend(store, launchpad, spec.name, patience=PATIENCE)
    return record


def run(
    connection: Connection,
    spec: CampaignSpec,
    *,
    base: Path,
    cores: int,
    watch: Callable[[Store], None],
    say: Callable[[str], None] = lambda _: None,
    restart: Callable[[], object] | None = None,
) -> CampaignRecord:
    """Run a campaign to its end on this machine, with ``cores`` workers.

    ``watch`` is called several times a second with the store. When this process ends, however
    it ends, its workers end too; the same call continues the campaign.

    While the database is away or the disk full, this waits: ``say`` is told so once, and
    ``restart`` (for a database of one's own) is called every few seconds to start it again.
    """
    hurried = connection.with_patience(LOOK_SECONDS)
    with Store(hurried) as store, open_launchpad(hurried) as launchpad:
        record = register(store, spec, base=base)
        _revive(store, launchpad, record)
        folder = Path(record.folder)
        preload = preload_modules(engines_of(spec))

        def hire() -> Worker:
            return Worker(connection, spec.name, preload=preload, log=folder / "workers.log")

        crew = Crew(hire, cores)
        outage = Outage(hurried, say=say, restart=restart)
        try:
            return _look_after(
                store, launchpad, crew, campaign=spec.name, watch=watch, outage=outage
            )
        finally:
            crew.kill()


def _look_after(
    store: Store,
    launchpad: LaunchPad,
    crew: Crew,
    *,
    campaign: str,
    watch: Callable[[Store], None],
    outage: Outage,
) -> CampaignRecord:
    """Until the campaign ends: replace dead workers, put back what they held, and watch."""
    care = thorough = 0.0
    while True:
        with outage.waited_out():
            record = store.campaigns.get(campaign)
            assert record is not None
            for _ in range(crew.replace_dead()):
                text = "a worker died; a new one takes its place"
                store.events.add(Event(campaign=campaign, kind="worker-died", text=text))
                care = 0.0
            if outage.is_on or time.monotonic() >= care:
                mend(store, launchpad, campaign, urgent_only=time.monotonic() < thorough)
                if time.monotonic() >= thorough:
                    thorough = time.monotonic() + THOROUGH_SECONDS
                care = time.monotonic() + CARE_SECONDS
            if text := outage.over():
                store.events.add(Event(campaign=campaign, kind="outage-over", text=text))
            watch(store)
            if record.state not in ("running", "paused"):
                return record
        time.sleep(OUTAGE_SECONDS if outage.is_on else TICK_SECONDS)


def _revive(store: Store, launchpad: LaunchPad, record: CampaignRecord) -> None:
    """A campaign that had failed is tried again, with a clean sheet in FireWorks."""
    if record.state == "failed":
        FireworksExecutor(launchpad).withdraw(Context(store, record.name))
        store.campaigns.set_state(record.name, "running", "")
        store.events.add(Event(campaign=record.name, kind="campaign-revived", text=record.reason))
