"""The page of a campaign's glasses, and what its frames cover: both take a while to work out."""

from __future__ import annotations

from flask import Blueprint, Response, abort, jsonify, render_template

from al_loop.loop.glass_view import glass_curves
from al_loop.store import CampaignRecord
from al_loop.web.details import campaign_of, the_reader, the_store

glass = Blueprint("glass", __name__)


@glass.get("/campaigns/<name>/glass/")
def latest(name: str) -> str:
    """The glasses of the latest iteration that made any."""
    campaign = campaign_of(name)
    found = the_store().glasses.iterations(name)
    return _page(campaign, found[-1] if found else None)


@glass.get("/campaigns/<name>/glass/<int:index>/")
def show(name: str, index: int) -> str:
    """The glasses of an iteration."""
    return _page(campaign_of(name), index)


@glass.get("/campaigns/<name>/glass/<int:index>/<system>.json")
def curves(name: str, index: int, system: str) -> Response:
    """Curves of a composition's glasses, beside those that were published."""
    view = the_reader().glass(campaign_of(name), index)
    found = glass_curves(view, system) if view else None
    if found is None:
        abort(404, f"iteration {index} of {name} has measured no glass of {system!r}")
    return jsonify([one.model_dump() for one in found])


def _page(campaign: CampaignRecord, index: int | None) -> str:
    view = None if index is None else the_reader().glass(campaign, index)
    return render_template("al_loop/glass.html", campaign=campaign, view=view)
