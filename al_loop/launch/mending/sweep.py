"""The mending pass: what is broken for certain is put right, once, whoever comes first."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fireworks import LaunchPad

from al_loop.errors import AlLoopError, DatabaseAway
from al_loop.launch.mending.folders import folders, is_mounted
from al_loop.launch.mending.indexes import behind
from al_loop.launch.mending.locks import stale_locks
from al_loop.launch.mending.orphans import broken, orphans
from al_loop.launch.mending.runs import lost_runs
from al_loop.launch.mending.scene import Scene, Suspect
from al_loop.launch.mending.states import inconsistent
from al_loop.launch.offline import recover
from al_loop.launch.workflows import FireworksExecutor
from al_loop.loop.advance import advance
from al_loop.loop.context import Context, is_claimed
from al_loop.store import Event, Store

Look = Callable[[Scene], Iterable[Suspect]]

# Locks first: nothing of a workflow can be changed while it is locked.
_URGENT: tuple[Look, ...] = (stale_locks, orphans, broken, lost_runs, inconsistent)
_LOOKS: tuple[Look, ...] = (*_URGENT, folders, behind)

PATIENCE = 5.0
"""Seconds that a person waits until it is certain what dead processes left behind."""

_PAUSE = 0.25
_LOCK_SECONDS = 30.0


@dataclass(frozen=True)
class Mended:
    """Something that was broken, and has been put right."""

    code: str
    """Of the taxonomy of faults."""
    campaign: str
    where: str
    words: str


def mend(
    store: Store,
    launchpad: LaunchPad,
    campaign: str | None = None,
    *,
    urgent_only: bool = False,
    patience: float = 0.0,
) -> list[Mended]:
    """Put right all that is broken, then carry the campaigns on.

    Many processes may do this at once, and again and again. Nothing is done to what merely looks
    broken while a live process works on it, nor to fireworks of other products.

    Parameters
    ----------
    campaign
        Only this one.
    urgent_only
        Leave out what costs a look at every folder: for a pass every few seconds.
    patience
        Seconds to keep looking at what is not certain yet. With 0 it is left to the next pass.
    """
    done = [
        Mended("offline-ended", run.campaign, f"firework {run.fw_id}", f"it is {run.state}")
        for run in recover(launchpad, campaign)
    ]
    began = time.monotonic()
    while True:
        scene = Scene(store, launchpad, campaign)
        waits = False
        for look in _URGENT if urgent_only else _LOOKS:
            certain, rest = _sort_out(scene, look)
            done += [_repair(scene, one) for one in certain if _is_mine(scene, one)]
            # A lock is always waited for: advance() would wait for it much longer.
            limit = max(patience, _LOCK_SECONDS) if look is stale_locks else patience
            waits |= rest < began + limit - time.monotonic()
        if not waits:
            break
        time.sleep(_PAUSE)
    _carry_on(scene)
    return done


def damage(scene: Scene, *, patience: float = 0.0) -> list[Suspect]:
    """What is broken for certain, as :func:`mend` would find it; nothing is changed."""
    end = time.monotonic() + patience
    while True:
        found = [_sort_out(scene, look) for look in _LOOKS]
        if min(rest for _, rest in found) > end - time.monotonic():
            return [one for certain, _ in found for one in certain]
        time.sleep(_PAUSE)


def _sort_out(scene: Scene, look: Look) -> tuple[list[Suspect], float]:
    """What is broken for certain; and in how many seconds the next may be (infinity: none)."""
    suspects = list(look(scene))
    ages = scene.store.sightings.look({one.key: one.looks for one in suspects})
    certain = [one for one in suspects if ages[one.key] >= one.patience]
    rest = [one.patience - ages[one.key] for one in suspects if ages[one.key] < one.patience]
    return certain, min(rest, default=math.inf)


def _is_mine(scene: Scene, suspect: Suspect) -> bool:
    """Whether this process is to repair it, and can: another may be at it."""
    if suspect.changes is not None and not scene.is_free(suspect.changes):
        return False
    return scene.store.sightings.claim(suspect.key, suspect.looks)


def _repair(scene: Scene, suspect: Suspect) -> Mended:
    suspect.repair()
    done = Mended(suspect.code, suspect.campaign, suspect.where, suspect.words)
    if suspect.campaign:
        text = f"{done.where}: {done.words}; put right"
        event = Event(campaign=done.campaign, kind="mended", text=text, data={"code": suspect.code})
        scene.store.events.add(event)
    return done


def _carry_on(scene: Scene) -> None:
    """advance(): results are taken in, lost folders written again, what is due put up.

    A campaign that cannot be carried on from here (another's folder, an engine that is not
    installed) does not keep the others: its error is raised when all have had their turn.
    """
    errors: list[AlLoopError | OSError] = []
    executor = FireworksExecutor(scene.launchpad)
    for record in scene.campaigns:
        if record.name not in scene.names or not is_mounted(record):
            continue
        if not is_claimed(Path(record.folder)):  # lost: a person decides, the doctor says so
            continue
        try:
            if advance(scene.store, record.name, executor) == "paused":
                executor.withdraw(Context(scene.store, record.name))  # what was just put back
        except DatabaseAway:
            raise
        except (AlLoopError, OSError) as error:
            errors.append(error)
    if errors:
        raise errors[0]
