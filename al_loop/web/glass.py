"""The page of a campaign's glasses, and what its frames cover: both take a while to work out."""

from __future__ import annotations

from flask import Blueprint, Response, abort, jsonify, render_template

from al_loop.loop.glass_view import glass_curves, glass_view
from al_loop.web.details import campaign_of, the_store

glass = Blueprint("glass", __name__)


@glass.get("/campaigns/<name>/glass/")
def latest(name: str) -> str:
    """The glasses of the latest iteration that made any."""
    campaign_of(name)
    found = the_store().glasses.iterations(name)
    return show(name, found[-1]) if found else _none(name)


@glass.get("/campaigns/<name>/glass/<int:index>/")
def show(name: str, index: int) -> str:
    """The glasses of an iteration."""
    campaign = campaign_of(name)
    view = glass_view(the_store(), campaign, index)
    if view is None:
        return _none(name)
    return render_template("al_loop/glass.html", campaign=campaign, view=view)


def _none(name: str) -> str:
    return render_template(
        "al_loop/error.html",
        title=f"Glasses of {name}",
        what="None has been made.",
        remedy="a section `validate` in campaign.yaml makes and measures them (docs/glass.md)",
    )


@glass.get("/campaigns/<name>/glass/<int:index>/<system>.json")
def curves(name: str, index: int, system: str) -> Response:
    """Curves of a composition's glasses, beside those that were published."""
    found = glass_curves(the_store(), campaign_of(name), index, system)
    if found is None:
        abort(404, f"iteration {index} of {name} has measured no glass of {system!r}")
    return jsonify([one.model_dump() for one in found])
