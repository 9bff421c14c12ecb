"""al_loop: neural-network potentials for oxide glasses by active learning.

The names below are the public interface; they are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from al_loop.api import Campaign
    from al_loop.campaign import CampaignSpec, load_campaign
    from al_loop.errors import AlLoopError
    from al_loop.store import Connection, LocalServer

__all__ = [
    "AlLoopError",
    "Campaign",
    "CampaignSpec",
    "Connection",
    "LocalServer",
    "load_campaign",
]

_HOMES = {
    "AlLoopError": "al_loop.errors",
    "Campaign": "al_loop.api",
    "CampaignSpec": "al_loop.campaign",
    "Connection": "al_loop.store",
    "LocalServer": "al_loop.store",
    "load_campaign": "al_loop.campaign",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use (FireWorks and pymongo take their time)."""
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module 'al_loop' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
