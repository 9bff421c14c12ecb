"""What a signed-in user may ask of a campaign: POST, for those whose role is to work.

Each is what the command of the same name does; the events say who asked. Login and the token of
the form have been looked at before (``al_loop.web.login``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, abort, current_app, flash, g, redirect, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response

from al_loop.campaign.stages import TrustLevels
from al_loop.errors import UserError
from al_loop.launch import control
from al_loop.loop import review
from al_loop.loop.context import Context, is_claimed
from al_loop.store import Connection, Store
from al_loop.web.login import own_path, require_work

actions = Blueprint("actions", __name__, url_prefix="/campaigns/<name>")

LONGEST = 300
"""Characters of a reason."""


@actions.before_request
def _allowed() -> None:
    """For all of this blueprint, so that none is forgotten."""
    require_work()


@actions.post("/pause")
def pause(name: str) -> Response:
    """Put nothing new up."""
    control.pause(_connection(), name, by=g.user.name)
    return _done(name, "paused: jobs that run end and are taken in, nothing new is put up")


@actions.post("/resume")
def resume(name: str) -> Response:
    """Carry on; jobs that were given up are tried again."""
    with Store(_connection()) as store:
        folder = Path(Context(store, name).record.folder)
    # The database names the folder. A person at a shell may claim it, a button may not.
    if not is_claimed(folder):
        raise UserError(
            f"the folder of campaign {name} is not on the machine of this site",
            remedy=f"`al-loop resume {name}` on a machine that has it, or is to have it",
        )
    record = control.resume(_connection(), name, by=g.user.name)
    if record.state == "running":
        return _done(name, "goes on; its jobs wait for workers")
    return _done(name, f"is {record.state}: {record.reason}")


@actions.post("/trust")
def trust(name: str) -> Response:
    """Other fixed trust levels from the next iteration on."""
    given = {key: request.form.get(key, "") for key in ("lower", "upper")}
    try:
        levels = TrustLevels.model_validate({key: float(text) for key, text in given.items()})
    except ValidationError as error:
        abort(400, "; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors()))
    except ValueError:
        abort(400, f"trust levels are two numbers in eV/Å, not {' and '.join(given.values())!r}")
    changes = control.amend_trust(_connection(), name, levels, by=g.user.name)
    if not changes:
        return _done(name, "asks for just that already; nothing has changed")
    return _done(name, "is amended: " + "; ".join(map(str, changes)))


@actions.post("/retry")
def retry(name: str) -> Response:
    """Try a job again that was given up."""
    job = control.retry(_connection(), name, request.form.get("job", ""), by=g.user.name)
    return _done(name, f"tries {job.stage}/{job.name} of iteration {job.iteration} again")


@actions.post("/label")
def label(name: str) -> Response:
    """Believe a label, do not believe it, or compute it again."""
    frame, what = request.form.get("frame", "").strip(), request.form.get("do", "")
    why = _one_line(request.form.get("why", ""))[:LONGEST] or "no reason given"
    asked: dict[str, Any] = {"by": g.user.name}
    with Store(_connection()) as store:
        ctx = Context(store, name)
        if what == "release":
            found, said = review.release(ctx, [frame], **asked), "is believed"
        elif what == "quarantine":
            found, said = review.quarantine(ctx, [frame], why=why, **asked), "is in quarantine"
        elif what == "again":
            found, said = review.rerun(ctx, [frame], **asked), "is computed again"
        else:
            abort(400, "do is one of: release, quarantine, again")
    if not found:
        return _done(name, f"nothing has changed: the label of frame {frame[:12]} was not good")
    return _done(name, f"the label of frame {frame[:12]} {said}, from the next iteration on")


def _one_line(text: str) -> str:
    """What a terminal that shows it later only prints."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _connection() -> Connection:
    found: Connection = current_app.extensions["al_loop_connection"]
    return found


def _done(name: str, said: str) -> Response:
    """Back to where the form was, saying what has happened."""
    flash(f"{name}: {said}")
    back = request.form.get("back") or url_for("al_loop.campaign", name=name)
    return redirect(own_path(back), code=303)
