"""Pages of an iteration, a walker, a model and a frame."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, abort, current_app, jsonify, render_template, request

from al_loop.errors import UserError
from al_loop.loop.context import Context
from al_loop.loop.lineage import FrameStory, ModelStory, atom_values, frame_story, model_story
from al_loop.loop.parity import parity_before, parity_of
from al_loop.loop.review import computes
from al_loop.loop.thinning import evenly, plain
from al_loop.loop.trajectory import chosen_of, trajectory_of
from al_loop.store import (
    CampaignRecord,
    IterationRecord,
    LabelState,
    ModelRecord,
    Selection,
    Store,
    WalkRecord,
)
from al_loop.taxonomy import fault
from al_loop.train import CURVE, read_curve
from al_loop.web.data import Reader

details = Blueprint("details", __name__)

MOST_ROWS = 200
"""Frames that the page of an iteration lists."""
MOST_STEPS = 1000
"""Rows of a learning curve that are drawn."""

_CAMPAIGN = "/campaigns/<name>"
_ITERATION = f"{_CAMPAIGN}/iterations/<int:index>"
_WALKER = f"{_ITERATION}/walkers/<walker>"
_MODEL = f"{_CAMPAIGN}/models/<int:index>/<int:member>"
_FRAME = f"{_CAMPAIGN}/frames/<frame>"


@dataclass(frozen=True)
class IterationPage:
    """All that the page of an iteration says."""

    campaign: CampaignRecord
    it: IterationRecord
    latest: int
    walks: list[WalkRecord]
    """Without arrays."""
    models: list[ModelRecord]
    frames: list[Selection]
    """Those chosen, without arrays, the most uncertain first; at most ``MOST_ROWS``."""
    chosen: int
    states: dict[str, LabelState]
    """Of the labels that these frames have."""


@details.get(f"{_CAMPAIGN}/coverage/")
def coverage(name: str) -> str:
    """What its frames cover; the campaign's page shows it too, when it is there."""
    campaign = campaign_of(name)
    covered = the_reader().coverage(campaign)
    return render_template("al_loop/coverage.html", campaign=campaign, coverage=covered)


@details.get(f"{_ITERATION}/")
def iteration(name: str, index: int) -> str:
    """One iteration."""
    store, campaign = the_store(), campaign_of(name)
    it = _iteration(name, index)
    latest = store.iterations.latest(name)
    chosen = store.selections.light(name, index)
    order = sorted(chosen, key=lambda one: (-(one.deviation or 0.0), one.frame))[:MOST_ROWS]
    page = IterationPage(
        campaign=campaign,
        it=it,
        latest=latest.index if latest else index,
        walks=store.walks.of_iteration(name, index, with_arrays=False),
        models=store.models.of_iteration(name, index),
        frames=order,
        chosen=len(chosen),
        states=_states(name, [one.frame for one in order]),
    )
    return render_template("al_loop/iteration.html", page=page)


@details.get(f"{_ITERATION}/parity.json")
def iteration_parity(name: str, index: int) -> Response:
    """Forces as predicted before training, against labels."""
    _iteration(name, index)
    return _json(parity_before(Context(the_store(), name), index).model_dump_json())


@details.get(f"{_WALKER}/")
def walk(name: str, index: int, walker: str) -> str:
    """One walker."""
    found = _walk(name, index, walker)
    chosen = chosen_of(the_store(), found)
    known = found.stop == "completed"
    return render_template(
        "al_loop/walker.html",
        campaign=campaign_of(name),
        walk=found,
        chosen=chosen,
        states=_states(name, [one.frame for one in chosen]),
        fault=None if known else fault(found.stop),
    )


@details.get(f"{_WALKER}.json")
def walk_json(name: str, index: int, walker: str) -> Response:
    """What it measured, thinned."""
    found = _walk(name, index, walker)
    return _json(trajectory_of(the_store(), campaign_of(name), found).model_dump_json())


@details.get(f"{_MODEL}/")
def model(name: str, index: int, member: int) -> str:
    """One member of a committee."""
    story = _model(name, index, member)
    states = _states(name, [one.frame for one in story.rows])
    return render_template(
        "al_loop/model.html", campaign=campaign_of(name), story=story, states=states
    )


