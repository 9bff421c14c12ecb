"""The blueprint of al_loop's pages, within FireWorks' site."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response, abort, current_app, jsonify, render_template
from pydantic import BaseModel

from al_loop.launch.alive import heartbeats
from al_loop.launch.launchpad import newest_workflows
from al_loop.loop.context import Context
from al_loop.loop.curves import calibration_of
from al_loop.loop.overview import CampaignLine, overview
from al_loop.loop.review import computes, review
from al_loop.store import Store
from al_loop.web.data import CampaignPage, Reader

pages = Blueprint("al_loop", __name__, static_folder="static", static_url_path="/al-loop/static")

MOST_LABELS = 200
"""On a page."""


def store() -> Store:
    """The store of this site."""
    found: Store = current_app.extensions["al_loop_store"]
    return found


@pages.get("/campaigns/")
def campaigns() -> str:
    """All campaigns."""
    return render_template("al_loop/campaigns.html", lines=_lines())


@pages.get("/campaigns.json")
def campaigns_json() -> Response:
    """The same for programs."""
    return jsonify([line.model_dump(mode="json") for line in _lines()])


@pages.get("/campaigns/<name>/")
def campaign(name: str) -> str:
    """One campaign."""
    workflows = newest_workflows(current_app.lp, name)  # type: ignore[attr-defined]
    return render_template("al_loop/campaign.html", page=_page(name), workflows=workflows)


@pages.get("/campaigns/<name>/labels/")
def labels(name: str) -> str:
    """Labels that somebody should look at."""
    ctx = Context(store(), _known(name))
    found = review(ctx)
    return render_template(
        "al_loop/labels.html",
        name=name,
        rows=found[:MOST_LABELS],
        left_out=len(found[MOST_LABELS:]),
        computes=computes(ctx.record),
    )


@pages.get("/campaigns/<name>.json")
def campaign_json(name: str) -> Response:
    """The same for programs: what `al-loop status --json` prints of it."""
    return _json(_page(name).status)


@pages.get("/campaigns/<name>/curves.json")
def curves(name: str) -> Response:
    """Learning curve, fractions, calibration by all labelled frames, or the latest of many."""
    return _json(_reader().curves(_known(name)))


@pages.get("/campaigns/<name>/deviation/<int:iteration>.json")
def deviation(name: str, iteration: int) -> Response:
    """Deviations of the samples of an iteration."""
    found = _reader().histogram(_known(name), iteration)
    return _json(found) if found else abort(404, f"iteration {iteration} has not explored")


@pages.get("/campaigns/<name>/iterations/<int:index>/calibration.json")
def calibration(name: str, index: int) -> Response:
    """True errors against deviations of the frames of an iteration."""
    found = calibration_of(store(), _known(name), index)
    return _json(found) if found else abort(404, f"campaign {name} has no iteration {index}")


def _lines() -> list[CampaignLine]:
    return overview(store(), partial(heartbeats, current_app.lp))  # type: ignore[attr-defined]


def _reader() -> Reader:
    found: Reader = current_app.extensions["al_loop_reader"]
    return found


def _page(name: str) -> CampaignPage:
    return _reader().campaign(_known(name)) or abort(404)  # 404: deleted just now


def _known(name: str) -> str:
    """The name, if there is such a campaign."""
    if store().campaigns.state(name) is None:
        abort(404, f"there is no campaign called {name!r} in this database")
    return name


def _json(document: BaseModel) -> Response:
    return Response(document.model_dump_json(), mimetype="application/json")
