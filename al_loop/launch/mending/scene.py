"""What is looked at, and what is suspected to be broken."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from fireworks import LaunchPad

from al_loop.launch.launchpad import CAMPAIGN
from al_loop.store import CampaignRecord, Store

_LOOKS, _BETWEEN = 40, 0.05


def _nothing() -> None:
    """What is to be done where advance() does it."""


@dataclass(frozen=True)
class Suspect:
    """Something that may be broken. It is, when it has looked the same for ``patience`` seconds.

    What a live process is just doing looks broken too, but only for a moment.
    """

    code: str
    """Of the taxonomy of faults."""
    key: str
    """Which thing; unique in the database."""
    looks: str
    """How it looks; another look means that somebody is at work on it."""
    patience: float
    campaign: str
    where: str
    words: str
    repair: Callable[[], None] = _nothing
    changes: int | None = None
    """A firework whose workflow FireWorks locks for the repair."""


class Scene:
    """Campaigns, their store and their FireWorks. Never other products' fireworks."""

    def __init__(self, store: Store, launchpad: LaunchPad, campaign: str | None = None) -> None:
        """``campaign``: look at this one only."""
        self.store = store
        self.launchpad = launchpad
        records = store.campaigns.all() if campaign is None else [store.campaigns.get(campaign)]
        self.campaigns: list[CampaignRecord] = [r for r in records if r is not None]

    @cached_property
    def names(self) -> list[str]:
        """Names of the campaigns whose fireworks matter: those that have not ended."""
        return [r.name for r in self.campaigns if r.state in ("running", "paused")]

    @cached_property
    def now(self) -> datetime:
        """Time of the server's clock."""
        return self.store.clock()

    def fireworks(self, states: tuple[str, ...], fields: list[str]) -> list[dict[str, Any]]:
        """Our fireworks in these states; ``spec.al_loop`` is among the fields."""
        query = {"state": {"$in": list(states)}, CAMPAIGN: {"$in": self.names}}
        wanted = dict.fromkeys(["fw_id", "state", "spec.al_loop", *fields], 1)
        return list(self.launchpad.fireworks.find(query, wanted))

    def open_workflows(self) -> list[dict[str, Any]]:
        """Our workflows that have not ended."""
        query = {
            "metadata.campaign": {"$in": self.names},
            "state": {"$in": ["WAITING", "READY", "RESERVED", "RUNNING", "FIZZLED", "PAUSED"]},
        }
        fields = ("nodes", "fw_states", "state", "locked", "updated_on", "metadata", "name")
        return list(self.launchpad.workflows.find(query, dict.fromkeys(fields, 1)))

    def is_free(self, fw_id: int) -> bool:
        """Whether a firework's workflow is there and not locked, or soon is not.

        FireWorks itself would wait for five minutes, also for a workflow that is gone.
        """
        for _ in range(_LOOKS):
            workflow = self.launchpad.workflows.find_one({"nodes": fw_id}, {"locked": 1})
            if workflow is None or "locked" not in workflow:
                return workflow is not None
            time.sleep(_BETWEEN)
        return False