@details.get(f"{_MODEL}.json")
def model_json(name: str, index: int, member: int) -> Response:
    """Its learning curve and its parity plots."""
    ctx = Context(the_store(), name)
    found = next(
        (m for m in the_store().models.of_iteration(name, index) if m.member == member), None
    )
    if found is None:
        abort(404, f"iteration {index} of {name} has no model {member}")
    parity = parity_of(ctx, found, the_reader().trained_on(ctx, found.training_set))
    return jsonify(
        curve=_curve(found),
        forces=[one.model_dump() for one in parity.forces],
        energies=[one.model_dump() for one in parity.energies],
    )


@details.get(f"{_FRAME}/")
def frame(name: str, frame: str) -> str:
    """One frame."""
    story, campaign = _frame(name, frame), campaign_of(name)
    values = atom_values(story)
    leading = next(iter(values.values()), None)
    order = [] if leading is None else (-leading).argsort(kind="stable")[:12].tolist()
    return render_template(
        "al_loop/frame.html",
        campaign=campaign,
        computes=computes(campaign),
        story=story,
        values=values,
        order=order,
        fault_of=fault,
    )


@details.get(f"{_FRAME}.json")
def frame_json(name: str, frame: str) -> Response:
    """Its atoms (Å), its cell (Å, rows are vectors) and what its atoms can be coloured by."""
    story = _frame(name, frame)
    return jsonify(
        symbols=story.atoms.get_chemical_symbols(),
        positions=story.atoms.positions.round(4).tolist(),
        cell=story.atoms.cell.array.round(5).tolist(),
        values={title: plain(one, 4) for title, one in atom_values(story).items()},
    )


def the_store() -> Store:
    """The store of this site."""
    found: Store = current_app.extensions["al_loop_store"]
    return found


def the_reader() -> Reader:
    """What this process has worked out for the pages."""
    found: Reader = current_app.extensions["al_loop_reader"]
    return found


def campaign_of(name: str) -> CampaignRecord:
    """A campaign, or the page that says that there is none."""
    found = the_store().campaigns.get(name)
    return found or abort(404, f"there is no campaign called {name!r} in this database")


def _iteration(name: str, index: int) -> IterationRecord:
    campaign_of(name)
    found = the_store().iterations.get(name, index)
    return found or abort(404, f"campaign {name} has no iteration {index}")


def _walk(name: str, index: int, walker: str) -> WalkRecord:
    _iteration(name, index)
    found = the_store().walks.get(name, index, walker)
    return found or abort(404, f"iteration {index} of {name} has no walk of {walker!r}")


def _model(name: str, index: int, member: int) -> ModelStory:
    campaign_of(name)
    page = request.args.get("page", "1")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 8 else 1
    ctx, kept = Context(the_store(), name), the_reader().trained_on
    found = model_story(ctx, index, member, page=number, trained_on=kept)
    return found or abort(404, f"iteration {index} of {name} has no model {member}")


def _frame(name: str, frame: str) -> FrameStory:
    campaign_of(name)
    whole = len(frame) == 64 and frame.isascii() and frame.isalnum()
    found = frame_story(the_store(), name, frame, method=_method(name)) if whole else None
    return found or abort(404, f"campaign {name} has not chosen a frame {frame[:12]}")


def _method(name: str) -> str | None:
    try:
        return Context(the_store(), name).method
    except UserError:  # its labeller is not installed here
        return None


def _states(name: str, frames: list[str]) -> dict[str, LabelState]:
    method = _method(name)
    return {} if method is None else the_store().labels.states(frames, method)


def _curve(model: ModelRecord) -> dict[str, list[float | None]] | None:
    key = model.files.get(CURVE)
    if key is None:
        return None
    curve = read_curve(the_store().files.get_bytes(key).decode())
    at = evenly(len(curve.step), MOST_STEPS)
    columns = {name: plain(values[at], 5) for name, values in curve.columns.items()}
    return {"step": [float(step) for step in curve.step[at]], **columns}


def _json(text: str) -> Response:
    return Response(text, mimetype="application/json")
