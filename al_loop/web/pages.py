"""The blueprint of al_loop's pages, within FireWorks' site."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify, render_template

from al_loop.loop.overview import overview
from al_loop.store import Store

pages = Blueprint("al_loop", __name__, static_folder="static", static_url_path="/al-loop/static")


def store() -> Store:
    """The store of this site."""
    found: Store = current_app.extensions["al_loop_store"]
    return found


@pages.get("/campaigns/")
def campaigns() -> str:
    """All campaigns."""
    return render_template("al_loop/campaigns.html", lines=overview(store()))


@pages.get("/campaigns.json")
def campaigns_json() -> Response:
    """The same for programs."""
    return jsonify([line.model_dump(mode="json") for line in overview(store())])
