"""`al-loop run`: submit, local workers, and somebody who looks after them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from fireworks import LaunchPad
from pymongo.errors import PyMongoError

from al_loop.campaign import CampaignSpec
from al_loop.launch.child import engines_of, preload_modules
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.reconcile import reconcile
from al_loop.launch.submit import register
from al_loop.launch.worker import Worker
from al_loop.launch.workflows import FireworksExecutor, remove_workflows
from al_loop.loop.advance import advance
from al_loop.store import CampaignRecord, Connection, Event, Store
from al_loop.store.faults import translate

TICK_SECONDS = 0.25
CARE_SECONDS = 5.0


def submit(connection: Connection, spec: CampaignSpec, *, base: Path) -> CampaignRecord:
    """Put a campaign up: any worker of this database may now carry it to its end.

    A campaign that is there already continues; one that had failed gets another chance.
    """
    with Store(connection) as store, open_launchpad(connection) as launchpad:
        record = register(store, spec, base=base)
        _revive(store, launchpad, record)
        reconcile(launchpad, spec.name)
        advance(store, spec.name, FireworksExecutor(launchpad))
    return record


def run(
    connection: Connection,
    spec: CampaignSpec,
    *,
    base: Path,
    cores: int,
    watch: Callable[[Store], None],
) -> CampaignRecord:
    """Run a campaign to its end on this machine, with ``cores`` workers.

    ``watch`` is called several times a second with the store. When this process ends, however
    it ends, its workers end too; the same call continues the campaign.
    """
    with Store(connection) as store, open_launchpad(connection) as launchpad:
        record = register(store, spec, base=base)
        _revive(store, launchpad, record)
        folder = Path(record.folder)
        preload = preload_modules(engines_of(spec))

        def hire() -> Worker:
            return Worker(connection, spec.name, preload=preload, log=folder / "workers.log")

        workers = [hire() for _ in range(cores)]
        try:
            _look_after(store, launchpad, workers, campaign=spec.name, hire=hire, watch=watch)
        except PyMongoError as error:
            raise translate(error, connection) from None
        finally:
            for worker in workers:
                worker.kill()
        return store.campaigns.get(spec.name) or record


def _look_after(
    store: Store,
    launchpad: LaunchPad,
    workers: list[Worker],
    *,
    campaign: str,
    hire: Callable[[], Worker],
    watch: Callable[[Store], None],
) -> None:
    """Until the campaign ends: replace dead workers, put back what they held, and watch."""
    executor = FireworksExecutor(launchpad)
    care = 0.0
    while store.campaigns.state(campaign) == "running":
        if time.monotonic() >= care:
            for i, worker in enumerate(workers):
                if not worker.is_alive():
                    text = "a worker died; a new one takes its place"
                    store.events.add(Event(campaign=campaign, kind="worker-died", text=text))
                    workers[i] = hire()
            reconcile(launchpad, campaign)
            advance(store, campaign, executor)
            care = time.monotonic() + CARE_SECONDS
        watch(store)
        time.sleep(TICK_SECONDS)
    watch(store)


def _revive(store: Store, launchpad: LaunchPad, record: CampaignRecord) -> None:
    """A campaign that had failed is tried again, with a clean sheet in FireWorks."""
    if record.state == "failed":
        remove_workflows(launchpad, record.name)
        store.campaigns.set_state(record.name, "running", "")
        store.events.add(Event(campaign=record.name, kind="campaign-revived", text=record.reason))
