"""Campaigns: what only a person can put right."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from al_loop.launch.doctor.disk import free_bytes
from al_loop.launch.doctor.report import CampaignFigures, Finding
from al_loop.launch.launchpad import CAMPAIGN
from al_loop.launch.mending import Scene
from al_loop.store import CampaignRecord, JobRecord
from al_loop.taxonomy import fault

_BY_HAND = {"PAUSED": "paused-by-hand", "DEFUSED": "defused-by-hand"}
_LOOKS, _BETWEEN = 3, 0.4
_RECENT = timedelta(hours=6)
_SHOWN = 3


def figures(scene: Scene, record: CampaignRecord) -> CampaignFigures:
    """How many jobs wait and run, on how many workers, and the room on disk."""
    count = scene.launchpad.fireworks.count_documents
    running = scene.launchpad.fireworks.find(
        {CAMPAIGN: record.name, "state": "RUNNING"}, {"launches": 1}
    )
    launches = [fw["launches"][-1] for fw in running if fw.get("launches")]
    names = scene.launchpad.launches.distinct("fworker.name", {"launch_id": {"$in": launches}})
    return CampaignFigures(
        name=record.name,
        state=record.state,
        waiting=count({CAMPAIGN: record.name, "state": {"$in": ["READY", "RESERVED"]}}),
        running=len(launches),
        workers=len(names),
        free=free_bytes(Path(record.folder)),
    )


def campaign(scene: Scene, record: CampaignRecord) -> Iterator[Finding]:
    """Faults of a campaign that no pass can mend."""
    if record.state == "failed":
        yield Finding("campaign-failed", record.name, record.reason)
    yield from given_up(scene.store.jobs.quarantined(record.name))
    if record.state != "running":
        return
    yield from _by_hand(scene, record)
    yield from _unreadable(scene, record)
    yield from _nobody_works(scene, record)


def given_up(jobs: list[JobRecord]) -> Iterator[Finding]:
    """Jobs in quarantine, by what was wrong with them: a remedy each."""
    kinds: dict[str, list[JobRecord]] = defaultdict(list)
    for job in jobs:
        kinds[job.failure].append(job)
    for kind, some in kinds.items():
        known = fault(kind)
        for job in some[:_SHOWN]:
            last = [line for line in job.words.splitlines() if line.strip()]
            words = f"{known.what}: {last[-1].strip()[:200] if last else 'no last words'}"
            yield Finding("job-quarantined", job.id, words, remedy=known.remedy)
        if len(some) > _SHOWN:
            words = f"{len(some) - _SHOWN} more jobs: {known.what}"
            yield Finding("job-quarantined", some[0].campaign, words, remedy=known.remedy)


def _by_hand(scene: Scene, record: CampaignRecord) -> Iterator[Finding]:
    mine = [f for f in scene.fireworks(tuple(_BY_HAND), []) if _campaign(f) == record.name]
    for state, count in Counter(fw["state"] for fw in mine).items():
        code = _BY_HAND[state]
        remedy = fault(code).remedy.replace("NAME", record.name)
        yield Finding(code, record.name, f"{count} fireworks are {state}", remedy=remedy)


def _campaign(firework: dict[str, dict[str, dict[str, str]]]) -> str:
    return firework["spec"]["al_loop"]["campaign"]


def _unreadable(scene: Scene, record: CampaignRecord) -> Iterator[Finding]:
    """Fireworks that failed before any launch: the worker could not even read them."""
    failed = [f for f in scene.fireworks(("FIZZLED",), ["launches"]) if not f.get("launches")]
    mine = [f["fw_id"] for f in failed if _campaign(f) == record.name]
    if mine:
        yield Finding("package-missing", record.name, f"fireworks {mine[:5]} ({len(mine)} in all)")


def _nobody_works(scene: Scene, record: CampaignRecord) -> Iterator[Finding]:
    """Jobs wait, none runs, and nothing begins while we look."""
    query = {CAMPAIGN: record.name, "state": {"$in": ["READY", "RESERVED", "RUNNING"]}}
    seen = set()
    for look in range(_LOOKS):
        if look:
            time.sleep(_BETWEEN)
        states = Counter(fw["state"] for fw in scene.launchpad.fireworks.find(query, {"state": 1}))
        counter = scene.launchpad.fw_id_assigner.find_one({}) or {}
        seen.add((states["READY"], counter.get("next_launch_id")))
        if not states["READY"] or len(states) > 1 or len(seen) > 1:
            return
    refused = [
        event
        for event in scene.store.events.latest(record.name, 50)
        if event.kind == "queue-refused" and scene.now - event.when < _RECENT
    ]
    if refused:
        yield Finding("submit-failing", record.name, refused[-1].text)
    else:
        yield Finding("no-worker", record.name, f"{states['READY']} jobs wait, none runs")
