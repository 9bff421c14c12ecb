"""FireWorks' own site, a fresh one, without what is unsafe in it.

Its pages stay where they are: /fw/N, /wf/N, /report/...; its home moves to /fireworks/.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fireworks import LaunchPad
from flask import Flask, Response, abort, redirect, render_template, request, url_for
from jinja2 import ChoiceLoader, FileSystemLoader
from werkzeug.wrappers import Response as AnyResponse

from al_loop.masking import MASK

INTERVALS = ("minutes", "hours", "days", "weeks", "months", "years")
MOST_INTERVALS = 366
LARGEST = (1 << 63) - 1
"""Number that the database can hold."""
SORTED_BY = ("_id", "fw_id", "name", "created_on", "updated_on")
SECRET_WORDS = ("password", "passwd", "secret", "token", "api_key", "apikey", "credential")
SHOWN = 200
"""Fireworks of a workflow that its page lists."""

Json = Any


def fresh_site(launchpad: LaunchPad) -> Flask:
    """FireWorks' site on this database.

    FireWorks keeps its site in a module; each call here runs that module's text anew, so that
    nothing that is done to this site is done to `lpad webgui`.
    """
    spec = importlib.util.find_spec("fireworks.flask_site.app")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    app: Flask = module.app
    app.lp = launchpad  # type: ignore[attr-defined]  # FireWorks' views look for it here
    ours = FileSystemLoader(Path(__file__).parent / "templates")
    theirs = app.jinja_loader
    assert theirs is not None
    app.jinja_loader = ChoiceLoader([ours, theirs])
    home = app.view_functions["home"]
    app.add_url_rule("/fireworks/", "fireworks_home", home)
    app.view_functions["home"] = _to_campaigns
    app.view_functions["fw_details"] = _firework_page(launchpad)
    app.view_functions["get_fw_details"] = _firework_json(launchpad)
    app.view_functions["wf_details"] = _workflow_page(launchpad)
    app.view_functions["workflow_json"] = _workflow_json(
        launchpad, app.view_functions["workflow_json"]
    )
    return app


def refuse_odd_requests(app: Flask) -> None:
    """Answer what FireWorks' views should never see."""
    app.before_request(_no_queries)
    app.before_request(_sane_paths)


def _to_campaigns() -> AnyResponse:
    return redirect(url_for("al_loop.campaigns"))


def _no_queries() -> None:
    """FireWorks would hand these to the database, `$where` and its JavaScript included."""
    if "fw_query" in request.args or "wf_query" in request.args:
        abort(400, "raw queries are not taken here; use `lpad get_fws -q` on your own machine")


def _sane_paths() -> None:
    """What FireWorks takes from a path and hands on, or what it or the database chokes on."""
    given = request.view_args or {}
    if any(isinstance(value, int) and value > LARGEST for value in given.values()):
        abort(404)
    if given.get("interval", INTERVALS[0]) not in INTERVALS:
        abort(404)
    number = str(given.get("num_intervals", 1))
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= MOST_INTERVALS):
        abort(404)
    if given.get("sorting_key", "_id") not in SORTED_BY:
        abort(404)
    if given.get("sorting_order", "ASCENDING") not in ("ASCENDING", "DESCENDING"):
        abort(404)
    if given.get("coll", "fireworks") not in ("fireworks", "workflows", "launches"):
        abort(404)
    if "$" in given.get("key", ""):
        abort(404)
    page = request.args.get("page", "1")
    if not (page.isascii() and page.isdigit() and 1 <= int(page) <= 1_000_000):
        abort(404)


def without_secrets(value: Json) -> Json:
    """``value`` with dots for whatever stands under a key that sounds like a secret."""
    if isinstance(value, Mapping):
        return {
            str(key): MASK if _sounds_secret(str(key)) else without_secrets(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_secrets(inner) for inner in value]
    return value


def _sounds_secret(key: str) -> bool:
    return any(word in key.lower() for word in SECRET_WORDS)


def _firework(launchpad: LaunchPad, fw_id: int) -> dict[str, Json]:
    try:
        found = launchpad.get_fw_dict_by_id(fw_id)
    except ValueError:  # FireWorks' word for: there is none
        abort(404, f"there is no firework {fw_id}")
    # Times and ids become text.
    plain: dict[str, Json] = json.loads(json.dumps(without_secrets(found), default=str))
    return plain


def _firework_json(launchpad: LaunchPad) -> Callable[..., Response]:
    def view(fw_id: int) -> Response:
        found = _firework(launchpad, fw_id)
        found.pop("_id", None)
        return Response(json.dumps(found), mimetype="application/json")

    return view


def _firework_page(launchpad: LaunchPad) -> Callable[..., str]:
    def view(fw_id: int) -> str:
        fw = _firework(launchpad, fw_id)
        workflow = launchpad.workflows.find_one({"nodes": fw_id}, {"name": 1, "nodes": 1})
        job = fw["spec"].get("al_loop")
        return render_template(
            "fw_details.html",
            fw=fw,
            workflow=workflow,
            job=job if isinstance(job, Mapping) and {"campaign", "iteration"} <= set(job) else None,
            text=json.dumps(fw, indent=2, ensure_ascii=False),
        )

    return view


def _workflow_page(launchpad: LaunchPad) -> Callable[..., str]:
    def view(wf_id: int) -> str:
        workflow = launchpad.workflows.find_one({"nodes": wf_id})
        if workflow is None:
            abort(404, f"there is no workflow with firework {wf_id}")
        nodes = workflow["nodes"][:SHOWN]
        fields = {"fw_id": 1, "name": 1, "state": 1, "updated_on": 1, "_id": 0}
        fireworks = launchpad.fireworks.find({"fw_id": {"$in": nodes}}, fields).sort("fw_id", 1)
        return render_template(
            "wf_details.html",
            wf_id=wf_id,
            workflow=without_secrets(workflow),
            fireworks=list(fireworks),
            left_out=len(workflow["nodes"]) - len(nodes),
        )

    return view


def _workflow_json(launchpad: LaunchPad, view: Callable[..., Any]) -> Callable[..., Response]:
    def known(wf_id: int) -> Response:
        if launchpad.workflows.find_one({"nodes": wf_id}, {"_id": 1}) is None:
            abort(404, f"there is no workflow with firework {wf_id}")
        response: Response = view(wf_id=wf_id)
        response.mimetype = "application/json"  # FireWorks calls it HTML, hostile names and all
        return response

    return known
