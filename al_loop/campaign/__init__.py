"""The campaign file: what a user asks for, as frozen, strict, typed options."""

from al_loop.campaign.engines import EngineOptions, engine_class, engine_names, make_engine
from al_loop.campaign.load import dump_campaign, load_campaign, parse_campaign
from al_loop.campaign.spec import CampaignSpec

__all__ = [
    "CampaignSpec",
    "EngineOptions",
    "dump_campaign",
    "engine_class",
    "engine_names",
    "load_campaign",
    "make_engine",
    "parse_campaign",
]
